#include "stream.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <utlist.h>

struct kept { uint64_t number; char *text; size_t n; };

struct stream {
	uint32_t era;
	uint64_t last;			/* number of the newest event */
	struct kept ring[STREAM_KEPT];
	uint64_t oldest;		/* in the ring: [oldest, last] */
	size_t bytes;
	struct reader *readers;
	unsigned n;
};

struct reader {
	struct reader *prev, *next;
	struct stream *stream;
	char *buf;
	size_t n, at, room;
	bool waiting, over;
	void (*wake)(void *);
	void *arg;
};

struct stream *stream_new(void)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (s && getrandom(&s->era, sizeof(s->era), 0) != sizeof(s->era)) {
		free(s);
		return NULL;
	}
	if (s)
		s->oldest = 1;
	return s;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < STREAM_KEPT; i++)
		free(s->ring[i].text);
	free(s);
}

/* ---- readers ---- */

static void give(struct reader *r, const char *text, size_t n)
{
	if (r->over)
		return;
	if (r->at) {
		memmove(r->buf, r->buf + r->at, r->n - r->at);
		r->n -= r->at;
		r->at = 0;
	}
	if (r->n + n > r->room) {
		size_t room = (r->n + n) * 2;
		char *bigger = r->n + n > STREAM_BACKLOG ? NULL : realloc(r->buf, room);

		if (!bigger) {
			r->over = true;
			return;
		}
		r->buf = bigger;
		r->room = room;
	}
	memcpy(r->buf + r->n, text, n);
	r->n += n;
}

static void wake(struct reader *r)
{
	if (r->waiting) {
		r->waiting = false;
		r->wake(r->arg);
	}
}

static void say_hello(struct reader *r, int64_t now)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "id: %08" PRIx32 ".%" PRIu64 "\nevent: hello\ndata: {\"now_at\":%" PRId64 "}\n\n",
			 r->stream->era, r->stream->last, now);

	give(r, text, (size_t)n);
}

/* What it missed, or "reset" when that is not known any more. */
static void catch_up(struct reader *r, const char *last)
{
	static const char reset[] = "event: reset\ndata: {}\n\n";
	const struct stream *s = r->stream;
	uint32_t era;
	uint64_t number;
	int end = 0;

	if (!last)
		return;
	if (sscanf(last, "%8" SCNx32 ".%20" SCNu64 "%n", &era, &number, &end) != 2 || last[end] || era != s->era || number > s->last ||
	    number + 1 < s->oldest) {
		give(r, reset, sizeof(reset) - 1);
		return;
	}
	for (uint64_t i = number + 1; i <= s->last; i++)
		give(r, s->ring[i % STREAM_KEPT].text, s->ring[i % STREAM_KEPT].n);
}

struct reader *reader_new(struct stream *s, const char *last, int64_t now, void (*call)(void *), void *arg)
{
	struct reader *r = s->n < STREAM_READERS ? calloc(1, sizeof(*r)) : NULL;

	if (!r)
		return NULL;
	r->stream = s;
	r->wake = call;
	r->arg = arg;
	DL_APPEND(s->readers, r);
	s->n++;
	catch_up(r, last);
	say_hello(r, now);
	return r;
}

void reader_free(struct reader *r)
{
	if (!r)
		return;
	DL_DELETE(r->stream->readers, r);
	r->stream->n--;
	free(r->buf);
	free(r);
}

long reader_take(struct reader *r, char *buf, size_t room)
{
	size_t n = r->n - r->at < room ? r->n - r->at : room;

	if (r->over)
		return -1;
	if (n == 0) {
		r->waiting = true;
		return 0;
	}
	memcpy(buf, r->buf + r->at, n);
	r->at += n;
	return (long)n;
}

/* ---- events ---- */

static void forget_oldest(struct stream *s)
{
	struct kept *k = &s->ring[s->oldest++ % STREAM_KEPT];

	s->bytes -= k->n;
	free(k->text);
	*k = (struct kept){0};
}

/* A topic and a JSON document in one line each; anything else would be another event. */
static bool one_line(const char *s, size_t n)
{
	return !memchr(s, '\n', n) && !memchr(s, '\r', n);
}

void stream_push(struct stream *s, const char *topic, const char *body, size_t n)
{
	struct kept *k;
	struct reader *r;
	char *text;
	int size;

	if (!one_line(topic, strlen(topic)) || !one_line(body, n) || n > STREAM_BACKLOG)
		return;
	size = asprintf(&text, "id: %08" PRIx32 ".%" PRIu64 "\nevent: %s\ndata: %.*s\n\n", s->era, s->last + 1, topic, (int)n, body);
	if (size < 0)
		return;
	while (s->oldest <= s->last && (s->last - s->oldest + 1 >= STREAM_KEPT || s->bytes + (size_t)size > STREAM_KEPT_BYTES))
		forget_oldest(s);
	s->last++;
	k = &s->ring[s->last % STREAM_KEPT];
	*k = (struct kept){s->last, text, (size_t)size};
	s->bytes += (size_t)size;
	DL_FOREACH(s->readers, r) {
		give(r, text, (size_t)size);
		wake(r);
	}
}

void stream_hello(struct stream *s, int64_t now)
{
	struct reader *r;

	DL_FOREACH(s->readers, r) {
		say_hello(r, now);
		wake(r);
	}
}

void stream_close(struct stream *s)
{
	struct reader *r;

	DL_FOREACH(s->readers, r) {
		r->over = true;
		wake(r);
	}
}
