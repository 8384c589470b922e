#include "collector/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

#define MIB (1024 * UINT64_C(1024))
#define LEAST_DAYS 92			/* 5.6.2.1: three months at least */

/* A limit around its default. */
static void count(const struct conf_node *map, const char *key, int64_t dflt, size_t *ret, struct problems *p)
{
	int64_t n = dflt;

	if (map)
		conf_int(map, key, dflt, dflt / 30 ? dflt / 30 : 1, dflt * 10, &n, p);
	*ret = (size_t)n;
}

static void size(const struct conf_node *map, const char *key, uint64_t dflt, uint64_t *ret, struct problems *p)
{
	*ret = dflt;
	if (map)
		conf_size(map, key, dflt, dflt / 30, dflt * 10, ret, p);
}

static void duration(const struct conf_node *map, const char *key, int64_t dflt, int64_t *ret, struct problems *p)
{
	*ret = dflt;
	if (map)
		conf_duration(map, key, dflt, dflt / 30, dflt * 10, ret, p);
}

static void read_limits(const struct conf_node *root, struct collector_config *c, struct problems *p)
{
	const struct conf_node *limits = conf_map(root, "limits", p);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int64_t threads = cores > 0 ? cores < 64 ? cores : 64 : 1;

	if (limits)
		conf_int(limits, "threads", threads, 1, 64, &threads, p);
	c->ingest.threads = (size_t)threads;
	size(limits, "in_flight", 256 * MIB, &c->in_flight, p);
	size(limits, "reserve", 64 * MIB, &c->reserve, p);
	duration(limits, "greeting", 10 * NS_PER_S, &c->ingest.greeting, p);
	duration(limits, "frame", 30 * NS_PER_S, &c->ingest.frame, p);
	duration(limits, "silence", 90 * NS_PER_S, &c->ingest.silence, p);
	duration(limits, "heartbeat", 30 * NS_PER_S, &c->ingest.heartbeat, p);
	count(limits, "strangers", 256, &c->ingest.strangers, p);
	count(limits, "strangers_of_one", 32, &c->ingest.strangers_of_one, p);
	count(limits, "checkpoint_entries", 100, &c->checkpoint_entries, p);
	duration(limits, "checkpoint_age", 300 * NS_PER_S, &c->checkpoint_age, p);
	if (limits)
		conf_done(limits, p);
}

static void read_state(const struct conf_node *root, struct collector_config *c, struct problems *p)
{
	conf_string(root, "state", "/var/lib/beadle/collector", &c->state, p);
	if (c->state[0] != '/' || strlen(c->state) > sizeof(c->store) - 16)
		problem(p, conf_file(root), conf_line(conf_get(root, "state")), "state", "\"%.40s\": expected an absolute path", c->state);
	snprintf(c->store, sizeof(c->store), "%.240s/store", c->state);
	snprintf(c->identity, sizeof(c->identity), "%.240s/identity", c->state);
}

struct collector_config *config_read(const char *file, struct problems *p)
{
	struct collector_config *c = calloc(1, sizeof(*c));
	const int64_t day = 86400 * NS_PER_S;
	int64_t retention;

	if (!c)
		return NULL;
	c->conf = conf_read(file, p);
	if (!c->conf) {
		free(c);
		return NULL;
	}
	c->root = conf_root(c->conf);
	read_state(c->root, c, p);
	read_limits(c->root, c, p);
	conf_duration(c->root, "retention", 400 * day, LEAST_DAYS * day, 3650 * day, &retention, p);
	c->retention_days = (unsigned)(retention / day);
	conf_duration(c->root, "login-details", 0, LEAST_DAYS * day, 3650 * day, &c->login_details, p);
	return c;
}

void config_free(struct collector_config *c)
{
	if (!c)
		return;
	conf_free(c->conf);
	free(c);
}
