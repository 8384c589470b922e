/* steps.h - a test that kills its own child before the so-manieth step to disk: a change of a name, and what else the test counts. */
#ifndef STEPS_H
#define STEPS_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static int kill_at;		/* before which; 0: never */

static inline void step(void)
{
	if (kill_at && --kill_at == 0)
		raise(SIGKILL);
}

/* The program's own come before the C library's. */
int rename(const char *from, const char *to)
{
	step();
	return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

#endif
