/* assignment.h - which of its own permitted checks an agent is to run, by the groups of its host: the item groups of collector.yaml.
 *
 *   groups: {servers: {disk: {interval: 60s, options: {mounts: "/ /srv"}}, clock: {}}}
 */
#ifndef ASSIGNMENT_H
#define ASSIGNMENT_H

#include "arena.h"
#include "conf.h"
#include "proto/beadle.pb-c.h"

/* What is wrong is told. map may be NULL. */
void assignment_check(const struct conf_node *groups, struct problems *);

/* The checks of all these groups (they end with NULL), a check named twice as in the first; in the arena. NULL: none is assigned,
 * or no memory. A group that is not in the map assigns nothing. */
Wire__Assignment *assignment_for(const struct conf_node *map, const char *const *groups, struct arena *);

#endif
