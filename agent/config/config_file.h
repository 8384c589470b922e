/*
 * config_file.h - what agent.yaml and agent.d/NAME.yaml say, checked by type, before any plugin is asked. All errors go
 * to the problems; what is returned then is only good for finding more of them.
 */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/conf.h"
#include "lib/problem.h"
#include "lib/vec.h"

#define CHECKS_MAX 1000
#define FILES_MAX 256		/* in agent.d */

struct limits { uint64_t memory, file_size; int64_t processes, files; };

struct check {
	const char *name, *plugin;
	const char *file;
	unsigned line;
	int64_t interval, interval_min, interval_max, timeout;	/* ns */
	bool assigned_only, deny;
	struct limits limits;
	const struct conf_node *options;	/* a map, or NULL */
	const struct conf_node *grant, *withhold, *remote;	/* lists, or NULL */
};

struct config {
	VEC(const char *) collectors;
	VEC(const char *) folders;	/* of plugins; none: the installed place */
	const char *identity, *state;
	uint64_t spool_measurements, spool_events, spool_kept;
	int64_t sync;
	int64_t silence, heartbeat;	/* of the connection, ns */
	int64_t first_user;		/* numeric id of the plugin of index 0 */
	struct limits limits;
	bool unread;			/* agent.yaml could not be read: nobody knows where the plugins are */
	VEC(struct check) checks;
	VEC(struct conf *) files;	/* own all the texts */
	VEC(char *) names;
};

/* Reads `path`, and agent.d beside it. */
void config_read(const char *path, struct config *ret, struct problems *);
/* One file's text: for tests. */
void config_take_agent(struct config *, const struct conf_node *root, struct problems *);
void config_take_checks(struct config *, const struct conf_node *root, struct problems *);
void config_free(struct config *);

#endif
