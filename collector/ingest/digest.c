#include "collector/ingest/digest.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>

#include "crc32c.h"
#include "frame.h"

enum { ENVELOPE_BATCH = 4, BATCH_RECORD = 4 };	/* fields */
enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

struct part { const uint8_t *at, *end; };

static bool varint(struct part *p, uint64_t *ret)
{
	*ret = 0;
	for (unsigned shift = 0; shift < 64 && p->at < p->end; shift += 7) {
		uint8_t byte = *p->at++;

		*ret |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

/* Steps over the next field; what it holds, when it is bytes. false: the end, or no field. */
static bool next_field(struct part *p, uint64_t *ret_number, struct part *ret)
{
	uint64_t tag, n;

	if (!varint(p, &tag))
		return false;
	*ret_number = tag >> 3;
	*ret = (struct part){0};
	switch (tag & 7) {
	case VARINT:
		return varint(p, &n);
	case FIXED64:
	case FIXED32:
		n = (tag & 7) == FIXED64 ? 8 : 4;
		break;
	case BYTES:
		if (!varint(p, &n))
			return false;
		*ret = (struct part){p->at, p->at + (n <= (size_t)(p->end - p->at) ? n : 0)};
		break;
	default:
		return false;
	}
	if (n > (size_t)(p->end - p->at))
		return false;
	p->at += n;
	return true;
}

static bool find_batch(struct part *envelope, struct part *ret)
{
	uint64_t number;

	while (next_field(envelope, &number, ret))
		if (number == ENVELOPE_BATCH && ret->at)
			return true;
	return false;
}

int digest_records(const uint8_t *frame, size_t n, const Wire__Batch *batch, struct arena *arena, const uint32_t **ret)
{
	struct part envelope = {frame + FRAME_HEAD, frame + n}, body, record;
	uint32_t *digests = arena_take(arena, batch->n_records * sizeof(*digests) + 1), all = 0, wire;
	uint64_t epoch = htole64(batch->epoch), number;
	size_t found = 0;

	if (!digests)
		return -ENOMEM;
	if (!find_batch(&envelope, &body))
		return -EBADMSG;
	while (next_field(&body, &number, &record)) {
		if (number != BATCH_RECORD || !record.at)
			continue;
		if (found == batch->n_records)
			return -EBADMSG;
		digests[found] = crc32c(crc32c(0, &epoch, sizeof(epoch)), record.at, (size_t)(record.end - record.at));
		wire = htole32(digests[found++]);
		all = crc32c(all, &wire, sizeof(wire));
	}
	if (found != batch->n_records || all != batch->digest)
		return -EBADMSG;
	*ret = digests;
	return 0;
}
