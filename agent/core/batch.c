#include "config.h"

#include "agent/core/batch.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/record.h"
#include "lib/cleanup.h"
#include "lib/crc32c.h"
#include "lib/frame.h"
#include "lib/log.h"

#define ENOUGH (32u * 1024)	/* two TLS records: more would not be cheaper */
#define RECORDS_MAX 1000u
#define VALUES_MAX 10000u
#define HEAD 32u		/* frame, Envelope and Batch heads go before the body */
#define BODY_MAX (FRAME_MAX - 2 * HEAD)

enum { ENVELOPE_BATCH = 4 << 3 | 2, BATCH_EPOCH = 1 << 3 | 1, BATCH_FIRST = 2 << 3, BATCH_SERIES = 3 << 3 | 2,
       BATCH_RECORD = 4 << 3 | 2, BATCH_BEFORE = 5 << 3 | 5, BATCH_DIGEST = 6 << 3 | 5, SERIES_ID = 1 << 3 };

struct building {
	struct outbox *outbox;
	struct defined *defined;
	uint8_t *buf;
	size_t n, room;
	uint64_t epoch, first, last;
	uint32_t before, digest;
	unsigned records, values;
};

void defined_clear(struct defined *d)
{
	free(d->bits);
	*d = (struct defined){0};
}

static bool is_defined(const struct defined *d, uint32_t series)
{
	return series < d->n && d->bits[series / 8] & 1u << series % 8;
}

static int define(struct defined *d, uint32_t series)
{
	if (series >= d->n) {
		uint32_t n = (series / 512 + 1) * 512;
		uint8_t *bigger = realloc(d->bits, n / 8);

		if (!bigger)
			return -ENOMEM;
		memset(bigger + d->n / 8, 0, (n - d->n) / 8);
		d->bits = bigger;
		d->n = n;
	}
	d->bits[series / 8] |= (uint8_t)(1u << series % 8);
	return 0;
}

static int reserve(struct building *b, size_t n)
{
	size_t room = b->room ? b->room : 4096;
	uint8_t *bigger;

	if (b->n + n > BODY_MAX)
		return -EMSGSIZE;
	while (room < b->n + n)
		room *= 2;
	if (room == b->room)
		return 0;
	bigger = realloc(b->buf, room);
	if (!bigger)
		return -ENOMEM;
	b->buf = bigger;
	b->room = room;
	return 0;
}

static int put_series(struct building *b, uint32_t number)
{
	const void *key;
	size_t n, body;
	int r;

	if (!dictionary_key(outbox_dictionary(b->outbox), number, &key, &n))
		return -ENOENT;
	body = 1 + record_varint_size(number) + n;
	r = reserve(b, body + 16);
	if (r == 0)
		r = define(b->defined, number);
	if (r < 0)
		return r;
	b->buf[b->n++] = BATCH_SERIES;
	b->n += record_varint(b->buf + b->n, body);
	b->buf[b->n++] = SERIES_ID;
	b->n += record_varint(b->buf + b->n, number);
	memcpy(b->buf + b->n, key, n);
	b->n += n;
	return 0;
}

/* 0; -EMSGSIZE: not into this batch; -ENOENT: it cannot be sent at all; -ENOMEM. */
static int put_record(struct building *b, const struct spool_record *r)
{
	struct record_view view, walk;
	const char *name, *plugin;
	uint32_t number, digest;
	unsigned values = 0;
	int error = 0;

	if (!record_look(r->data, r->n, &view) || !dictionary_check_name(outbox_dictionary(b->outbox), view.check, &name, &plugin))
		return -ENOENT;
	for (walk = view; record_series(&walk, &number);)
		values++;
	if (b->records && b->values + values > VALUES_MAX)
		return -EMSGSIZE;
	for (walk = view; error == 0 && record_series(&walk, &number);)
		if (!is_defined(b->defined, number))
			error = put_series(b, number);
	if (error == 0)
		error = reserve(b, r->n + 16);
	if (error < 0)
		return error;
	b->buf[b->n++] = BATCH_RECORD;
	b->n += record_varint(b->buf + b->n, r->n);
	memcpy(b->buf + b->n, r->data, r->n);
	b->n += r->n;
	b->values += values;
	b->records++;
	digest = htole32(r->digest);
	b->digest = crc32c(b->digest, &digest, sizeof(digest));
	return 0;
}

static size_t put_fixed32(uint8_t *to, uint8_t tag, uint32_t value)
{
	value = htole32(value);
	to[0] = tag;
	memcpy(to + 1, &value, sizeof(value));
	return 1 + sizeof(value);
}

/* Epoch, first sequence and digests stand before the body, the heads before them. */
static void finish(struct building *b, struct batch *ret)
{
	uint8_t head[HEAD], inner[HEAD];
	size_t n_head = 0, n_inner = 0, body;
	uint64_t epoch = htole64(b->epoch);

	inner[n_inner++] = BATCH_EPOCH;
	memcpy(inner + n_inner, &epoch, sizeof(epoch));
	n_inner += sizeof(epoch);
	inner[n_inner++] = BATCH_FIRST;
	n_inner += record_varint(inner + n_inner, b->first);
	n_inner += put_fixed32(inner + n_inner, BATCH_BEFORE, b->before);
	n_inner += put_fixed32(inner + n_inner, BATCH_DIGEST, b->digest);
	body = n_inner + b->n - 2 * HEAD;
	head[n_head++] = ENVELOPE_BATCH;
	n_head += record_varint(head + n_head, body);
	body += n_head;
	ret->from = 2 * HEAD - n_inner - n_head - FRAME_HEAD;
	for (int i = 0; i < FRAME_HEAD; i++)
		b->buf[ret->from + (size_t)i] = (uint8_t)(body >> (24 - 8 * i));
	memcpy(b->buf + ret->from + FRAME_HEAD, head, n_head);
	memcpy(b->buf + ret->from + FRAME_HEAD + n_head, inner, n_inner);
	ret->buf = TAKE(b->buf);
	ret->n = b->n;
	ret->epoch = b->epoch;
	ret->last = b->records ? b->last : 0;
}

int batch_next(struct outbox *outbox, struct spool *spool, struct defined *defined, struct batch *ret)
{
	struct building b = {.outbox = outbox, .defined = defined, .n = 2 * HEAD};
	struct spool_record record;
	int r = 0;

	while (b.n < ENOUGH && b.records < RECORDS_MAX && (r = spool_next(spool, &record)) > 0) {
		if (b.records && (record.epoch != b.epoch || record.sequence != b.last + 1)) {
			spool_unget(spool);
			break;
		}
		if (b.records == 0) {
			b.epoch = record.epoch;
			b.first = record.sequence;
			b.before = record.before;
		}
		r = put_record(&b, &record);
		if (r == -ENOENT || (r == -EMSGSIZE && b.n == 2 * HEAD)) {
			log_error("record %016llx/%llu cannot be sent (%s): left out", (unsigned long long)record.epoch,
				  (unsigned long long)record.sequence, r == -ENOENT ? "the names that it uses are lost" : "too large");
			outbox_lose(outbox, record.data, record.n);
			if (b.records)
				break;	/* a gap ends the batch */
			continue;
		}
		if (r < 0) {
			spool_unget(spool);
			break;
		}
		b.last = record.sequence;
	}
	if (b.n > 2 * HEAD && (r >= 0 || r == -EMSGSIZE || r == -ENOENT)) {
		finish(&b, ret);
		return 1;
	}
	free(b.buf);
	return r == -ENOENT ? 0 : r < 0 ? r : 0;
}
