/* What a hostile host sends: a FromHost's bytes, unpacked and made a record, with the core's own bounds (SECURITY N5, P5). */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "agent/core/dictionary.h"
#include "agent/core/report.h"
#include "lib/arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void look(const struct check *check, const Host__FromHost *m, struct dictionary *d, struct arena *arena)
{
	Wire__Record record;
	const char *why;
	int r = -1;

	if (m->message_case == HOST__FROM_HOST__MESSAGE_ROUND)
		r = report_round(check, m->round, d, arena, &record, &why);
	else if (m->message_case == HOST__FROM_HOST__MESSAGE_EVENTS)
		r = report_events(check, m->events, &record, &why);
	if (r == 0) {
		uint8_t *packed = malloc(wire__record__get_packed_size(&record) + 1);

		wire__record__pack(&record, packed);
		free(packed);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct dictionary *dictionary;
	static struct arena *arena;
	Wire__Metric metric = WIRE__METRIC__INIT, *metrics[] = {&metric, &metric};
	Wire__Plugin plugin = WIRE__PLUGIN__INIT;
	Host__Inventory inventory = HOST__INVENTORY__INIT;
	Host__PlannedCheck spec = HOST__PLANNED_CHECK__INIT;
	struct check check = {.number = 1, .spec = &spec};
	Host__FromHost *m;

	if (!arena) {
		arena = arena_new(8u << 20);
		if (dictionary_open("/tmp", &dictionary) < 0)
			abort();
	}
	metric.name = (char *)"m";
	plugin.metrics = metrics;
	plugin.n_metrics = 2;
	inventory.plugin = &plugin;
	spec.inventory = &inventory;
	m = host__from_host__unpack(arena_allocator(arena), n, data);
	if (m)
		look(&check, m, dictionary, arena);
	arena_reset(arena);
	return 0;
}
