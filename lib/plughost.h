/*
 * plughost.h - one plugin in a host of its own, for a program that is no agent core: `beadle check` and the
 * configuration reader. Blocking, with a deadline. The host is beadle-host, so walls, options and reports are those of
 * production.
 */
#ifndef PLUGHOST_H
#define PLUGHOST_H

#include <stdint.h>
#include <sys/types.h>

#include "arena.h"
#include "proto/host.pb-c.h"

struct plughost_options {
	const char *name, *module;	/* absolute path */
	const char *state;		/* private directory, or NULL */
	uid_t uid;			/* 0: stay who we are */
	gid_t gid;
	uint64_t memory;		/* 0: no limit */
	uint64_t capabilities;		/* as root with a uid: granted (lib/grant.h) */
	int procscan;			/* granted */
	uint32_t descriptors;		/* granted: mask of GRANT_DESCRIPTOR (lib/grant.h) */
	const char *grants;		/* lib/grant.h, one a line; or NULL */
};

struct plughost { pid_t pid; int socket; };

/* 0 or -errno. plughost_end always, also after an error. */
int plughost_start(const struct plughost_options *, struct plughost *ret);

/* One message to the host; -EPIPE when it has ended. */
int plughost_send(struct plughost *, const Host__ToHost *);

/* The next message, in the arena. 1; 0: the host has closed its end; -ETIMEDOUT when the deadline (clock_boot) has
 * passed, or another -errno when its bytes make no sense. */
int plughost_receive(struct plughost *, int64_t deadline, struct arena *, Host__FromHost **ret);

/* Ends the host, by force when it does not end at once. Returns its status as of waitpid(2); -1: it never ran. */
int plughost_end(struct plughost *);

/* "was killed by SIGSEGV", "ended with status 1": of a status. Returns buf. */
char *plughost_words(int status, char buf[64]);

#endif
