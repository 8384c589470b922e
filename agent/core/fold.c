#include "config.h"

#include "agent/core/fold.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/crc32c.h"

/* ---- digest: of an event's bytes, as it would have been sent, without keeping them ---- */

struct summing { ProtobufCBuffer base; uint32_t crc; };

static void add_bytes(ProtobufCBuffer *buffer, size_t n, const uint8_t *data)
{
	struct summing *s = (struct summing *)buffer;

	s->crc = crc32c(s->crc, data, n);
}

static uint32_t digest(uint32_t before, const Wire__Event *event)
{
	struct summing s = {.base = {.append = add_bytes}, .crc = before};

	wire__event__pack_to_buffer(event, &s.base);
	return s.crc;
}

/* ---- */

static struct fold *find(const struct folds *f, uint32_t check, const char *name)
{
	for (size_t i = 0; i < f->all.n; i++)
		if (f->all.at[i].check == check && !strcmp(f->all.at[i].event->name, name))
			return &f->all.at[i];
	return NULL;
}

static Wire__Event *copy(const Wire__Event *event)
{
	size_t n = wire__event__get_packed_size(event);
	FREE uint8_t *packed = malloc(n);

	return packed ? wire__event__unpack(NULL, wire__event__pack(event, packed), packed) : NULL;
}

static int add(struct folds *f, uint32_t check, const char *name, const Wire__Event *event)
{
	struct fold *place = vec_push(&f->all);
	Wire__Event first = *event;

	first.name = (char *)name;
	if (f->bytes + wire__event__get_packed_size(event) > FOLD_BYTES)
		first.n_fields = 0;
	if (place)
		*place = (struct fold){.check = check, .bytes = wire__event__get_packed_size(&first), .event = copy(&first)};
	if (!place || !place->event) {
		f->all.n -= place != NULL;
		return -ENOMEM;
	}
	place->event->digest = digest(0, event);
	f->bytes += place->bytes;
	return 0;
}

int fold_take(struct folds *f, uint32_t check, const Wire__Event *event)
{
	const char *name = event->name;
	struct fold *known = find(f, check, name);

	if (!known && f->all.n >= FOLD_NAMES) {
		name = FOLD_OTHERS;
		known = find(f, check, name);
	}
	if (!known)
		return add(f, check, name, event);
	known->event->digest = digest(known->event->digest, event);
	known->event->more++;
	known->event->until = event->at;
	return 0;
}

bool fold_has(const struct folds *f, uint32_t check)
{
	for (size_t i = 0; i < f->all.n; i++)
		if (f->all.at[i].check == check)
			return true;
	return false;
}

bool fold_behind(const struct folds *f, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (f->all.at[k].check == f->all.at[i].check)
			return true;
	return false;
}

void fold_drop(struct folds *f, size_t i)
{
	f->bytes -= f->all.at[i].bytes;
	wire__event__free_unpacked(f->all.at[i].event, NULL);
	f->all.n--;
	memmove(&f->all.at[i], &f->all.at[i + 1], (f->all.n - i) * sizeof(f->all.at[0]));
}

void fold_free(struct folds *f)
{
	while (f->all.n)
		fold_drop(f, 0);
	vec_free(&f->all);
}
