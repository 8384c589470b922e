/*
 * launch.h - starts a program of ours: with the descriptors that are meant for it and no others, an environment that nobody steers, no signal
 * blocked, no way to new privileges, and an end when its parent ends.
 */
#ifndef LAUNCH_H
#define LAUNCH_H

#include <stddef.h>
#include <sys/types.h>

#define LAUNCH_FDS 8

struct launch {
	const char *program;			/* as program_path takes it */
	char *const *arguments;
	const int *fds;				/* at most LAUNCH_FDS; fds[i] is its descriptor 3 + i. 0 to 2 are the caller's */
	size_t fds_n;
	int (*become)(const void *who);		/* NULL: it stays who we are. In the child, before the program begins; 0 or -errno */
	const void *who;
};

/* Its process, or -errno. What fails after that is logged, and is exit code 127. */
pid_t launch(const struct launch *);
/* Until it has ended. Its exit code; 128 and the signal's number; or -errno. */
int launch_wait(pid_t);

#endif
