/*
 * inventory.h - what the plugins can measure: metrics.yaml, written at build by `beadle-config --inventory`, so that a
 * rule on a metric or a unit that no plugin declares is told before anything starts.
 *
 *   plugins: {disk: {metrics: {disk_space: {unit: bytes, kind: gauge, help: "Space, by state"}}}}
 */
#ifndef INVENTORY_H
#define INVENTORY_H

#include "lib/conf.h"

enum inventory_kind { INVENTORY_GAUGE, INVENTORY_COUNTER, INVENTORY_STATE };
struct inventory_metric { const char *name, *unit, *plugin, *help; enum inventory_kind kind; };

struct inventory { struct inventory_metric *at; size_t n, room; };

/* Texts belong to the conf. Adds the collector's own metrics (agent_gone, ...). NULL: no memory. */
struct inventory *inventory_read(const struct conf_node *root, struct problems *);
void inventory_free(struct inventory *);
const struct inventory_metric *inventory_get(const struct inventory *, const char *metric);
const char *inventory_nearest(const struct inventory *, const char *metric);	/* NULL: none is near */
bool inventory_has_plugin(const struct inventory *, const char *plugin);
const char *inventory_nearest_plugin(const struct inventory *, const char *plugin);

#endif
