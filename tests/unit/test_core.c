/* Schedule on fake time, dictionary, and batches: what is between a round and the wire. */
#include "config.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/core/batch.h"
#include "agent/core/disk.h"
#include "agent/core/fold.h"
#include "agent/core/outbox.h"
#include "agent/core/record.h"
#include "agent/core/schedule.h"
#include "agent/core/share.h"
#include "agent/core/witness.h"
#include "lib/clock.h"
#include "lib/crc32c.h"
#include "lib/frame.h"
#include "lib/io.h"
#include "lib/log.h"
#include "tests/unit/folder.h"

static char folder[64];
static unsigned complaints;

static void on_line(enum log_level level, const char *line, void *arg)
{
	complaints += level == LOG_ERROR;
}

static void setup(void)
{
	strcpy(folder, "/tmp/beadle-core-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	complaints = 0;
	log_capture(on_line, NULL);
}

static void teardown(void)
{
	folder_remove(folder);
	log_capture(NULL, NULL);
	disk_use(NULL);
	clock_use(NULL);
}

/* ---- schedule ---- */

#define AGENT "11111111-2222-4333-8444-555555555555"

START_TEST(test_rounds_keep_their_rhythm)
{
	int64_t interval = 60 * NS_PER_S, phase = schedule_phase(AGENT, "disk", interval), now = 12345 * NS_PER_S;
	int64_t due = schedule_next(now, interval, phase), first = due;

	ck_assert_int_ge(due - now, interval / 2);
	ck_assert_int_le(due - now, interval * 3 / 2);
	for (int i = 1; i < 100; i++) {		/* each round begins a little late; the rhythm does not shift */
		due = schedule_next(due + 3 * NS_PER_MS, interval, phase);
		ck_assert_int_eq(due, first + i * interval);
	}
}
END_TEST

START_TEST(test_a_machine_that_slept_runs_a_check_once)
{
	int64_t interval = NS_PER_S, phase = schedule_phase(AGENT, "disk", interval);
	int64_t due = schedule_next(1000 * NS_PER_S, interval, phase), woke = due + 8 * 3600 * NS_PER_S;
	unsigned rounds = 0;

	for (int64_t now = woke; now < woke + 10 * NS_PER_S; now += NS_PER_MS)
		if (due <= now) {
			rounds++;
			due = schedule_next(now, interval, phase);
		}
	ck_assert_uint_ge(rounds, 10);
	ck_assert_uint_le(rounds, 11);
}
END_TEST

START_TEST(test_agents_do_not_fire_together)
{
	unsigned buckets[60] = {0};
	char agent[40];

	for (unsigned i = 0; i < 6000; i++) {
		int64_t phase;

		snprintf(agent, sizeof(agent), "11111111-2222-4333-8444-%012u", i);
		phase = schedule_phase(agent, "disk", 60 * NS_PER_S);
		ck_assert(phase >= 0 && phase < 60 * NS_PER_S);
		buckets[phase / NS_PER_S]++;
	}
	for (int i = 0; i < 60; i++)
		ck_assert_msg(buckets[i] > 50 && buckets[i] < 150, "%u agents in second %d", buckets[i], i);
}
END_TEST

START_TEST(test_first_rounds_are_at_once_unless_told_to_slow_down)
{
	int64_t interval = 60 * NS_PER_S, phase = schedule_phase(AGENT, "disk", interval), now = 777 * NS_PER_S;

	ck_assert_int_eq(schedule_first(now, interval, phase, 0), now);
	ck_assert_int_gt(schedule_first(now, interval, phase, 1), now);
	ck_assert_int_le(schedule_first(now, interval, phase, 1), now + interval);
	ck_assert_int_eq((schedule_first(now, interval, phase, 1) - phase) % interval, 0);
}
END_TEST

/* ---- dictionary ---- */

static struct dictionary *open_dictionary(void)
{
	struct dictionary *d;

	ck_assert_int_eq(dictionary_open(folder, &d), 0);
	return d;
}

static uint32_t series(struct dictionary *d, uint32_t check, unsigned i)
{
	char key[64];
	uint32_t number = 0;
	int n = snprintf(key, sizeof(key), "the key of series %u", i);

	ck_assert_int_eq(dictionary_series(d, check, key, (size_t)n, &number), 0);
	return number;
}

START_TEST(test_numbers_last)
{
	struct dictionary *d = open_dictionary();
	uint32_t a, b, again, numbers[500];
	const char *name, *plugin;

	ck_assert_int_eq(dictionary_check(d, "disk", "disk", &a), 0);
	ck_assert_int_eq(dictionary_check(d, "other", "disk", &b), 0);
	ck_assert_uint_ne(a, b);
	for (unsigned i = 0; i < 500; i++)
		numbers[i] = series(d, i % 2 ? a : b, i);
	ck_assert_int_eq(dictionary_sync(d), 0);
	for (int round = 0; round < 3; round++) {
		dictionary_free(d);
		d = open_dictionary();
		for (unsigned i = 0; i < 500; i++)
			ck_assert_uint_eq(series(d, i % 2 ? a : b, i), numbers[i]);
		ck_assert_uint_ne(series(d, a, 0), numbers[0]);		/* of another check */
		ck_assert_int_eq(dictionary_check(d, "disk", "disk", &again), 0);
		ck_assert_uint_eq(again, a);
		ck_assert(dictionary_check_name(d, b, &name, &plugin));
		ck_assert_str_eq(name, "other");
		ck_assert_str_eq(plugin, "disk");
		ck_assert_int_eq(dictionary_sync(d), 0);
	}
	ck_assert_uint_eq(complaints, 0);
	dictionary_free(d);
}
END_TEST

static void flip(unsigned bit)
{
	char path[PATH_MAX] = "";
	DIR *dir = opendir(folder);
	struct dirent *e;
	uint8_t byte;
	int fd;

	while ((e = readdir(dir)))
		if (!strncmp(e->d_name, "dictionary-", 11))
			snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
	closedir(dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(pread(fd, &byte, 1, bit / 8), 1);
	byte ^= (uint8_t)(1u << bit % 8);
	ck_assert_int_eq(pwrite(fd, &byte, 1, bit / 8), 1);
	close(fd);
}

START_TEST(test_r08_a_damaged_name_gives_no_number_to_another)
{
	srand(8);
	for (int round = 0; round < 50; round++) {
		struct dictionary *d = open_dictionary();
		uint32_t numbers[20], check, same, now, changed = 0;

		dictionary_check(d, "disk", "disk", &check);
		for (unsigned i = 0; i < 20; i++)
			numbers[i] = series(d, check, i);
		ck_assert_int_eq(dictionary_sync(d), 0);
		dictionary_free(d);
		flip((unsigned)rand() % 8000);
		complaints = 0;
		d = open_dictionary();
		dictionary_check(d, "disk", "disk", &same);
		for (unsigned i = 0; i < 20; i++) {
			now = series(d, same, i);
			changed += now != numbers[i];
			for (unsigned k = 0; k < 20; k++)
				ck_assert_msg(k == i || now != numbers[k], "number %u now means another series", now);
		}
		ck_assert_uint_le(changed, same == check ? 1 : 20);	/* a check with a new number has new series */
		ck_assert_uint_eq(complaints, 1);
		ck_assert_int_eq(dictionary_sync(d), 0);
		dictionary_free(d);
		teardown();
		setup();
	}
}
END_TEST

START_TEST(test_one_check_cannot_take_all_numbers)
{
	struct dictionary *d = open_dictionary();
	uint32_t greedy, modest, number;

	dictionary_check(d, "greedy", "p", &greedy);
	dictionary_check(d, "modest", "p", &modest);
	for (unsigned i = 0; i < DICTIONARY_OF_CHECK; i++)
		series(d, greedy, i);
	ck_assert_int_eq(dictionary_series(d, greedy, "one more", 8, &number), -ENOSPC);
	series(d, modest, 1);
	series(d, greedy, 5);		/* what is known stays known */
	dictionary_free(d);
}
END_TEST

static int sync_fails;

static int failing_sync(int fd)
{
	if (sync_fails) {
		errno = EIO;
		return -1;
	}
	return fdatasync(fd);
}

static int plain_open(const char *path, int flags, mode_t mode)
{
	return open(path, flags, mode);
}

static const struct disk_calls failing = {plain_open, write, failing_sync, rename, unlink};

START_TEST(test_r07_a_dictionary_whose_sync_failed_is_written_anew)
{
	struct dictionary *d = open_dictionary();
	uint32_t check, numbers[3];

	dictionary_check(d, "disk", "disk", &check);
	numbers[0] = series(d, check, 0);
	ck_assert_int_eq(dictionary_sync(d), 0);
	disk_use(&failing);
	sync_fails = 1;
	numbers[1] = series(d, check, 1);
	ck_assert_int_eq(dictionary_sync(d), -EIO);
	numbers[2] = series(d, check, 2);
	ck_assert_int_eq(dictionary_sync(d), -EIO);
	sync_fails = 0;
	ck_assert_int_eq(dictionary_sync(d), 0);
	disk_use(NULL);
	dictionary_free(d);
	d = open_dictionary();
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(series(d, check, i), numbers[i]);
	dictionary_free(d);
}
END_TEST

/* ---- outbox and batches ---- */

static struct outbox *open_outbox_of(uint64_t measurements)
{
	struct outbox *o;

	ck_assert_int_eq(outbox_open(folder, &(struct outbox_room){measurements, 1 << 20, 1 << 20}, NS_PER_S, &o), 0);
	return o;
}

static struct outbox *open_outbox(void)
{
	return open_outbox_of(1 << 20);
}

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

/* ---- events for which there is no room ---- */

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

/* ---- the collector's journal, witnessed ---- */

static const char *checkpoint(char chain, int number, char hash)
{
	static char line[512];
	char c[65] = "", h[65] = "", s[129] = "";

	memset(c, chain, 64);
	memset(h, hash, 64);
	memset(s, '0', 128);
	snprintf(line, sizeof(line), "checkpoint\t%s\t%d\t%s\t7\t%s", c, number, h, s);
	return line;
}

static void witness(struct witness *w, char chain, int number, char hash)
{
	const char *line = checkpoint(chain, number, hash);

	witness_take(w, line, strlen(line));
}

static unsigned lines_kept(const char *path)
{
	char *text;
	unsigned n = 0;

	if (io_read_file(path, 1 << 20, &text, NULL) < 0)
		return 0;
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		n++;
	free(text);
	return n;
}

START_TEST(test_a04_a_witness_keeps_what_it_was_shown)
{
	char path[256];
	struct witness *w = witness_open(folder);
	FILE *f;

	snprintf(path, sizeof(path), "%s/witness", folder);
	ck_assert_str_eq(witness_last(w), "");
	witness_take(w, "", 0);
	witness_take(w, "nonsense", 8);
	witness_take(w, "checkpoint\ta\t1\tb\t7\tc", 20);
	ck_assert_uint_eq(lines_kept(path), 0);
	witness(w, 'a', 4, 'b');
	witness(w, 'a', 4, 'b');		/* every heartbeat says it */
	witness(w, 'a', 9, 'c');
	ck_assert_uint_eq(lines_kept(path), 2);
	witness_free(w);
	f = fopen(path, "a");			/* power went while it was written */
	fputs("checkpoint\taaaa", f);
	fclose(f);
	w = witness_open(folder);
	ck_assert_str_eq(witness_last(w), checkpoint('a', 9, 'c'));
	witness(w, 'a', 12, 'd');
	witness(w, 'a', 4, 'b');		/* known: nothing new */
	ck_assert_uint_eq(lines_kept(path), 4);
	witness(w, 'a', 4, 'e');		/* another than was: kept beside it */
	witness(w, 'f', 1, 'e');		/* another journal */
	ck_assert_uint_eq(lines_kept(path), 6);
	witness_free(w);
	w = witness_open(folder);
	ck_assert_str_eq(witness_last(w), checkpoint('f', 1, 'e'));
	witness_free(w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core");
	TCase *tc = tcase_create("core");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, test_rounds_keep_their_rhythm);
	tcase_add_test(tc, test_a_machine_that_slept_runs_a_check_once);
	tcase_add_test(tc, test_agents_do_not_fire_together);
	tcase_add_test(tc, test_first_rounds_are_at_once_unless_told_to_slow_down);
	tcase_add_test(tc, test_numbers_last);
	tcase_add_test(tc, test_r08_a_damaged_name_gives_no_number_to_another);
	tcase_add_test(tc, test_one_check_cannot_take_all_numbers);
	tcase_add_test(tc, test_r07_a_dictionary_whose_sync_failed_is_written_anew);
	tcase_add_test(tc, test_the_first_result_is_synced_at_once_and_others_together);
	tcase_add_test(tc, test_a_batch_defines_each_series_once_and_before_its_use);
	tcase_add_test(tc, test_r05_dropped_measurements_are_told_by_check);
	tcase_add_test(tc, test_r05_of_a_flood_each_is_here_or_counted);
	tcase_add_test(tc, test_r05_a_small_event_does_not_overtake_a_large_one_that_waits);
	tcase_add_test(tc, test_r05_a_flood_of_one_check_leaves_room_for_others);
	tcase_add_test(tc, test_r05_counts_are_bounded_and_outlast_the_agent);
	tcase_add_test(tc, test_r05_a_fold_is_the_first_with_number_and_digest_of_all);
	tcase_add_test(tc, test_r05_a_check_may_have_as_much_as_is_free);
	tcase_add_test(tc, test_a04_a_witness_keeps_what_it_was_shown);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
