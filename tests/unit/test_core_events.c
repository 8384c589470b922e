/* Events for which there is no room (R5): each is here or counted, and no check takes all of it. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "agent/core/fold.h"
#include "agent/core/share.h"
#include "lib/clock.h"
#include "lib/crc32c.h"
#include "tests/unit/core_stage.h"

static void happen(struct outbox *o, uint32_t check, const char *name, unsigned i, size_t size, int64_t now)
{
	static char text[4096];
	Wire__Record record = WIRE__RECORD__INIT;
	Wire__Event event = WIRE__EVENT__INIT, *events[] = {&event};
	Wire__Label field = WIRE__LABEL__INIT, *fields[] = {&field};

	memset(text, 'x', sizeof(text));
	snprintf(text, sizeof(text), "/a/path/that/is/somewhat/long/%u", i);
	field.name = (char *)"path";
	field.value = (ProtobufCBinaryData){size ? size : strlen(text), (uint8_t *)text};
	event.name = (char *)name;
	event.at = 1000 + i;
	event.fields = fields;
	event.n_fields = 1;
	record.check = check;
	record.events = events;
	record.n_events = 1;
	outbox_happened(o, &record, now);
}

struct seen { uint64_t whole, more; unsigned standing; bool ordered; uint64_t last; };

/* Takes all that is durable, as a collector would, until no more comes. */
static void take_events(struct outbox *o, uint32_t check, struct seen *seen, int64_t now)
{
	struct spool_record r = {0};
	bool some = true;

	while (some) {
		some = false;
		outbox_tick(o, now);
		while (spool_next(outbox_events(o), &r) > 0) {
			Wire__Record *e = wire__record__unpack(NULL, r.n, r.data);

			some = true;
			for (size_t i = 0; e->check == check && i < e->n_events; i++) {
				seen->whole++;
				seen->more += e->events[i]->more;
				seen->standing += e->events[i]->more > 0;
				seen->ordered &= e->events[i]->at > seen->last;
				seen->last = e->events[i]->more ? e->events[i]->until : e->events[i]->at;
			}
			wire__record__free_unpacked(e, NULL);
		}
		if (some)
			spool_ack(outbox_events(o), r.epoch, r.sequence);
	}
}

START_TEST(test_r05_of_a_flood_each_is_here_or_counted)
{
	struct outbox *o = open_outbox();
	struct seen seen = {.ordered = true};
	unsigned made;
	uint32_t check;

	dictionary_check(outbox_dictionary(o), "a", "p", &check);
	for (made = 0; made < 100000; made++) {
		happen(o, check, "change", made, 0, NS_PER_S);
		if (made % 100 == 0)
			outbox_tick(o, NS_PER_S);
	}
	ck_assert(outbox_folds(o, check));
	ck_assert(outbox_held(o, clock_boot()));
	take_events(o, check, &seen, 2 * NS_PER_S);
	ck_assert(!outbox_folds(o, check));
	happen(o, check, "change", made++, 0, 3 * NS_PER_S);
	take_events(o, check, &seen, 3 * NS_PER_S);
	ck_assert_uint_gt(seen.whole, 3000);
	ck_assert_uint_eq(seen.standing, 1);
	ck_assert_uint_eq(seen.whole + seen.more, made);
	ck_assert(seen.ordered);		/* the first ones, then what stands for the others, then what came after */
	ck_assert_uint_eq(complaints, 0);
	ck_assert_int_eq(outbox_close(o), 0);
}
END_TEST

START_TEST(test_r05_a_small_event_does_not_overtake_a_large_one_that_waits)
{
	struct outbox *o = open_outbox();
	struct seen seen = {.ordered = true};
	unsigned made = 0;
	uint32_t check;

	dictionary_check(outbox_dictionary(o), "a", "p", &check);
	while (!outbox_full(o, check, 4096))
		happen(o, check, "change", made++, 0, NS_PER_S);
	ck_assert(!outbox_full(o, check, 1024));
	happen(o, check, "large", made++, 4090, NS_PER_S);
	ck_assert(outbox_folds(o, check));
	happen(o, check, "change", made++, 0, NS_PER_S);
	take_events(o, check, &seen, 2 * NS_PER_S);
	ck_assert_uint_eq(seen.whole, made);
	ck_assert(seen.ordered);
	ck_assert_int_eq(outbox_close(o), 0);
}
END_TEST

START_TEST(test_r05_a_flood_of_one_check_leaves_room_for_others)
{
	struct outbox *o = open_outbox();
	struct seen seen = {.ordered = true};
	uint32_t loud[3], quiet;

	dictionary_check(outbox_dictionary(o), "quiet", "p", &quiet);
	for (int k = 0; k < 3; k++) {
		char name[] = {'a' + (char)k, 0};

		dictionary_check(outbox_dictionary(o), name, "p", &loud[k]);
	}
	for (unsigned i = 0; i < 60000; i++) {
		happen(o, loud[i % 3], "change", i, 0, NS_PER_S);
		if (i % 100 == 0)
			outbox_tick(o, NS_PER_S);
	}
	for (unsigned i = 0; i < 100; i++)
		happen(o, quiet, i % 2 ? "found" : "lost", i, 200, NS_PER_S);
	ck_assert(!outbox_folds(o, quiet));
	for (int k = 0; k < 3; k++)
		ck_assert(outbox_folds(o, loud[k]));
	take_events(o, quiet, &seen, 2 * NS_PER_S);
	ck_assert_uint_eq(seen.whole, 100);
	ck_assert_uint_eq(seen.more, 0);
	ck_assert_int_eq(outbox_close(o), 0);
}
END_TEST

