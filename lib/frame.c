#include "frame.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"
#include "io.h"

static uint32_t big_endian(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int64_t frame_size(const void *data, size_t n, uint32_t max)
{
	uint32_t body;

	if (n < FRAME_HEAD)
		return 0;
	body = big_endian(data);
	if (body == 0 || body > max)
		return -EMSGSIZE;
	return (int64_t)body + FRAME_HEAD;
}

size_t frame_ceiling(size_t frame)
{
	size_t n = 8 * frame;

	return n < 256 * 1024 ? 256 * 1024 : n > 8 * 1024 * 1024 ? 8 * 1024 * 1024 : n;
}

ProtobufCMessage *frame_unpack(const ProtobufCMessageDescriptor *type, const void *frame, size_t n, struct arena *arena)
{
	return protobuf_c_message_unpack(type, arena_allocator(arena), n - FRAME_HEAD, (const uint8_t *)frame + FRAME_HEAD);
}

int64_t frame_append(const ProtobufCMessage *message, uint8_t **buf, size_t n, size_t *room)
{
	size_t body = protobuf_c_message_get_packed_size(message), size = body + FRAME_HEAD;
	uint8_t *p;

	if (body == 0 || body > UINT32_MAX)
		return -EMSGSIZE;
	if (n + size > *room) {
		uint8_t *bigger = realloc(*buf, n + size);

		if (!bigger)
			return -ENOMEM;
		*buf = bigger;
		*room = n + size;
	}
	p = *buf + n;
	for (int i = 0; i < FRAME_HEAD; i++)
		p[i] = (uint8_t)(body >> (24 - 8 * i));
	protobuf_c_message_pack(message, p + FRAME_HEAD);
	return (int64_t)size;
}

int64_t frame_pack(const ProtobufCMessage *message, uint8_t **buf, size_t *room)
{
	return frame_append(message, buf, 0, room);
}

int frame_write(int fd, const ProtobufCMessage *message)
{
	FREE uint8_t *buf = NULL;
	size_t room = 0;
	int64_t n = frame_pack(message, &buf, &room);

	return n < 0 ? (int)n : io_write_all(fd, buf, (size_t)n);
}

/* 1: n bytes read; 0: the end came first, before any byte; else -errno. */
static int read_all(int fd, uint8_t *p, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t k = read(fd, p + got, n - got);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		if (k == 0)
			return got ? -ECONNRESET : 0;
		got += (size_t)k;
	}
	return 1;
}

int frame_read(int fd, const ProtobufCMessageDescriptor *type, uint32_t max, struct arena *arena, ProtobufCMessage **ret)
{
	uint8_t head[FRAME_HEAD];
	FREE uint8_t *body = NULL;
	int64_t n;
	int r = read_all(fd, head, sizeof(head));

	if (r <= 0)
		return r;
	n = frame_size(head, sizeof(head), max);
	if (n < 0)
		return (int)n;
	n -= FRAME_HEAD;
	body = malloc((size_t)n);
	if (!body)
		return -ENOMEM;
	r = read_all(fd, body, (size_t)n);
	if (r <= 0)
		return r ? r : -ECONNRESET;
	*ret = protobuf_c_message_unpack(type, arena_allocator(arena), (size_t)n, body);
	return *ret ? 1 : -EBADMSG;
}
