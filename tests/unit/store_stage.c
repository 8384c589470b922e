#include "tests/unit/store_stage.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/store/pages.h"
#include "tests/unit/folder.h"

char folder[64], why[256];
struct store *store;
const uint8_t key[32] = {7};

void setup(void)
{
	strcpy(folder, "/tmp/beadle-store.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(store_open(folder, RESERVE, &store, why), 0);
	ck_assert_int_eq(store_begin(store, key, NOON), 0);
}

void teardown(void)
{
	store_close(store);
	store = NULL;
	ck_assert_int_eq(folder_remove(folder), 0);
}

void restart(void)
{
	store_close(store);
	store = NULL;
	ck_assert_int_eq(store_open(folder, RESERVE, &store, why), 0);
}

struct batch *make(uint64_t epoch, uint64_t first, uint32_t n)
{
	struct batch *b = calloc(1, sizeof(*b));

	*b = (struct batch){.host = 1, .epoch = epoch, .first = first, .results = n, .values = 2 * n};
	b->result = calloc(n, sizeof(*b->result));
	b->series = calloc(2 * n, sizeof(*b->series));
	b->value = calloc(2 * n, sizeof(*b->value));
	for (uint32_t i = 0; i < n; i++) {
		b->result[i] = (struct result){.check = 7, .values = 2, .first_value = 2 * i, .round = 1,
					       .at = NOON + (int64_t)(first + i), .took_ns = 1234567};
		b->series[2 * i] = 100000 + i;
		b->series[2 * i + 1] = 3;
		b->value[2 * i] = (double)(first + i);
		b->value[2 * i + 1] = -0.5;
	}
	return b;
}

void drop(struct batch *b, struct result *result)
{
	free(result);
	free(b->series);
	free(b->value);
	free(b);
}

uint32_t put(uint64_t epoch, uint64_t first, uint32_t n, int64_t now)
{
	struct batch *b = make(epoch, first, n);
	struct result *result = b->result;
	uint32_t new;

	ck_assert_int_eq(store_intake(store, &b, 1, now), 0);
	new = b->results;
	drop(b, result);
	return new;
}

uint64_t held(uint64_t epoch)
{
	uint64_t through;
	uint32_t digest;

	ck_assert_int_eq(store_held(store, 1, epoch, &through, &digest), 0);
	return through;
}

static int see(const struct reader_row *row, void *arg)
{
	struct seen *seen = arg;

	ck_assert_uint_eq(row->host, 1);
	ck_assert_uint_eq(row->result.check, 7);
	ck_assert_uint_eq(row->result.values, 2);
	ck_assert_uint_eq(row->result.took_ns, 1234567);
	ck_assert_uint_eq(row->result.round, 1);
	ck_assert_uint_ge(row->series[0], 100000);
	ck_assert_uint_eq(row->series[1], 3);
	ck_assert_double_eq(row->value[0], (double)row->sequence);
	ck_assert_double_eq(row->value[1], -0.5);
	seen->n++;
	seen->sum += row->sequence;
	seen->last = row->sequence;
	return 0;
}

struct seen replay(struct reader_place *from)
{
	struct store_reader *reader;
	struct seen seen = {0};

	ck_assert_int_eq(reader_open(folder, &reader, why), 0);
	ck_assert_int_eq(reader_replay(reader, from, see, &seen), 0);
	reader_close(reader);
	return seen;
}

void run_on(const char *file, const char *sql)
{
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, PAGES_VFS), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static int see_entry(const struct reader_entry *e, void *arg)
{
	char *at = arg;

	ck_assert_ptr_null(e->signature);
	snprintf(at + strlen(at), 1024 - strlen(at), "%" PRIu64 " %s %s %s\n", e->number, e->actor, e->action, e->number == 1 ? "" : e->payload);
	return 0;
}

void entries(char ret[1024])
{
	struct store_reader *reader;

	*ret = 0;
	ck_assert_int_eq(reader_open(folder, &reader, why), 0);
	ck_assert_int_eq(reader_journal(reader, 0, see_entry, NULL, ret), 0);
	reader_close(reader);
}
