#include "config.h"

#include "agent/config/plugins.h"

#include <string.h>

#include <beadle/plugin.h>

#include "lib/grant.h"
#include "lib/needs.h"
#include "lib/text.h"

#define NEEDS_MAX 64

static bool has_power(const Host__Need *need)
{
	return need->kind == BEADLE_NEED_CAPABILITY || need->kind == BEADLE_NEED_SERVICE;
}

static bool listed(const struct conf_node *list, const char *what)
{
	for (size_t i = 0; list && i < conf_count(list); i++) {
		const char *text = conf_value(conf_at(list, i));

		if (text && strcmp(text, what) == 0)
			return true;
	}
	return false;
}

static void tell_undeclared(const struct conf_node *n, const Host__Inventory *inventory, struct problems *p)
{
	const char *names[NEEDS_MAX], *text = conf_value(n), *nearest;
	size_t known = 0;
	char shown[128];

	if (!text)
		return problem(p, conf_file(n), conf_line(n), "grant", "a text is expected here");
	if (grant_extra(text))
		return;
	for (size_t i = 0; i < inventory->n_needs && known < NEEDS_MAX; i++) {
		if (!has_power(inventory->needs[i]))
			continue;
		if (strcmp(inventory->needs[i]->what, text) == 0)
			return;
		names[known++] = inventory->needs[i]->what;
	}
	nearest = text_nearest(text, names, known);
	text_escape(text, strlen(text), shown, sizeof(shown));
	if (nearest)
		problem(p, conf_file(n), conf_line(n), "grant",
			"%s: the plugin does not ask for it; did you mean \"%s\"?", shown, nearest);
	else
		problem(p, conf_file(n), conf_line(n), "grant", "%s: the plugin does not ask for it", shown);
}

/* ---- what walls leave open: paths, programs, sockets, ports ---- */

struct opening { const struct check *check; struct plugin_record *record; struct problems *p; };

static void each_value(void *arg, const char *name, needs_value *value, void *to)
{
	const struct check *check = arg;
	const struct conf_node *n = check->options ? conf_get(check->options, name) : NULL;

	if (n && conf_value(n))
		value(to, conf_value(n));
	for (size_t i = 0; n && i < conf_count(n); i++)
		if (conf_value(conf_at(n, i)))
			value(to, conf_value(conf_at(n, i)));
}

static void open_one(void *arg, const char *grant)
{
	struct opening *o = arg;

	if (listed(o->check->withhold, grant))
		return;
	if (grant_add(o->record->grants, sizeof(o->record->grants), grant) < 0)
		problem(o->p, o->check->file, o->check->line, o->check->name, "too many or too long paths for one plugin: %s", grant);
}

/* What of it is withheld must be there: a misspelt one would be granted. */
struct search { const char *text; bool found; };

static void compare(void *arg, const char *grant)
{
	struct search *s = arg;

	s->found |= strcmp(s->text, grant) == 0;
}

static void tell_unasked(const struct conf_node *n, const struct check *check, const Host__Inventory *inventory, struct problems *p)
{
	struct search s = {.text = conf_value(n)};
	char buf[512];

	if (!s.text)
		return problem(p, conf_file(n), conf_line(n), "withhold", "a text is expected here");
	for (size_t i = 0; i < inventory->n_needs; i++)
		compare(&s, grant_put((int)inventory->needs[i]->kind, inventory->needs[i]->what, buf, sizeof(buf)));
	needs_each(inventory, each_value, (void *)check, compare, &s);
	if (!s.found)
		problem(p, conf_file(n), conf_line(n), "withhold", "%s: the plugin does not ask for it (read:/PATH, program:/PATH, net:tcp:443...)",
			text_escape(s.text, strlen(s.text), buf, sizeof(buf)));
}

static void open_all(const struct check *check, const Host__Inventory *inventory, struct plugin_record *record, struct problems *p)
{
	struct opening opening = {check, record, p};

	needs_each(inventory, each_value, (void *)check, open_one, &opening);
	for (size_t i = 0; check->grant && i < conf_count(check->grant); i++) {
		const char *text = conf_value(conf_at(check->grant, i));

		if (text && grant_extra(text))
			open_one(&opening, text);
	}
}

void grants_of(const struct check *check, const Host__Inventory *inventory, struct plugin_record *record,
	       grant_found *found, void *arg, struct problems *p)
{
	char grant[512];

	for (size_t i = 0; p && check->grant && i < conf_count(check->grant); i++)
		tell_undeclared(conf_at(check->grant, i), inventory, p);
	for (size_t i = 0; p && check->withhold && i < conf_count(check->withhold); i++)
		tell_unasked(conf_at(check->withhold, i), check, inventory, p);
	for (size_t i = 0; i < inventory->n_needs; i++) {
		const Host__Need *need = inventory->needs[i];

		if (!grant_kind((int)need->kind) || (has_power(need) && !listed(check->grant, need->what)) ||
		    listed(check->withhold, grant_put((int)need->kind, need->what, grant, sizeof(grant))))
			continue;
		if (need->kind == BEADLE_NEED_CAPABILITY && !grant_capability(need->what)) {
			if (p)
				problem(p, check->file, check->line, check->name, "%s is never granted to a plugin",
					need->what);
			continue;
		}
		if (need->kind == BEADLE_NEED_SERVICE && !grant_service(need->what)) {
			if (p)
				problem(p, check->file, check->line, check->name, "%s is no service of the launcher (" GRANT_SERVICES ")",
					text_escape(need->what, strlen(need->what), grant, sizeof(grant)));
			continue;
		}
		if (need->kind == BEADLE_NEED_CAPABILITY)
			record->capabilities |= grant_capability(need->what);
		if (need->kind == BEADLE_NEED_SERVICE && strcmp(need->what, "procscan") == 0)
			record->procscan = 1;
		if (need->kind == BEADLE_NEED_SERVICE && grant_descriptor(need->what) >= 0)
			record->descriptors |= GRANT_DESCRIPTOR(grant_descriptor(need->what));
		if (found)
			found(arg, grant_put((int)need->kind, need->what, grant, sizeof(grant)));
	}
	if (p)
		open_all(check, inventory, record, p);
}
