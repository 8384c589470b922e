#include "config.h"

#include "agent/config/plugins.h"

#include <string.h>

#include <beadle/plugin.h>

#include "lib/grant.h"
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

void grants_of(const struct check *check, const Host__Inventory *inventory, struct plugin_record *record,
	       grant_found *found, void *arg, struct problems *p)
{
	char grant[512];

	for (size_t i = 0; p && check->grant && i < conf_count(check->grant); i++)
		tell_undeclared(conf_at(check->grant, i), inventory, p);
	for (size_t i = 0; i < inventory->n_needs; i++) {
		const Host__Need *need = inventory->needs[i];

		if (!grant_kind((int)need->kind) || (has_power(need) && !listed(check->grant, need->what)))
			continue;
		if (need->kind == BEADLE_NEED_CAPABILITY && !grant_capability(need->what)) {
			if (p)
				problem(p, check->file, check->line, check->name, "%s is never granted to a plugin",
					need->what);
			continue;
		}
		if (need->kind == BEADLE_NEED_CAPABILITY)
			record->capabilities |= grant_capability(need->what);
		if (need->kind == BEADLE_NEED_SERVICE && strcmp(need->what, "procscan") == 0)
			record->procscan = 1;
		if (found)
			found(arg, grant_put((int)need->kind, need->what, grant, sizeof(grant)));
	}
}
