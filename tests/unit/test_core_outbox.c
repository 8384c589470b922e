/* Outbox and batches: what is between a round and the wire. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/batch.h"
#include "agent/core/record.h"
#include "lib/clock.h"
#include "lib/frame.h"
#include "tests/unit/core_stage.h"

static void measure(struct outbox *o, uint32_t check, unsigned n, unsigned from, int64_t now)
{
	Wire__Record r = WIRE__RECORD__INIT;
	uint32_t numbers[256];
	double values[256];

	for (unsigned i = 0; i < n; i++) {
		Wire__Series key = WIRE__SERIES__INIT;
		uint8_t packed[256];
		Wire__Label label = WIRE__LABEL__INIT, *labels[] = {&label};
		char text[32];

		snprintf(text, sizeof(text), "/mount/%u", from + i);
		label.name = (char *)"mount";
		label.value = (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
		key.check = check;
		key.metric = (char *)"disk_space";
		key.labels = labels;
		key.n_labels = 1;
		ck_assert_int_eq(dictionary_series(outbox_dictionary(o), check, packed, wire__series__pack(&key, packed), &numbers[i]), 0);
		values[i] = from + i;
	}
	r.check = check;
	r.at = 1234567890123456789;
	r.round = true;
	r.series = numbers;
	r.values = values;
	r.n_series = r.n_values = n;
	outbox_measured(o, &r, now);
}

START_TEST(test_the_first_result_is_synced_at_once_and_others_together)
{
	struct outbox *o = open_outbox();
	uint32_t check;
	int64_t now = 1000 * NS_PER_S;

	dictionary_check(outbox_dictionary(o), "disk", "disk", &check);
	measure(o, check, 2, 0, now);
	ck_assert_int_le(outbox_wake(o), now);
	ck_assert(outbox_tick(o, now));
	ck_assert_int_eq(outbox_wake(o), INT64_MAX);
	measure(o, check, 2, 0, now + 1);
	measure(o, check, 2, 0, now + 2);
	ck_assert_int_eq(outbox_wake(o), now + NS_PER_S);
	ck_assert(!outbox_tick(o, now + 3));
	ck_assert(outbox_tick(o, now + NS_PER_S));
	ck_assert_int_eq(outbox_close(o), 0);
}
END_TEST

START_TEST(test_a_batch_defines_each_series_once_and_before_its_use)
{
	struct outbox *o = open_outbox();
	struct arena *arena = arena_new(8 << 20);
	struct defined defined = {0};
	unsigned records = 0, frames = 0;
	bool known[4096] = {0};
	uint64_t next = 1;
	struct batch b;
	uint32_t check;

	dictionary_check(outbox_dictionary(o), "disk", "disk", &check);
	for (unsigned i = 0; i < 300; i++)
		measure(o, check, 100, i * 5, NS_PER_S);
	ck_assert(outbox_tick(o, NS_PER_S * 10));
	while (batch_next(o, outbox_measurements(o), &defined, &b) > 0) {
		Wire__Envelope *e = (Wire__Envelope *)frame_unpack(&wire__envelope__descriptor, b.buf + b.from, b.n - b.from, arena);

		ck_assert_int_eq(frame_size(b.buf + b.from, b.n - b.from, FRAME_MAX), (int64_t)(b.n - b.from));
		ck_assert_ptr_nonnull(e);
		ck_assert_int_eq(e->message_case, WIRE__ENVELOPE__MESSAGE_BATCH);
		ck_assert_uint_eq(e->batch->first, next);
		for (size_t i = 0; i < e->batch->n_series; i++) {
			ck_assert(!known[e->batch->series[i]->id]);
			known[e->batch->series[i]->id] = true;
			ck_assert_uint_eq(e->batch->series[i]->check, check);
			ck_assert_str_eq(e->batch->series[i]->metric, "disk_space");
		}
		for (size_t i = 0; i < e->batch->n_records; i++) {
			Wire__Record *r = e->batch->records[i];

			ck_assert_uint_eq(r->n_values, 100);
			for (size_t k = 0; k < r->n_values; k++)
				ck_assert(known[r->series[k]] && r->values[k] == (double)((next - 1 + i) * 5 + k));
		}
		next += e->batch->n_records;
		records += (unsigned)e->batch->n_records;
		ck_assert_uint_eq(b.last, next - 1);
		frames++;
		free(b.buf);
		arena_reset(arena);
	}
	ck_assert_uint_eq(records, 300);
	ck_assert_uint_lt(frames, 30);
	defined_clear(&defined);
	arena_free(arena);
	ck_assert_int_eq(outbox_close(o), 0);
}
END_TEST

/* dropped + kept = made, for each check, as the events spool tells it. */
START_TEST(test_r05_dropped_measurements_are_told_by_check)
{
	struct outbox *o = open_outbox_of(1 << 17);
	uint64_t made[2] = {0}, kept[2] = {0}, told[2] = {0};
	struct spool_record r;
	struct record_view view;
	uint32_t checks[2];

	dictionary_check(outbox_dictionary(o), "a", "p", &checks[0]);
	dictionary_check(outbox_dictionary(o), "b", "p", &checks[1]);
	for (unsigned i = 0; i < 1000; i++) {
		measure(o, checks[i % 3 == 0], 100, 0, i * NS_PER_S);
		made[i % 3 == 0]++;
		outbox_tick(o, i * NS_PER_S);
	}
	outbox_connected(o, 1000 * NS_PER_S);
	outbox_tick(o, 2000 * NS_PER_S);
	while (spool_next(outbox_measurements(o), &r) > 0) {
		ck_assert(record_look(r.data, r.n, &view));
		kept[view.check == checks[1]]++;
	}
	while (spool_next(outbox_events(o), &r) > 0) {
		Wire__Record *e = wire__record__unpack(NULL, r.n, r.data);

		ck_assert_ptr_nonnull(e->dropped);
		ck_assert_uint_eq(e->dropped->from, 1234567890123456789);
		told[e->check == checks[1]] += e->dropped->count;
		wire__record__free_unpacked(e, NULL);
	}
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_gt(told[i], 0);
		ck_assert_uint_eq(kept[i] + told[i], made[i]);
	}
	ck_assert_int_eq(outbox_close(o), 0);
}
END_TEST

static void add(TCase *tc)
{
	T(test_the_first_result_is_synced_at_once_and_others_together);
	T(test_a_batch_defines_each_series_once_and_before_its_use);
	T(test_r05_dropped_measurements_are_told_by_check);
}

int main(void)
{
	return suite_main("core, outbox", setup, teardown, 120, add);
}
