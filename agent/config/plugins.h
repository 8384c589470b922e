/*
 * plugins.h - the plugins that the checks name: each is found, given an index (and with it a user id) that lasts as
 * long as the state directory, and asked in a host of its own for its inventory and whether it likes its checks'
 * options.
 */
#ifndef PLUGINS_H
#define PLUGINS_H

#include "agent/config/config_file.h"
#include "agent/template.h"
#include "lib/arena.h"
#include "proto/host.pb-c.h"

struct plugin {
	struct plugin_record record;
	Host__Inventory *inventory;	/* in the arena; with the module's SHA-256 */
};

struct plugins {
	struct plugin *at[PLUGINS_MAX];	/* by index; NULL where no check names it */
	struct arena *arena;
};

/* As root each plugin gets a user id of its own. `dry`: nothing is written (--check-config). */
void plugins_ask(struct plugins *, const struct config *, bool dry, struct problems *);
struct plugin *plugins_find(const struct plugins *, const char *name);
void plugins_free(struct plugins *);

/* The inventory of one module, in the arena, and what the module says of the configuration of checks (n may be 0). NULL
 * and a problem at file:line. */
Host__Inventory *plugins_inventory(const struct plugin_record *, const struct check *const *checks, size_t n,
				   const char *file, unsigned line, struct arena *, struct problems *);

/* registry.c: names of plugins, one a line, in STATE/plugins.index: a plugin's line is its index. */
struct registry { char *names[PLUGINS_MAX]; size_t n, n_stored; };
int registry_read(const char *state, struct registry *);		/* -EBADMSG: not such a file */
int registry_index(struct registry *, const char *name);		/* -ENOSPC when there are too many */
int registry_write(const char *state, struct registry *);		/* when it has grown */
void registry_free(struct registry *);

/* grants.c: what a check is granted of what its plugin needs. Needs that give no power (paths, programs, sockets,
 * network) are granted as declared; capabilities and services by name, under `grant:`. Adds to the record. Either of
 * `found` and the problems may be NULL. */
typedef void grant_found(void *arg, const char *grant);
void grants_of(const struct check *, const Host__Inventory *, struct plugin_record *, grant_found *, void *arg,
	       struct problems *);

#endif
