#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "crc32c.h"
#include "frame.h"
#include "proto/beadle.pb-c.h"
#include "tests/bench/content.h"
#include "tests/bench/crowd.h"

#define CHECKS 20u
#define SERIES_A_CHECK 10u

static void add_frame(struct agent *a, Wire__Envelope *e)
{
	static uint8_t *buf;
	static size_t room;
	int64_t n = frame_pack(&e->base, &buf, &room);

	if (n < 0)
		die("frame_pack");
	if (a->out_n + (size_t)n > a->out_room) {
		a->out_room = a->out_n + (size_t)n;
		a->out = realloc(a->out, a->out_room);
	}
	memcpy(a->out + a->out_n, buf, (size_t)n);
	a->out_n += (size_t)n;
}

void send_hello(struct agent *a)
{
	Wire__Envelope e = WIRE__ENVELOPE__INIT;
	Wire__Hello h = WIRE__HELLO__INIT;
	Wire__Spool spool = WIRE__SPOOL__INIT, *spools = &spool;
	Wire__Check check[CHECKS], *checks[CHECKS];
	char names[CHECKS][16];

	for (unsigned i = 0; i < CHECKS; i++) {
		wire__check__init(&check[i]);
		snprintf(names[i], sizeof(names[i]), "check_%u", i);
		check[i].id = i + 1;
		check[i].name = names[i];
		check[i].plugin = "disk";
		check[i].interval_ns = 60 * NS_PER_S;
		checks[i] = &check[i];
	}
	spool.epoch = CROWD_EPOCH;
	spool.oldest = a->acked + 1;
	spool.next = a->next;
	h.agent = a->uuid;
	h.n_spools = 1;
	h.spools = &spools;
	h.n_checks = CHECKS;
	h.checks = checks;
	e.message_case = WIRE__ENVELOPE__MESSAGE_HELLO;
	e.hello = &h;
	add_frame(a, &e);
	link_flush(a);
}

void send_definitions(struct agent *a)
{
	static Wire__Series series[CHECKS * SERIES_A_CHECK], *each[CHECKS * SERIES_A_CHECK];
	static char labels[CHECKS * SERIES_A_CHECK][16];
	static Wire__Label label[CHECKS * SERIES_A_CHECK], *one[CHECKS * SERIES_A_CHECK];
	Wire__Envelope e = WIRE__ENVELOPE__INIT;
	Wire__Batch b = WIRE__BATCH__INIT;

	for (unsigned i = 0; i < CHECKS * SERIES_A_CHECK; i++) {
		wire__series__init(&series[i]);
		wire__label__init(&label[i]);
		snprintf(labels[i], sizeof(labels[i]), "%u", i % SERIES_A_CHECK);
		label[i].name = "mount";
		label[i].value = (ProtobufCBinaryData){strlen(labels[i]), (uint8_t *)labels[i]};
		one[i] = &label[i];
		series[i].id = i + 1;
		series[i].check = i / SERIES_A_CHECK + 1;
		series[i].metric = "disk_space_used_ratio";
		series[i].n_labels = 1;
		series[i].labels = &one[i];
		each[i] = &series[i];
	}
	b.epoch = CROWD_EPOCH;
	b.first = 1;
	b.n_series = CHECKS * SERIES_A_CHECK;
	b.series = each;
	e.message_case = WIRE__ENVELOPE__MESSAGE_BATCH;
	e.batch = &b;
	add_frame(a, &e);
}

/* As an agent does (beadle.proto). */
static void put_digests(struct agent *a, Wire__Batch *b)
{
	static uint8_t *packed;
	static size_t room;
	uint64_t wide = htole64(CROWD_EPOCH);
	uint32_t salt = crc32c(0, &wide, sizeof(wide)), wire;

	b->before = a->digest;
	for (size_t i = 0; i < b->n_records; i++) {
		size_t n = wire__record__get_packed_size(b->records[i]);

		if (n > room) {
			packed = realloc(packed, n);
			room = n;
		}
		wire__record__pack(b->records[i], packed);
		a->digest = crc32c(salt, packed, n);
		wire = htole32(a->digest);
		b->digest = crc32c(b->digest, &wire, sizeof(wire));
	}
}

static void add_batch(struct agent *a)
{
	static Wire__Record *records, **each;
	static uint32_t *series;
	static double *values;
	Wire__Envelope e = WIRE__ENVELOPE__INIT;
	Wire__Batch b = WIRE__BATCH__INIT;
	uint64_t now = (uint64_t)clock_wall();

	if (!records) {
		records = calloc(crowd.results, sizeof(*records));
		each = calloc(crowd.results, sizeof(struct Wire__Record *));
		series = calloc(crowd.results * crowd.values, sizeof(*series));
		values = calloc(crowd.results * crowd.values, sizeof(*values));
	}
	for (unsigned i = 0; i < crowd.results; i++) {
		Wire__Record *r = each[i] = &records[i];
		uint64_t sequence = a->next + i;

		wire__record__init(r);
		r->check = (uint32_t)(sequence % CHECKS) + 1;
		r->at = now;
		r->took_ns = 1000000;
		r->round = true;
		r->n_series = r->n_values = crowd.values;
		r->series = series + i * crowd.values;
		r->values = values + i * crowd.values;
		for (unsigned k = 0; k < crowd.values; k++) {
			r->series[k] = (r->check - 1) * SERIES_A_CHECK + k % SERIES_A_CHECK + 1;
			r->values[k] = content_value(a->number, sequence, crowd.values, k);
		}
	}
	b.epoch = CROWD_EPOCH;
	b.first = a->next;
	b.n_records = crowd.results;
	b.records = each;
	put_digests(a, &b);
	e.message_case = WIRE__ENVELOPE__MESSAGE_BATCH;
	e.batch = &b;
	add_frame(a, &e);
	a->next += crowd.results;
	a->in_flight++;
}

void send_batches(struct agent *a, int64_t now)
{
	if (crowd.idle || a->writing || now < a->due)
		return;
	while (a->in_flight < crowd.window && now >= a->due) {
		add_batch(a);
		a->due = crowd.every ? now + crowd.every * NS_PER_S : 0;
	}
	link_flush(a);
}
