/* arena.h - memory for one message: handed out front to back, let go of all at once; a ceiling; an allocator for protobuf-c. */
#ifndef ARENA_H
#define ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

struct arena;

struct arena *arena_new(size_t ceiling);
void arena_free(struct arena *);
void arena_limit(struct arena *, size_t ceiling);	/* another ceiling, for the message to come */
void *arena_take(struct arena *, size_t n);	/* aligned for anything, not zeroed; NULL above the ceiling */
void arena_reset(struct arena *);		/* keeps the first block */
void arena_trim(struct arena *);		/* gives all memory back: for connections that fall quiet */
ProtobufCAllocator *arena_allocator(struct arena *);

#endif
