#include "config.h"

#include "agent/config/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/config/options.h"
#include "lib/io.h"
#include "lib/text.h"

enum { FD_RECORDS = 3, FD_MEMORY = 4 };

/* All parts of the message live in the plugins' arena, or in the configuration's files. */
struct builder {
	struct arena *arena;
	struct problems *problems;
	Host__PlannedCheck *check;
	size_t room;
	bool no_memory;
};

static void *take(struct builder *b, size_t n)
{
	void *at = arena_take(b->arena, n);

	b->no_memory |= !at;
	return at ? memset(at, 0, n) : NULL;
}

static void put_grant(void *arg, const char *grant)
{
	struct builder *b = arg;
	char *kept = take(b, strlen(grant) + 1);

	if (kept && b->check->n_granted < b->room)
		b->check->granted[b->check->n_granted++] = strcpy(kept, grant);
}

static bool is_option(const Host__Inventory *inventory, const char *name)
{
	for (size_t i = 0; i < inventory->n_options; i++)
		if (strcmp(inventory->options[i], name) == 0)
			return true;
	return false;
}

static void put_remote(struct builder *b, const struct conf_node *remote, const Host__Inventory *inventory)
{
	b->check->remote = take(b, (remote ? conf_count(remote) : 0) * sizeof(char *) + 1);
	for (size_t i = 0; b->check->remote && remote && i < conf_count(remote); i++) {
		const struct conf_node *n = conf_at(remote, i);
		const char *name = conf_value(n), *nearest;

		if (name && is_option(inventory, name)) {
			b->check->remote[b->check->n_remote++] = (char *)name;
			continue;
		}
		nearest = text_nearest(name ? name : "", (const char *const *)inventory->options,
				       inventory->n_options);
		if (nearest)
			problem(b->problems, conf_file(n), conf_line(n), "remote",
				"%s is no option of the plugin; did you mean \"%s\"?", name, nearest);
		else
			problem(b->problems, conf_file(n), conf_line(n), "remote", "%s is no option of the plugin",
				name ? name : "this");
	}
}

static Host__PlannedCheck *put_check(struct builder *b, const struct check *c, struct plugin *plugin)
{
	Host__PlannedCheck *to = take(b, sizeof(*to));

	if (!to)
		return NULL;
	host__planned_check__init(to);
	b->check = to;
	b->room = plugin->inventory->n_needs;
	to->name = (char *)c->name;
	to->plugin = plugin->record.index;
	to->plugin_name = (char *)c->plugin;
	to->interval_ns = (uint64_t)c->interval;
	to->interval_min_ns = (uint64_t)c->interval_min;
	to->interval_max_ns = (uint64_t)c->interval_max;
	to->timeout_ns = (uint64_t)c->timeout;
	to->assigned_only = c->assigned_only;
	to->deny = c->deny;
	to->inventory = plugin->inventory;
	to->granted = take(b, (b->room + 1) * sizeof(*to->granted));
	to->options = options_of(c->options, b->arena, &to->n_options);
	b->no_memory |= !to->options;
	put_remote(b, c->remote, plugin->inventory);
	if (to->granted)	/* its problems were told when the plugin was asked */
		grants_of(c, plugin->inventory, &plugin->record, put_grant, b, NULL);
	return to;
}

int plan_pack(const struct config *c, const struct plugins *plugins, uint8_t **ret, size_t *ret_n, struct problems *p)
{
	struct builder b = {.arena = plugins->arena, .problems = p};
	Host__Plan plan = HOST__PLAN__INIT;
	char *state = take(&b, strlen(c->state) + sizeof("/core"));

	plan.checks = take(&b, (c->checks.n + 1) * sizeof(*plan.checks));
	if (b.no_memory)
		return -ENOMEM;
	plan.n_collectors = c->collectors.n;
	plan.collectors = (char **)c->collectors.at;
	plan.identity = (char *)c->identity;
	plan.state = strcat(strcpy(state, c->state), "/core");
	plan.spool_measurements = c->spool_measurements;
	plan.spool_events = c->spool_events;
	plan.spool_kept = c->spool_kept;
	plan.sync_ns = (uint64_t)c->sync;
	plan.silence_ns = (uint64_t)c->silence;
	plan.heartbeat_ns = (uint64_t)c->heartbeat;
	for (size_t i = 0; i < c->checks.n; i++) {
		struct plugin *plugin = plugins_find(plugins, c->checks.at[i].plugin);

		if (plugin && plugin->inventory)
			plan.checks[plan.n_checks++] = put_check(&b, &c->checks.at[i], plugin);
	}
	if (b.no_memory)
		return -ENOMEM;
	*ret_n = host__plan__get_packed_size(&plan);
	*ret = malloc(*ret_n + 1);
	if (!*ret)
		return -ENOMEM;
	host__plan__pack(&plan, *ret);
	return 0;
}

int plan_hand_over(const struct plugins *plugins, const uint8_t *plan, size_t n)
{
	int r = io_write_all(FD_MEMORY, plan, n);

	if (r == 0 && fcntl(FD_MEMORY, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		r = -errno;
	for (size_t i = 0; r == 0 && i < PLUGINS_MAX; i++)
		if (plugins->at[i])
			r = io_send(FD_RECORDS, &plugins->at[i]->record, sizeof(struct plugin_record), -1);
	return r;
}
