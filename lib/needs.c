#include "config.h"

#include "needs.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <beadle/plugin.h>

#include "grant.h"

#define OPTION "option:"

struct finder {
	void (*found)(void *to, const char *grant);
	void *to;
	int kind;
	const char *protocol, *port;	/* of a net need */
	int protocol_n;
	bool any;
};

static void put(struct finder *f, int kind, const char *what)
{
	char grant[600];

	f->found(f->to, grant_put(kind, what, grant, sizeof(grant)));
}

static void on_path(void *to, const char *text)
{
	struct finder *f = to;
	char path[512];

	f->any = true;
	if (*text == '/' && strlen(text) < sizeof(path))
		return put(f, f->kind, text);
	while ((text = strstr(text, "=/"))) {	/* "web exe=/usr/sbin/nginx pidfile=/run/nginx.pid" */
		size_t n = strcspn(++text, " ");

		if (n < sizeof(path)) {
			snprintf(path, sizeof(path), "%.*s", (int)n, text);
			put(f, f->kind, path);
		}
	}
}

/* The port stands behind the last colon: "ntp.example:123", "[::1]:80", "NAME https://a.example:8443/"; else the declared one. */
static void on_endpoint(void *to, const char *text)
{
	struct finder *f = to;
	const char *colon = strrchr(text, ':');
	size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
	char what[64];

	snprintf(what, sizeof(what), "%.*s:%.*s", f->protocol_n, f->protocol, digits && digits < 6 ? (int)digits : 8,
		 digits && digits < 6 ? colon + 1 : f->port);
	put(f, BEADLE_NEED_NET, what);
}

/* A default is written as in a file: a list with commas. */
static void each_default(const char *text, needs_value *value, void *to)
{
	char part[512];

	for (const char *end; *text; text = end + (*end == ',')) {
		end = strchrnul(text, ',');
		if (end > text && (size_t)(end - text) < sizeof(part)) {
			snprintf(part, sizeof(part), "%.*s", (int)(end - text), text);
			value(to, part);
		}
	}
}

static void by_option(const Host__Inventory *inventory, const char *name, needs_option *option, void *arg, needs_value *value,
		      struct finder *f)
{
	f->any = false;
	option(arg, name, value, f);
	for (size_t i = 0; !f->any && i < inventory->n_defaults; i++)
		if (strcmp(inventory->defaults[i]->option, name) == 0)
			each_default(inventory->defaults[i]->value, value, f);
}

/* "udp:123:server", "tcp:*:endpoints" */
static void by_endpoint(const char *what, needs_option *option, void *arg, struct finder *f)
{
	const char *port = strchr(what, ':'), *name = port ? strchr(port + 1, ':') : NULL;
	char declared[64];

	if (!port)
		return;
	f->protocol = what;
	f->protocol_n = (int)(port - what);
	snprintf(declared, sizeof(declared), "%.*s", (int)strcspn(port + 1, ":"), port + 1);
	f->port = declared;
	on_endpoint(f, "");
	if (name)
		option(arg, name + 1, on_endpoint, f);
}

void needs_each(const Host__Inventory *inventory, needs_option *option, void *arg, void (*found)(void *to, const char *grant), void *to)
{
	struct finder f = {.found = found, .to = to};

	for (size_t i = 0; i < inventory->n_needs; i++) {
		const Host__Need *need = inventory->needs[i];

		f.kind = (int)need->kind;
		if (f.kind == BEADLE_NEED_CAPABILITY || f.kind == BEADLE_NEED_SERVICE)
			continue;
		if (f.kind == BEADLE_NEED_NET)
			by_endpoint(need->what, option, arg, &f);
		else if (strncmp(need->what, OPTION, sizeof(OPTION) - 1) == 0)
			by_option(inventory, need->what + sizeof(OPTION) - 1, option, arg, on_path, &f);
		else if (grant_kind(f.kind))
			on_path(&f, need->what);
	}
	f.kind = BEADLE_NEED_READ;
	for (size_t i = 0; i < inventory->n_defaults; i++)
		if (inventory->defaults[i]->path)
			option(arg, inventory->defaults[i]->option, on_path, &f);
}