START_TEST(test_r05_counts_are_bounded_and_outlast_the_agent)
{
	struct outbox *o = open_outbox();
	struct seen seen = {.ordered = true};
	uint32_t check, again;
	unsigned made;

	dictionary_check(outbox_dictionary(o), "a", "p", &check);
	for (made = 0; made < 20000; made++) {
		char name[32];

		snprintf(name, sizeof(name), "name_%u", made);
		happen(o, check, name, made, 4000, NS_PER_S);
	}
	ck_assert_int_eq(outbox_close(o), 0);
	ck_assert_uint_eq(complaints, 0);
	o = open_outbox();
	dictionary_check(outbox_dictionary(o), "a", "p", &again);
	ck_assert_uint_eq(again, check);
	take_events(o, check, &seen, 2 * NS_PER_S);
	ck_assert_uint_eq(seen.whole + seen.more, made);
	ck_assert_uint_le(seen.standing, 1);		/* other_events */
	ck_assert_int_eq(outbox_close(o), 0);
}
END_TEST

static size_t size_of(const struct folds *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->all.n; i++)
		n += wire__event__get_packed_size(f->all.at[i].event);
	return n;
}

START_TEST(test_r05_a_fold_is_the_first_with_number_and_digest_of_all)
{
	struct folds f = {0};
	uint32_t sum = 0;

	for (unsigned i = 0; i < 1000; i++) {
		Wire__Event e = WIRE__EVENT__INIT;
		Wire__Label field = WIRE__LABEL__INIT, *fields[] = {&field};
		uint8_t packed[128];
		char text[16];

		e.name = (char *)"change";
		e.at = 7000 + i;
		field.name = (char *)"n";
		field.value = (ProtobufCBinaryData){(size_t)snprintf(text, sizeof(text), "%u", i), (uint8_t *)text};
		e.fields = fields;
		e.n_fields = 1;
		sum = crc32c(sum, packed, wire__event__pack(&e, packed));
		ck_assert_int_eq(fold_take(&f, 1, &e), 0);
	}
	ck_assert_uint_eq(f.all.n, 1);
	ck_assert_uint_eq(f.all.at[0].event->at, 7000);
	ck_assert_uint_eq(f.all.at[0].event->more, 999);
	ck_assert_uint_eq(f.all.at[0].event->until, 7999);
	ck_assert_uint_eq(f.all.at[0].event->digest, sum);
	ck_assert_mem_eq(f.all.at[0].event->fields[0]->value.data, "0", 1);
	ck_assert(fold_has(&f, 1) && !fold_has(&f, 2));
	for (unsigned i = 0; i < 5000; i++) {
		static uint8_t large[4096];
		Wire__Event e = WIRE__EVENT__INIT;
		Wire__Label field = WIRE__LABEL__INIT, *fields[] = {&field};
		char name[32];

		snprintf(name, sizeof(name), "name_%u", i);
		e.name = name;
		field.name = (char *)"n";
		field.value = (ProtobufCBinaryData){sizeof(large), large};
		e.fields = fields;
		e.n_fields = 1;
		fold_take(&f, 2 + i % 10, &e);
	}
	ck_assert_uint_le(f.all.n, FOLD_NAMES + 10);
	ck_assert_uint_le(size_of(&f), FOLD_BYTES + (FOLD_NAMES + 10) * 64);
	fold_free(&f);
}
END_TEST

START_TEST(test_r05_a_check_may_have_as_much_as_is_free)
{
	struct share s = {.limit = 1000};

	while (share_room(&s, 1, 10))
		share_add(&s, 1, 10);
	ck_assert_uint_eq(s.bytes, 500);
	while (share_room(&s, 2, 10))
		share_add(&s, 2, 10);
	ck_assert_uint_eq(s.bytes, 750);
	ck_assert(share_room(&s, 3, 100));
	ck_assert(!share_room(&s, 3, 260));
	share_now(&s, 75);			/* the collector took nine tenths */
	ck_assert(share_room(&s, 1, 800));
	ck_assert(!share_room(&s, 1, 900));
	share_free(&s);
}
END_TEST

static void add(TCase *tc)
{
	T(test_r05_of_a_flood_each_is_here_or_counted);
	T(test_r05_a_small_event_does_not_overtake_a_large_one_that_waits);
	T(test_r05_a_flood_of_one_check_leaves_room_for_others);
	T(test_r05_counts_are_bounded_and_outlast_the_agent);
	T(test_r05_a_fold_is_the_first_with_number_and_digest_of_all);
	T(test_r05_a_check_may_have_as_much_as_is_free);
}

int main(void)
{
	return suite_main("core, events", setup, teardown, 120, add);
}
