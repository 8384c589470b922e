#include "config.h"

#include "agent/core/record.h"

#include <endian.h>
#include <string.h>

enum { CHECK = 1, AT = 2, SERIES = 5 };	/* fields of wire.Record */
enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

static bool get_varint(const uint8_t **p, const uint8_t *end, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && *p < end; shift += 7) {
		uint8_t byte = *(*p)++;

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

/* The field's value: a number, or the length of bytes; *p is behind the tag and, for bytes, before them. */
static bool get_value(const uint8_t **p, const uint8_t *end, unsigned wire, uint64_t *ret)
{
	size_t n = wire == FIXED64 ? 8 : 4;

	if (wire == VARINT)
		return get_varint(p, end, ret);
	if (wire == BYTES)
		return get_varint(p, end, ret) && *ret <= (size_t)(end - *p);
	if ((wire != FIXED64 && wire != FIXED32) || (size_t)(end - *p) < n)
		return false;
	*ret = 0;
	memcpy(ret, *p, n);
	*ret = le64toh(*ret);
	*p += n;
	return true;
}

bool record_look(const uint8_t *data, size_t n, struct record_view *ret)
{
	const uint8_t *p = data, *end = data + n;
	struct record_view view = {0};
	uint64_t tag, value;

	while (p < end) {
		if (!get_varint(&p, end, &tag) || !get_value(&p, end, tag & 7, &value))
			return false;
		if (tag == (CHECK << 3 | VARINT))
			view.check = (uint32_t)value;
		else if (tag == (AT << 3 | FIXED64))
			view.at = value;
		else if (tag == (SERIES << 3 | BYTES)) {
			view.series = p;
			view.n_series = value;
		}
		if ((tag & 7) == BYTES)
			p += value;
	}
	*ret = view;
	return true;
}

bool record_series(struct record_view *view, uint32_t *ret)
{
	const uint8_t *p = view->series, *end;
	uint64_t value;

	if (!view->n_series)
		return false;
	end = p + view->n_series;
	if (!get_varint(&p, end, &value))
		return false;
	view->series = p;
	view->n_series = (size_t)(end - p);
	*ret = (uint32_t)value;
	return true;
}

size_t record_varint(uint8_t *to, uint64_t value)
{
	size_t n = 0;

	for (; value > 0x7f; value >>= 7)
		to[n++] = (uint8_t)(value | 0x80);
	to[n++] = (uint8_t)value;
	return n;
}

size_t record_varint_size(uint64_t value)
{
	size_t n = 1;

	for (; value > 0x7f; value >>= 7)
		n++;
	return n;
}
