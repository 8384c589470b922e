/* The journal's entries and checkpoint lines: any bytes (SECURITY N5). What is taken apart must give the same bytes again. */
#include <stdlib.h>
#include <string.h>

#include "collector/audit/checkpoint.h"
#include "collector/audit/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void look_at_entry(const uint8_t *data, size_t n)
{
	uint8_t again[ENTRY_BYTES_MAX];
	struct entry e;
	size_t object;

	if (entry_parse(data, n, &e) < 0)
		return;
	if (entry_bytes(&e, again) != n || memcmp(again, data, n))
		abort();
	object = e.action_n;
	if (entry_object(e.action, &object) && object >= e.action_n)
		abort();
}

static void look_at_line(const uint8_t *data, size_t n)
{
	static const uint8_t key[CHECKPOINT_KEY];
	char again[CHECKPOINT_LINE];
	struct checkpoint c;

	if (checkpoint_parse((const char *)data, n, &c) < 0)
		return;
	checkpoint_line(&c, again);
	if (strlen(again) != n || memcmp(again, data, n))
		abort();
	checkpoint_is_signed(&c, key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const uint8_t key[CHECKPOINT_KEY];

	look_at_entry(data, n);
	look_at_line(data, n);
	checkpoint_change_is_signed(key, n, key, key, (const char *)data, n);
	return 0;
}
