#include "config.h"

#include "agent/config/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/plugins.h"
#include "lib/cleanup.h"

#define ARENA_CEILING (16u << 20)

static const char *const kinds[] = {"gauge", "counter", "state"};

/* A YAML text in double quotes. */
static void quote(FILE *to, const char *s)
{
	fputc('"', to);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', to);
		if ((unsigned char)*s >= ' ')
			fputc(*s, to);
	}
	fputc('"', to);
}

static void print_plugin(FILE *to, const Wire__Plugin *p)
{
	fprintf(to, "  %s:\n    metrics:%s\n", p->name, p->n_metrics ? "" : " {}");
	for (size_t i = 0; i < p->n_metrics; i++) {
		const Wire__Metric *m = p->metrics[i];

		fprintf(to, "      %s: {unit: %s, kind: %s, help: ", m->name, m->unit,
			(size_t)m->kind < 3 ? kinds[m->kind] : "gauge");
		quote(to, m->help);
		fputs("}\n", to);
	}
}

static int print_module(const char *path, FILE *to, struct arena *arena, struct problems *p)
{
	FREE char *real = realpath(path, NULL);
	struct plugin_record record = {0};
	const Host__Inventory *inventory;
	const char *file = real ? strrchr(real, '/') + 1 : NULL, *dot = file ? strrchr(file, '.') : NULL;

	if (!real || !dot || strlen(real) >= sizeof(record.module) || (size_t)(dot - file) >= sizeof(record.name)) {
		problem(p, path, 0, NULL, "%s", real ? "not a module (NAME.so)" : strerror(errno));
		return -EINVAL;
	}
	strcpy(record.module, real);
	memcpy(record.name, file, (size_t)(dot - file));
	inventory = plugins_inventory(&record, NULL, 0, path, 0, arena, p);
	if (inventory)
		print_plugin(to, inventory->plugin);
	return inventory ? 0 : -EINVAL;
}

void metrics_print(char *const *modules, size_t n, FILE *to, struct problems *p)
{
	fprintf(to, "# What each plugin measures. Made by `beadle-config --inventory`; not for editing.\nplugins:%s\n",
		n ? "" : " {}");
	for (size_t i = 0; i < n; i++) {
		struct arena *arena = arena_new(ARENA_CEILING);

		if (arena)
			print_module(modules[i], to, arena, p);
		arena_free(arena);
	}
}
