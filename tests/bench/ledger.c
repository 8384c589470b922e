/*
 * ledger.c - is everything that was acknowledged in the store, once, and as it was sent? Reads what load.c wrote down (--ledger) and
 * every row of the store, with the reader that the engine uses. Exit 0: yes. 1: no, with what and where. The collector may run.
 *
 *   ledger STORE-FOLDER LEDGER VALUES-A-RESULT
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/store/reader.h"
#include "tests/bench/content.h"

struct line { char uuid[37]; unsigned number; uint64_t epoch, acked, beyond; uint32_t host; uint8_t *seen; uint64_t room; };

static struct line *lines;
static size_t n;
static unsigned values;
static uint64_t rows, wrong, twice, missing;

static void read_ledger(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned long long epoch, acked;
	char uuid[37];

	if (!f) {
		perror(path);
		exit(2);
	}
	while (fscanf(f, "%36s %llx %llu", uuid, &epoch, &acked) == 3) {
		struct line *l;

		lines = realloc(lines, (n + 1) * sizeof(*lines));
		l = &lines[n++];
		*l = (struct line){.epoch = epoch, .acked = acked, .room = acked + 1000000};
		memcpy(l->uuid, uuid, sizeof(uuid));
		l->number = (unsigned)strtoul(uuid + 24, NULL, 10);
		l->seen = calloc(l->room / 8 + 1, 1);
	}
	fclose(f);
}

static int on_host(const struct reader_host *h, void *arg)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(lines[i].uuid, h->uuid))
			lines[i].host = h->id;
	return 0;
}

static struct line *line_of(uint32_t host)
{
	static struct line *last;

	if (last && last->host == host)
		return last;
	for (size_t i = 0; i < n; i++)
		if (lines[i].host == host)
			return last = &lines[i];
	return NULL;
}

static bool as_sent(const struct line *l, const struct reader_row *r)
{
	if (r->epoch != l->epoch || r->result.values != values)
		return false;
	for (unsigned i = 0; i < values; i++)
		if (r->value[i] != content_value(l->number, r->sequence, values, i))
			return false;
	return true;
}

static int on_row(const struct reader_row *r, void *arg)
{
	struct line *l = line_of(r->host);

	rows++;
	if (!l || r->sequence >= l->room || !as_sent(l, r)) {
		if (wrong++ < 5)
			fprintf(stderr, "not as sent: day %u row %lld, sequence %llu\n", r->day, (long long)r->row,
				(unsigned long long)r->sequence);
		return 0;
	}
	if (l->seen[r->sequence / 8] & 1 << r->sequence % 8 && twice++ < 5)
		fprintf(stderr, "twice: %s %llu\n", l->uuid, (unsigned long long)r->sequence);
	l->seen[r->sequence / 8] |= (uint8_t)(1 << r->sequence % 8);
	l->beyond += r->sequence > l->acked;
	return 0;
}

static void look_for_missing(const struct line *l)
{
	for (uint64_t s = 1; s <= l->acked; s++)
		if (!(l->seen[s / 8] & 1 << s % 8) && missing++ < 5)
			fprintf(stderr, "acknowledged and not there: %s %llu\n", l->uuid, (unsigned long long)s);
}

int main(int argc, char **argv)
{
	struct reader_place place = {0};
	struct store_reader *reader;
	char why[256];
	uint64_t acked = 0;
	int r;

	if (argc != 4)
		return 2;
	values = (unsigned)strtoul(argv[3], NULL, 10);
	read_ledger(argv[2]);
	r = reader_open(argv[1], &reader, why);
	if (r) {
		fprintf(stderr, "%s\n", why);
		return 2;
	}
	r = reader_hosts(reader, on_host, NULL);
	if (!r)
		do
			r = reader_replay(reader, &place, on_row, NULL);
		while (r == -ETIMEDOUT);
	reader_close(reader);
	for (size_t i = 0; i < n; i++) {
		look_for_missing(&lines[i]);
		acked += lines[i].acked;
		free(lines[i].seen);
	}
	free(lines);
	printf("%llu acknowledged, %llu rows: %llu missing, %llu twice, %llu not as sent, %llu damaged\n", (unsigned long long)acked,
	       (unsigned long long)rows, (unsigned long long)missing, (unsigned long long)twice, (unsigned long long)wrong,
	       (unsigned long long)place.damaged);
	if (r)
		fprintf(stderr, "reading: %s\n", strerror(-r));
	return r || missing || twice || wrong || place.damaged || !acked;
}
