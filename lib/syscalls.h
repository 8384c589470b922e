/*
 * syscalls.h - which system calls this process, and all that it starts, may still make (seccomp, by libseccomp). What is
 * not on the list is refused with EPERM and, by a handler of ours, written down; in tests ($BEADLE_WALLS=kill) it kills.
 */
#ifndef SYSCALLS_H
#define SYSCALLS_H

#include <stddef.h>

/* Sets of calls, in syscalls.c. Each process has the first. */
enum syscalls_sets {
	CALLS_ALL = 0,			/* memory, time, signals to itself, what is open already */
	CALLS_READ = 1 << 0,		/* open files, list and look at them */
	CALLS_WRITE = 1 << 1,		/* make, rename, remove, sync */
	CALLS_MODES = 1 << 2,		/* change owners, modes of others' files, times and attributes */
	CALLS_FORK = 1 << 3,		/* processes of its own, and signals to them */
	CALLS_EXEC = 1 << 4,
	CALLS_LISTEN = 1 << 5,
	CALLS_USERS = 1 << 6,		/* become another user, give up capabilities */
	CALLS_FANOTIFY = 1 << 7,
};
/* Families of sockets that may be made. */
enum syscalls_families {
	FAMILY_UNIX = 1 << 0,
	FAMILY_INTERNET = 1 << 1,	/* IPv4 and IPv6, streams and datagrams, and what a resolver asks the kernel */
	FAMILY_RAW = 1 << 2,
};

enum syscalls_quiet { SYSCALLS_QUIET = 1, SYSCALLS_QUIET_IN_USE = 2 };

struct syscalls {
	unsigned sets, families;
	int quiet;	/* refused without a word: programs of others try this and that (SYSCALLS_QUIET); or, but for tests, who has just been started */
	int deadly;	/* what only somebody who has taken the process over would call ends it */
};

/* From now on, for good; sets "no new privileges". 0, -EOPNOTSUPP: the kernel has no seccomp; or -errno. */
int syscalls_confine(const struct syscalls *);

/* On top of it: no file is run or mapped as code any more (a library that a plugin wrote itself). */
int syscalls_seal(void);

/* On top of it: no packet goes out with an IP header of its own making (a raw socket that was handed over). */
int syscalls_no_headers(void);

/* Refusals are kept in `kept`, which may be memory that children share: at most `room` numbers of calls, each plus one
 * and once; 0 where none is. For the process and its children, until they exec. */
void syscalls_watch(int *kept, size_t room);
void syscalls_tell(void);		/* instead: each once, in the log, by its number */
/* Name of a call, or its number in words. Returns buf. */
char *syscalls_name(int number, char buf[32]);

#endif
