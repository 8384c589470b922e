/* inventory.c - reads metrics.yaml. */
#include <stdlib.h>
#include <string.h>

#include "inventory.h"
#include "collector/judge/rule.h"
#include "lib/text.h"
#include "lib/unit.h"
#include "lib/vec.h"

static const struct inventory_metric own[] = {
	{RULE_AGENT_GONE, "boolean", "collector", "No connection of the host's agent", INVENTORY_STATE},
	{RULE_CHECK_SILENT, "boolean", "collector", "No round of the check for 2.5 intervals", INVENTORY_STATE},
	{RULE_CHECK_FAILED, "boolean", "collector", "Two rounds in a row could not measure", INVENTORY_STATE},
	{RULE_AGENT_NEVER, "boolean", "collector", "An identity was made and no agent has connected with it", INVENTORY_STATE},
	{RULE_CHECK_PARTIAL, "boolean", "collector", "Three rounds in a row left the same source out", INVENTORY_STATE},
	{RULE_AGENT_IMPOSTOR, "boolean", "collector", "A certificate was shown with another host's name", INVENTORY_STATE},
	{RULE_AGENT_TWINS, "boolean", "collector", "Two machines connect with one certificate", INVENTORY_STATE},
	{RULE_AGENT_PARTED, "boolean", "collector", "Two records came under one number", INVENTORY_STATE},
	{RULE_COLLECTOR_DISK_FULL, "boolean", "collector", "The collector's own disk is full", INVENTORY_STATE},
	{RULE_COLLECTOR_DAMAGED, "boolean", "collector", "Stored results cannot be read", INVENTORY_STATE},
	{RULE_COLLECTOR_JOURNAL, "boolean", "collector", "The journal is not what was signed or witnessed", INVENTORY_STATE},
	{RULE_COLLECTOR_CLOCK, "boolean", "collector", "The collector's clock was stepped, and nobody has confirmed it", INVENTORY_STATE},
	{RULE_AGENT_CERTIFICATE, "boolean", "collector", "The agent's certificate has less than 30 days left, and no new one was made", INVENTORY_STATE},
	{RULE_COLLECTOR_CERTIFICATE, "boolean", "collector", "A certificate of the collector has less than 30 days left, and no new one was made", INVENTORY_STATE},
};

static void read_metric(struct inventory *inv, const char *plugin, const struct conf_node *n, struct problems *problems)
{
	static const char *const kinds[] = {"gauge", "counter", "state", NULL};
	struct inventory_metric *m;
	int kind;

	if (conf_type(n) != CONF_MAP) {
		problem(problems, conf_file(n), conf_line(n), conf_key(n),
			"a metric is written {unit: ..., kind: ..., help: ...}");
		return;
	}
	m = vec_push(inv);
	if (!m)
		return;
	*m = (struct inventory_metric){.name = conf_key(n), .plugin = plugin};
	conf_string(n, "unit", "", &m->unit, problems);
	conf_choice(n, "kind", kinds, INVENTORY_GAUGE, &kind, problems);
	conf_string(n, "help", "", &m->help, problems);
	m->kind = (enum inventory_kind)kind;
	if (!unit_known(m->unit))
		problem(problems, conf_file(n), conf_line(n), m->name, "%s: no such unit", m->unit);
	conf_done(n, problems);
}

static void read_plugin(struct inventory *inv, const struct conf_node *n, struct problems *problems)
{
	const struct conf_node *metrics;

	if (conf_type(n) != CONF_MAP) {
		problem(problems, conf_file(n), conf_line(n), conf_key(n), "a plugin is written {metrics: {...}}");
		return;
	}
	metrics = conf_map(n, "metrics", problems);
	for (size_t i = 0; metrics && i < conf_count(metrics); i++)
		read_metric(inv, conf_key(n), conf_at(metrics, i), problems);
}

struct inventory *inventory_read(const struct conf_node *root, struct problems *problems)
{
	struct inventory *inv = calloc(1, sizeof(*inv));
	const struct conf_node *plugins;

	if (!inv)
		return NULL;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		struct inventory_metric *m = vec_push(inv);

		if (m)
			*m = own[i];
	}
	plugins = conf_map(root, "plugins", problems);
	for (size_t i = 0; plugins && i < conf_count(plugins); i++)
		read_plugin(inv, conf_at(plugins, i), problems);
	return inv;
}

void inventory_free(struct inventory *inv)
{
	if (!inv)
		return;
	vec_free(inv);
	free(inv);
}

const struct inventory_metric *inventory_get(const struct inventory *inv, const char *metric)
{
	for (size_t i = 0; i < inv->n; i++)
		if (strcmp(inv->at[i].name, metric) == 0)
			return &inv->at[i];
	return NULL;
}

static const char *name_of(const struct inventory_metric *m)
{
	return m->name;
}

static const char *plugin_of(const struct inventory_metric *m)
{
	return m->plugin;
}

static const char *nearest(const struct inventory *inv, const char *text, const char *(*of)(const struct inventory_metric *))
{
	const char **names = calloc(inv->n + 1, sizeof(*names));
	const char *near = NULL;

	for (size_t i = 0; names && i < inv->n; i++)
		names[i] = of(&inv->at[i]);
	if (names)
		near = text_nearest(text, names, inv->n);
	free(names);
	return near;
}

const char *inventory_nearest(const struct inventory *inv, const char *metric)
{
	return nearest(inv, metric, name_of);
}

bool inventory_has_plugin(const struct inventory *inv, const char *plugin)
{
	for (size_t i = 0; i < inv->n; i++)
		if (strcmp(inv->at[i].plugin, plugin) == 0)
			return true;
	return false;
}

const char *inventory_nearest_plugin(const struct inventory *inv, const char *plugin)
{
	return nearest(inv, plugin, plugin_of);
}
