/*
 * launcher.h - beadle-agent: starts configuration reader, template and core, hands them their descriptors, and ends or
 * restarts them. It parses nothing: what it reads are fixed-size records, whose bounds it checks.
 */
#ifndef LAUNCHER_H
#define LAUNCHER_H

#include <stdbool.h>
#include <sys/types.h>

#include "agent/template.h"

/* What beadle-config found. */
struct reading {
	struct plugin_record *records;
	uint32_t n;
	int plan;		/* sealed memfd */
};

/* reader.c: runs beadle-config. 0; -EINVAL: the configuration has mistakes, which beadle-config has told; or another
 * -errno, which was logged. */
int reader_run(const char *config, uid_t uid, gid_t gid, struct reading *ret);
void reader_free(struct reading *);
int reader_check(const char *config);	/* for --check-config: the exit status */

/* children.c. Each gets the descriptors of agent/template.h, a clean environment, and dies with us. */
struct children {
	pid_t template, core;		/* 0: does not run */
	int to_template, to_core;	/* our ends; -1 */
};
int children_start(struct children *, const struct reading *, uid_t uid, gid_t gid);
int children_reload(struct children *, const struct reading *);	/* template first, then the core */
void children_end(struct children *);				/* in order: core, which flushes, then template */
bool children_reap(struct children *);				/* true when one of them has died; tells it */

#endif
