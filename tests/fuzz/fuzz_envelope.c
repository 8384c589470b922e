/* What an agent may send, as the collector takes it: a frame with its ceiling, then every check of decode.c, then the flat batch
 * through a row of the store and back. */
#include <stdlib.h>
#include <string.h>

#include "collector/ingest/decode.h"
#include "collector/store/row.h"
#include "frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A stored row says what the batch said. */
static void store_and_read(const struct batch *b)
{
	for (uint32_t i = 0; i < b->results; i++) {
		const struct result *r = &b->result[i];
		uint8_t *buf = malloc(ROW_ROOM(r->values));
		uint32_t *series = malloc(4 * (size_t)r->values + 1);
		double *value = malloc(8 * (size_t)r->values + 1);
		struct result back = {0};
		size_t size = row_encode(r, b->series + r->first_value, b->value + r->first_value, buf);

		if (row_count(buf, size) != r->values || row_decode(buf, size, &back, series, value) ||
		    memcmp(series, b->series + r->first_value, 4 * (size_t)r->values) || back.took_ns != r->took_ns)
			abort();
		free(buf);
		free(series);
		free(value);
	}
}

static void use(const Wire__Envelope *e)
{
	struct numbers checks = {0}, series = {0};
	struct batch *b;
	const char *why;

	if (e->message_case == WIRE__ENVELOPE__MESSAGE_HELLO)
		decode_check_hello(e->hello);
	if (e->message_case != WIRE__ENVELOPE__MESSAGE_BATCH)
		return;
	for (uint32_t i = 0; i < 8; i++)
		numbers_put(&checks, i, i + 100, 8);
	if (!decode_check_series(e->batch))
		for (size_t i = 0; i < e->batch->n_series; i++)
			numbers_put(&series, e->batch->series[i]->id, (uint32_t)i, 1000);
	if (!decode_batch(e->batch, NULL, &checks, &series, &b, &why)) {
		store_and_read(b);
		free(b);
	}
	numbers_free(&checks);
	numbers_free(&series);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	int64_t size = frame_size(data, n, FRAME_MAX);
	const Wire__Envelope *e;
	struct arena *arena;

	/* Any bytes are a row of the store as well. */
	if (n < 4096) {
		uint32_t series[512];
		double value[512];
		struct result r;

		if (row_count(data, n) >= 0)
			row_decode(data, n, &r, series, value);
	}
	if (size <= 0 || (size_t)size > n)
		return 0;
	arena = arena_new(frame_ceiling((size_t)size));
	e = (const Wire__Envelope *)frame_unpack(&wire__envelope__descriptor, data, (size_t)size, arena);
	if (e)
		use(e);
	arena_free(arena);
	return 0;
}
