/*
 * stream.h - the live stream: server-sent events to each browser that looks on, and a memory of the last ones for those that come back.
 * Event ids are "ERA.NUMBER"; the era is new with every start, so that an id of yesterday never names an event of today.
 */
#ifndef STREAM_H
#define STREAM_H

#include <stddef.h>
#include <stdint.h>

#define STREAM_KEPT 1024		/* events */
#define STREAM_KEPT_BYTES (4u * 1024 * 1024)
#define STREAM_BACKLOG (512u * 1024)	/* of one reader; one that is slower than that is let go, and comes back */
#define STREAM_READERS 64

struct stream;
struct reader;

struct stream *stream_new(void);
void stream_free(struct stream *);		/* after all readers */

void stream_push(struct stream *, const char *topic, const char *body, size_t n);
void stream_hello(struct stream *, int64_t now);	/* wall clock, ns: to everyone */

/* wake: there is something to read again. last: the Last-Event-ID that it sent, or NULL. NULL: too many look on. */
struct reader *reader_new(struct stream *, const char *last, int64_t now, void (*wake)(void *arg), void *arg);
void reader_free(struct reader *);
/* Takes up to room bytes: 0: nothing now, wake will be called; -1: this reader is too slow, or the stream is closed. */
long reader_take(struct reader *, char *buf, size_t room);
void stream_close(struct stream *);		/* every reader's next take is the end */

#endif
