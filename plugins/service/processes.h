/* processes.h - which of the wanted processes run: by pid file, or by executable and user from /proc. */
#ifndef PROCESSES_H
#define PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "plugins/service/targets.h"

/* By its pid file. A zombie does not run. Returns -errno when it cannot be told (a file that is closed to us). */
int processes_pidfile(const struct process *, bool *ret_up);

/* Before each count: forgets the last one and looks the users up. */
void processes_begin(struct process *list, size_t n);

/* Counts, in .found, the running processes of each target without a pid file, in one walk through /proc. An executable
 * that another user's process keeps from us is told by the first 15 bytes of its name. Returns the number of processes
 * seen, or -errno. */
int processes_scan(struct process *list, size_t n);

/* The same for one process whose executable is known. */
void processes_count(struct process *list, size_t n, const char *exe, uid_t uid);
#endif
