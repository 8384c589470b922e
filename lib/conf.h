/*
 * conf.h - configuration: a strict subset of YAML (libyaml), read as a tree of texts with their lines, and one typed
 * layer over it. No anchors, aliases, tags, duplicate keys or more than one document. Nothing here stops at the first
 * error: all are added to the problems; the configuration counts only when there are none.
 *
 * How a file is read:
 *   struct conf *c = conf_read(path, problems);            (or conf_parse for a string: tests)
 *   const struct conf_node *root = conf_root(c);           a map, possibly empty
 *   conf_duration(root, "interval", 60 * NS_PER_S, min, max, &out, problems);
 *   conf_done(root, problems);                             names each key that nobody asked for, and the nearest right one
 */
#ifndef CONF_H
#define CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "problem.h"

struct conf;
struct conf_node;
enum conf_type { CONF_TEXT, CONF_LIST, CONF_MAP };

/* A file that cannot be read or parsed is a problem, and an empty map. Limits: 1 MiB, depth 16, 100,000 nodes. */
struct conf *conf_read(const char *path, struct problems *);
struct conf *conf_parse(const char *text, size_t n, const char *name, struct problems *);
void conf_free(struct conf *);

const struct conf_node *conf_root(const struct conf *);
const char *conf_file(const struct conf_node *);
unsigned conf_line(const struct conf_node *);
enum conf_type conf_type(const struct conf_node *);

/* A map's or list's members, in order. Key is NULL in a list. */
size_t conf_count(const struct conf_node *);
const struct conf_node *conf_at(const struct conf_node *, size_t i);
const char *conf_key(const struct conf_node *);
const char *conf_value(const struct conf_node *);	/* text of a CONF_TEXT node, else NULL */

/* A member of a map, marked as asked for; NULL when absent. The second adds a problem when it is absent. */
const struct conf_node *conf_get(const struct conf_node *map, const char *key);
const struct conf_node *conf_need(const struct conf_node *map, const char *key, struct problems *);
/* The member when it is of that type; absent: NULL; of another type: NULL and a problem. */
const struct conf_node *conf_map(const struct conf_node *map, const char *key, struct problems *);
const struct conf_node *conf_list(const struct conf_node *map, const char *key, struct problems *);

/* Typed members. Absent: *ret = dflt. Wrong or out of [min, max]: a problem, and *ret = dflt. Strings live as long as
 * the conf; dflt NULL of conf_string means absent is NULL. */
void conf_string(const struct conf_node *, const char *key, const char *dflt, const char **ret, struct problems *);
void conf_bool(const struct conf_node *, const char *key, bool dflt, bool *ret, struct problems *);
void conf_int(const struct conf_node *, const char *key, int64_t dflt, int64_t min, int64_t max, int64_t *ret,
	      struct problems *);
void conf_double(const struct conf_node *, const char *key, double dflt, double min, double max, double *ret,
		 struct problems *);
void conf_duration(const struct conf_node *, const char *key, int64_t dflt, int64_t min, int64_t max, int64_t *ret_ns,
		   struct problems *);
void conf_size(const struct conf_node *, const char *key, uint64_t dflt, uint64_t min, uint64_t max, uint64_t *ret,
	       struct problems *);
/* One of `names` (ends with NULL) -> its index. */
void conf_choice(const struct conf_node *, const char *key, const char *const *names, int dflt, int *ret,
		 struct problems *);

void conf_done(const struct conf_node *map, struct problems *);	/* this map alone, not those in it */

#endif
