/* patch.h - what the two package managers share. */
#ifndef PATCH_H
#define PATCH_H

#include <beadle/plugin.h>

#include "plugins/patch/pending.h"

struct patch {
	const char *manager, *support;
	struct beadle_path root, apt_get, dnf, distro_info, boot;
	struct beadle_globs *security;
	struct beadle_duration timeout;

	const char *base;		/* root without its last slash: "" for the machine itself */
	struct pending pending;
};

/* A package manager. Each returns 0 or -errno; what could not be told is noted with beadle_skip by the caller. */
struct manager {
	const char *name;
	bool (*is_here)(const struct patch *);
	uint64_t (*fingerprint)(const struct patch *);
	/* When the lists were last brought up to date, seconds since 1970. */
	int (*lists)(struct beadle_ctx *, const struct patch *, int64_t *ret);
	/* Fills in .count and the security updates of .pending, and .last_update. Costly. Between pending_begin and
	 * pending_end. */
	int (*compute)(struct beadle_ctx *, struct patch *, int64_t now);
};

extern const struct manager apt, dnf;

/* Runs a program; an exit status other than `also` and 0 is -EIO, told in the log with the program's name. */
int patch_run(struct beadle_ctx *, const struct patch *, const char *const argv[], int also, char **ret_out);

/* Calls `line` for each line of a text, cut up in place. */
int patch_lines(char *text, int (*line)(char *line, void *arg), void *arg);
#endif
