#include "config.h"

#include "agent/core/hello.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/identity.h"
#include "lib/io.h"

#define SPANS_MAX 256u			/* what a collector takes */
#define REMOVED_INTERVAL (UINT64_C(10) * 365 * 86400 * (uint64_t)NS_PER_S)
#define FACTS 5

int hello_agent(SSL_CTX *ctx, char id[64])
{
	X509 *own = SSL_CTX_get0_certificate(ctx);
	struct identity who;

	if (!own || identity_of(own, &who) < 0 || who.kind != IDENTITY_AGENT)
		return -EINVAL;
	memcpy(id, who.name, sizeof(who.name));
	return 0;
}

/* ---- facts ---- */

static void put_fact(Wire__Fact *fact, const char *name, const char *value)
{
	wire__fact__init(fact);
	fact->name = (char *)name;
	fact->value.data = (uint8_t *)value;
	fact->value.len = strlen(value);
}

/* PRETTY_NAME="..." of os-release(5). */
static void read_os(char os[256])
{
	FREE char *text = NULL;
	char *line, *end;

	os[0] = 0;
	if (io_read_file("/etc/os-release", 65536, &text, NULL) < 0 && io_read_file("/usr/lib/os-release", 65536, &text, NULL) < 0)
		return;
	line = strncmp(text, "PRETTY_NAME=", 12) == 0 ? text : strstr(text, "\nPRETTY_NAME=");
	if (!line)
		return;
	line = strchr(line, '=') + 1;
	line += *line == '"' || *line == '\'';
	end = line + strcspn(line, "\"'\n");
	memcpy(os, line, end - line < 255 ? (size_t)(end - line) : 255);
	os[end - line < 255 ? end - line : 255] = 0;
}

/* ---- checks and plugins ---- */

struct lists {
	Wire__Check *checks, **each_check;
	Wire__Plugin **plugins;
	size_t n_checks, n_plugins;
};

static void put_check(struct lists *l, uint32_t id, const char *name, const char *plugin, uint64_t interval, uint64_t timeout)
{
	Wire__Check *c = &l->checks[l->n_checks];

	wire__check__init(c);
	c->id = id;
	c->name = (char *)name;
	c->plugin = (char *)plugin;
	c->interval_ns = interval;
	c->timeout_ns = timeout;
	l->each_check[l->n_checks++] = c;
}

static void put_plugin(struct lists *l, Wire__Plugin *plugin)
{
	for (size_t i = 0; i < l->n_plugins; i++)
		if (!strcmp(l->plugins[i]->name, plugin->name))
			return;
	l->plugins[l->n_plugins++] = plugin;
}

static bool has(const struct lists *l, uint32_t id)
{
	for (size_t i = 0; i < l->n_checks; i++)
		if (l->checks[i].id == id)
			return true;
	return false;
}

/* The checks that run; and those that ran once and whose records are still here: nobody waits for these any more. */
static int fill(struct lists *l, const struct checks *checks, struct outbox *outbox)
{
	const struct dictionary *d = outbox_dictionary(outbox);
	uint32_t ever = dictionary_checks(d);
	const char *name, *plugin;

	l->checks = calloc(ever + 1, sizeof(*l->checks));
	l->each_check = calloc(ever + 1, sizeof(*l->each_check));
	l->plugins = calloc(checks_count(checks) + 1, sizeof(*l->plugins));
	if (!l->checks || !l->each_check || !l->plugins)
		return -ENOMEM;
	for (size_t i = 0; i < checks_count(checks); i++) {
		const struct check *c = checks_at(checks, i);

		if (!c->leaving)
			put_plugin(l, c->spec->inventory->plugin);
		if (!c->leaving && c->due != LOOP_NEVER && !has(l, c->number))
			put_check(l, c->number, c->spec->name, c->spec->plugin_name, (uint64_t)c->interval, c->spec->timeout_ns);
	}
	for (uint32_t id = 1; id <= ever; id++)
		if (!has(l, id) && outbox_uses_check(outbox, id) && dictionary_check_name(d, id, &name, &plugin))
			put_check(l, id, name, plugin, REMOVED_INTERVAL, (uint64_t)NS_PER_S);
	return 0;
}

