/*
 * rig.h - a real template with real hosts, driven through its sockets as launcher and core do it. For tests.
 */
#ifndef RIG_H
#define RIG_H

#include <check.h>
#include <stdbool.h>

#include "agent/template.h"
#include "lib/arena.h"
#include "lib/plughost.h"

/* As root: the first host's user. Another run of the same test on the same machine has others, for a host's end is the
 * end of all that its user runs. */
#define RIG_USER (66000u + (uint32_t)rig_parent % 500 * 4)
extern pid_t rig_parent;

struct rig {
	int launcher, core;	/* our ends */
	pid_t template;
	char state[64];		/* a folder of its own, removed by rig_stop */
	struct arena *arena;	/* of received messages, until rig_stop */
	struct plugin_record records[4];
	uint32_t n;
};

void rig_start(struct rig *);
void rig_stop(struct rig *);		/* the template must still be there, and end by itself */

/* A record of this module of tests/plugins/bad, with moderate limits; as root with a user of its own. */
struct plugin_record *rig_record(struct rig *, const char *name);
void rig_load(struct rig *);		/* hands the records over */

/* Starts plugin `index`; its host's pid and socket. */
struct plughost rig_host(struct rig *, uint32_t index, uint32_t serial);
void rig_ask(struct rig *, uint32_t what, uint32_t index, uint32_t serial);
struct template_tell rig_tell(struct rig *, int *ret_fd);	/* the next word of the template; fails after 20 s */
struct template_tell rig_ended(struct rig *);			/* ... which must be TEMPLATE_ENDED */

void rig_configure(struct plughost *, uint32_t check, const char *misdeed, const char *grant);	/* either may be NULL */
void rig_run(struct plughost *, uint32_t check, uint64_t run);
/* The next message, within so many seconds; NULL at the end (ret_error 0) or -errno. */
Host__FromHost *rig_message(struct rig *, struct plughost *, double seconds, int *ret_error);
/* Skips what comes before the Round. */
Host__Round *rig_round(struct rig *, struct plughost *, double seconds);

/* A well-behaved host beside the bad one still measures. */
void rig_still_serves(struct rig *, struct plughost *good);

/* What the tests of hosts share: a rig with two plugins of module "bad"; the second one's host is there all the time,
 * and must not notice anything of what the first one does. */
extern struct rig rig;
extern struct plughost rig_good;
struct plughost rig_commit(const char *misdeed);	/* a host whose check 7 does this, and is running */
void rig_end(struct plughost *); /* ends it as the core does; it must have nothing to complain of */
int rig_main(const char *name, void (*add)(TCase *));

#endif
