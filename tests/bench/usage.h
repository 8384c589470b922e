/* usage.h - what a process has spent, as the kernel counts it. */
#ifndef USAGE_H
#define USAGE_H

#include <sys/types.h>

struct usage { double cpu, rss_mb, peak_mb; };	/* CPU seconds, user and system; 10^6 bytes */

void usage_read(pid_t, struct usage *);		/* all 0 when there is no such process */

#endif