static void put_spans(Wire__Spool *spools, Wire__Spool **each, const struct spool_span *spans, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		wire__spool__init(&spools[i]);
		spools[i].epoch = spans[i].epoch;
		spools[i].oldest = spans[i].oldest;
		spools[i].next = spans[i].next;
		each[i] = &spools[i];
	}
}

static size_t put_past(Wire__Past *past, Wire__Past **each, const struct spool *spool)
{
	struct spool_past its[SPOOL_PAST];
	size_t n = spool_past(spool, its);

	for (size_t i = 0; i < n; i++) {
		wire__past__init(&past[i]);
		past[i].epoch = its[i].epoch;
		past[i].through = its[i].through;
		past[i].at = (uint64_t)its[i].at;
		each[i] = &past[i];
	}
	return n;
}

int hello_send(struct link *link, const char *agent, const struct checks *checks, struct outbox *outbox, bool parted, const char *checkpoint)
{
	char hostname[HOST_NAME_MAX + 1] = "", os[256], boot_id[CLOCK_BOOT_ID];
	Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
	Wire__Hello hello = WIRE__HELLO__INIT;
	Wire__Clocks clocks = WIRE__CLOCKS__INIT;
	struct spool_span spans[SPANS_MAX];
	Wire__Spool spools[SPANS_MAX], *each_spool[SPANS_MAX];
	Wire__Past past[2 * SPOOL_PAST], *each_past[2 * SPOOL_PAST];
	Wire__Fact facts[FACTS], *each_fact[FACTS];
	struct lists lists = {0};
	struct utsname kernel;
	int r = fill(&lists, checks, outbox);

	clocks.wall = (uint64_t)clock_wall();
	clocks.boot = (uint64_t)clock_boot();
	gethostname(hostname, sizeof(hostname) - 1);
	uname(&kernel);
	read_os(os);
	clock_boot_id(boot_id);
	put_fact(&facts[0], "hostname", hostname);
	put_fact(&facts[1], "os", os);
	put_fact(&facts[2], "kernel", kernel.release);
	put_fact(&facts[3], "boot_id", boot_id);
	put_fact(&facts[4], "version", PACKAGE_VERSION);
	for (int i = 0; i < FACTS; i++)
		each_fact[i] = &facts[i];
	hello.n_spools = spool_spans(outbox_events(outbox), spans, SPANS_MAX / 2);
	hello.n_spools += spool_spans(outbox_measurements(outbox), spans + hello.n_spools, SPANS_MAX / 2);
	put_spans(spools, each_spool, spans, hello.n_spools);
	hello.n_past = put_past(past, each_past, outbox_events(outbox));
	hello.n_past += put_past(past + hello.n_past, each_past + hello.n_past, outbox_measurements(outbox));
	hello.past = each_past;
	hello.agent = (char *)agent;
	hello.parted = parted;
	hello.checkpoint = (ProtobufCBinaryData){strlen(checkpoint), (uint8_t *)checkpoint};
	hello.clocks = &clocks;
	hello.spools = each_spool;
	hello.facts = each_fact;
	hello.n_facts = FACTS;
	hello.checks = lists.each_check;
	hello.n_checks = lists.n_checks;
	hello.plugins = lists.plugins;
	hello.n_plugins = lists.n_plugins;
	envelope.message_case = WIRE__ENVELOPE__MESSAGE_HELLO;
	envelope.hello = &hello;
	if (r == 0)
		r = link_send(link, &envelope.base);
	free(lists.checks);
	free(lists.each_check);
	free(lists.plugins);
	return r;
}
