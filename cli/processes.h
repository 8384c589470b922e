/* processes.h - what our processes on this machine really hold, as the kernel tells it, against what they should (SECURITY 5.6). */
#ifndef PROCESSES_H
#define PROCESSES_H

enum processes_half { PROCESSES_AGENT, PROCESSES_COLLECTOR };

/* Tells of each that runs, hosts of plugins with it: level "ok", "warning" or "critical". What is just starting is given 2 s. */
typedef void processes_told(void *arg, const char *level, const char *mend, const char *what);
void processes_look(enum processes_half, processes_told *, void *arg);

/* What this kernel can hold back at all. */
void processes_kernel(processes_told *, void *arg);

#endif
