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
	int to_template, to_core, wishes;	/* our ends; -1 */
	unsigned openers;		/* processes that open a descriptor for a host */
};
int children_start(struct children *, const struct reading *, uid_t uid, gid_t gid);
int children_reload(struct children *, const struct reading *);	/* template first, then the core */
void children_end(struct children *);				/* in order: core, which flushes, then template */
bool children_reap(struct children *);				/* true when one of them has died; tells it */

/* descriptors.c: a host wishes for a descriptor of the fixed list (lib/descriptor.h). It gets what the reading has for its plugin. */
void descriptors_hear(struct children *, const struct reading *);
/* Watching file systems takes CAP_SYS_ADMIN, which nothing that is started here gets: kept while a plugin was granted that, else given
 * up for good. */
void descriptors_keep(const struct reading *);
int descriptors_none(const void *);				/* for launch: in the child, that right is given up */

#endif
