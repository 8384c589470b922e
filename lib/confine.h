/*
 * confine.h - what each of our processes may still do once it has begun (SECURITY 5.6), as data: one row a role; and the part about
 * files and ports by itself, for a host, whose row is what it was granted. What this kernel cannot hold back (an old Landlock, or
 * none) is left to users and modes.
 */
#ifndef CONFINE_H
#define CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "landlock.h"

#define CONFINE_WHY 256

enum confine_role {
	CONFINE_AGENT, CONFINE_CONFIG, CONFINE_TEMPLATE, CONFINE_CORE, CONFINE_PROCSCAN, CONFINE_WATCH,
	CONFINE_COLLECTOR, CONFINE_SETUP, CONFINE_COLLECT, CONFINE_SIGNER, CONFINE_NOTIFIER, CONFINE_WEB,
	CONFINE_ROLES,
};

struct confine_path { const char *path; unsigned rights; };	/* enum landlock_rights; NULL path: left out */

/* Files that programs read to live: libraries, time zone; users and hosts; the kernel's tables; all of /etc and /run. */
enum confine_base { CONFINE_LIBRARIES = 1, CONFINE_NAMES = 2, CONFINE_KERNEL = 4, CONFINE_ETC = 8 };

/* Puts up all walls of a role whose row has any, around these files and folders of its own: not dumpable, no core file, no new
 * privileges, files, system calls; what is open stays open. Before the first thread, and before any byte from outside is read. 0, or
 * -errno with the reason in words: then the process must end. */
int confine_enter(enum confine_role, const struct confine_path *, size_t n, char why[CONFINE_WHY]);

#define CONFINE_BY_PARENT 2	/* filtered by what it has from who started it, and by nothing of its own */
/* What a role should look like in /proc/PID/status. */
struct confine_should {
	const char *program, *user;	/* NULL: whoever started it */
	uint64_t capabilities;		/* at most */
	unsigned filtered;		/* 1: by a filter of its own */
};
const struct confine_should *confine_should(enum confine_role);

/* What this kernel leaves to users and modes, in words; NULL: nothing. Else returns buf. */
char *confine_missing(char buf[CONFINE_WHY]);

/* No file but these, and no TCP port but these as far as `walls` (enum landlock_walls) says; what is open stays open. 0 (also on a
 * kernel without Landlock) or -errno. */
int confine_files(unsigned walls, unsigned base, const struct confine_path *, size_t n, const uint16_t *ports, size_t n_ports);

#endif
