/*
 * frame.h - frames of every connection and socket pair: 4 bytes of big-endian length, then one protobuf message. A frame
 * is refused by its length field alone (SECURITY N2), and unpacking gets an arena with a ceiling (N3).
 */
#ifndef FRAME_H
#define FRAME_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"

#define FRAME_HEAD 4
#define FRAME_MAX_HELLO (256u * 1024)	/* the first frame of a connection */
#define FRAME_MAX (1024u * 1024)

/* Looks at the first n bytes of what has arrived. Returns the whole frame's size with its head (data may hold less yet),
 * 0 when even the head is not complete, or -EMSGSIZE (empty, or above max). */
int64_t frame_size(const void *data, size_t n, uint32_t max);

/* What unpacking a whole frame of this size may cost (N3): 8 times the frame, at least 256 KiB (a lone small record costs more than 8),
 * at most 8 MiB. */
size_t frame_ceiling(size_t frame);

/* Unpacks the body of a whole frame. The message lives in the arena, until arena_reset. NULL: malformed, or above the
 * arena's ceiling. */
ProtobufCMessage *frame_unpack(const ProtobufCMessageDescriptor *, const void *frame, size_t n, struct arena *);

/* Packs into buf, which grows (realloc) as need be: *buf, *room are the caller's, from {NULL, 0}. Returns the frame's size
 * with its head, or -ENOMEM / -EMSGSIZE. */
int64_t frame_pack(const ProtobufCMessage *, uint8_t **buf, size_t *room);
/* The same, behind the n bytes that buf holds. */
int64_t frame_append(const ProtobufCMessage *, uint8_t **buf, size_t n, size_t *room);

/* Blocking, over a socket pair of our own: for programs without an event loop. frame_read: 0 at the end, 1 with *ret set,
 * or -errno. */
int frame_write(int fd, const ProtobufCMessage *);
int frame_read(int fd, const ProtobufCMessageDescriptor *, uint32_t max, struct arena *, ProtobufCMessage **ret);

#endif
