/*
 * landlock.h - which files this process, and all that it starts, may still open (Landlock, by raw system calls: the
 * kernel's version says what it can hold back, and the rest is left to users and modes).
 */
#ifndef LANDLOCK_H
#define LANDLOCK_H

#include <stdint.h>

enum landlock_rights {
	LANDLOCK_READ = 1,	/* files and folders */
	LANDLOCK_EXECUTE = 2,	/* read, and run */
	LANDLOCK_WRITE = 4,	/* read, write, make and remove; not: run, make devices */
	LANDLOCK_DEVICE = 8,	/* read and write what is there */
	LANDLOCK_CONTROL = 16,	/* ioctl on devices that are read */
};
enum landlock_walls {
	LANDLOCK_CONNECT = 1,	/* TCP connections only to ports of landlock_port (version 4) */
	LANDLOCK_BIND = 2,	/* no TCP port is taken (version 4) */
	LANDLOCK_SIGNALS = 4,	/* no signal goes to a process outside (version 6), nor a word to its abstract sockets */
};

int landlock_version(void);	/* of the kernel; 0: it has none, or it is switched off */

/* A ruleset that allows nothing yet; its descriptor, or -errno (-EOPNOTSUPP: no Landlock here). */
int landlock_open(unsigned walls);
/* Adds; a path that is not there is left out. 0 or -errno. */
int landlock_path(int ruleset, const char *path, unsigned rights);
int landlock_port(int ruleset, uint16_t port);
/* From now on, for good. Needs "no new privileges". Closes the ruleset. 0 or -errno. */
int landlock_enforce(int ruleset);

#endif
