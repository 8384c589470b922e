#include "collector/ingest/connection.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "collector/ingest/session.h"
#include "collector/ingest/worker.h"
#include "collector/reckoning.h"
#include "collector/standing.h"
#include "frame.h"
#include "identity.h"

#define GREETING_BYTES (64u * 1024)	/* a peer may send before it is known (N1) */
#define PIECE 4096u			/* least room of a buffer */
#define OUT_MAX (256u * 1024)		/* a peer that does not read our answers */
#define ROUNDS 4			/* of reading before the others get their turn */

/* ---- begin and end ---- */

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;

	if (c->state == CONNECTION_HANDSHAKE)
		connection_handshake(c);
	else
		connection_read(c);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;

	if (c->state == CONNECTION_HANDSHAKE)
		connection_handshake(c);
	else
		connection_flush(c);
}

static void want(struct event *event, bool *set, bool wanted)
{
	if (wanted != *set)
		wanted ? event_add(event, NULL) : event_del(event);
	*set = wanted;
}

struct connection *connection_new(struct worker *w, int fd, struct visitor *visitor, const struct sockaddr *address,
				  struct reference self)
{
	struct connection *c = calloc(1, sizeof(*c));
	const int on = 1;

	if (c)
		c->tls = SSL_new(w->tls);
	if (!c || !c->tls || !SSL_set_fd(c->tls, fd)) {
		if (c)
			SSL_free(c->tls);
		free(c);
		gate_leave(w->shared->gate, visitor, false);
		close(fd);
		return NULL;
	}
	c->worker = w;
	c->self = self;
	c->fd = fd;
	c->visitor = visitor;
	c->began = c->heard = c->sent = clock_boot();
	gate_name(address, c->address);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	SSL_set_accept_state(c->tls);
	event_assign(&c->readable, w->loop, fd, EV_READ | EV_PERSIST, on_readable, c);
	event_assign(&c->writable, w->loop, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	want(&c->readable, &c->reading, true);
	return c;
}

static void tell_gone(const struct connection *c)
{
	struct gone *g = calloc(1, sizeof(*g));

	if (!g)
		return;		/* the next Hello of this host sets it right */
	g->node.kind = MESSAGE_GONE;
	g->from = c->self;
	g->host = c->host;
	queue_push(c->worker->shared->store, &g->node);
}

static void log_end(const struct connection *c, enum log_level level, const char *why, va_list list)
{
	char text[256];

	vsnprintf(text, sizeof(text), why, list);
	if (c->agent[0])
		log_line(level, "agent %s at %s: %s", c->agent, c->address, text);
	else if (worker_may_log(c->worker))
		log_line(level, "peer at %s: %s", c->address, text);
}

void connection_close(struct connection *c, enum log_level level, const char *why, ...)
{
	va_list list;

	if (why) {
		va_start(list, why);
		log_end(c, level, why, list);
		va_end(list);
	}
	if (c->state >= CONNECTION_OPEN)
		tell_gone(c);
	event_del(&c->readable);
	event_del(&c->writable);
	if (c->state != CONNECTION_HANDSHAKE) {
		ERR_clear_error();
		SSL_shutdown(c->tls);
	}
	gate_leave(c->worker->shared->gate, c->visitor, false);
	SSL_free(c->tls);
	close(c->fd);
	worker_slot_free(c->worker, c->self);
	numbers_free(&c->checks);
	numbers_free(&c->series);
	free(c->in.at);
	free(c->out.at);
	free(c);
}

void connection_refuse(struct connection *c, const char *why)
{
	Wire__Refusal refusal = WIRE__REFUSAL__INIT;
	Wire__Envelope e = WIRE__ENVELOPE__INIT;

	refusal.reason = (char *)why;
	e.message_case = WIRE__ENVELOPE__MESSAGE_REFUSAL;
	e.refusal = &refusal;
	if (connection_send(c, &e) == CONNECTION_GOES_ON)
		connection_close(c, LOG_WARNING, "refused: %s", why);
}

/* ---- what TLS says ---- */

/* After an operation that did not work out. GOES_ON: later; else the connection is closed. */
static enum connection_end later(struct connection *c, int result)
{
	int saved = errno;

	switch (SSL_get_error(c->tls, result)) {
	case SSL_ERROR_WANT_READ:
		return CONNECTION_GOES_ON;
	case SSL_ERROR_WANT_WRITE:
		want(&c->writable, &c->writing, true);
		return CONNECTION_GOES_ON;
	case SSL_ERROR_ZERO_RETURN:
		connection_close(c, LOG_INFO, "closed the connection");
		return CONNECTION_CLOSED;
	case SSL_ERROR_SYSCALL:
		connection_close(c, LOG_INFO, "connection lost: %s", saved ? strerror(saved) : "the peer ended it");
		return CONNECTION_CLOSED;
	}
	if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
		connection_close(c, LOG_INFO, "connection lost: the peer ended it");
		return CONNECTION_CLOSED;
	}
	connection_close(c, LOG_WARNING, "TLS: %s", ERR_reason_error_string(ERR_peek_error()) ?
			 ERR_reason_error_string(ERR_peek_error()) : "the connection was cut");
	return CONNECTION_CLOSED;
}

enum connection_end connection_counts(struct connection *c)
{
	struct standing *standing = c->worker->shared->its.standing;
	unsigned version = standing_version(standing);
	const char *why;

	if (c->standing == version)
		return CONNECTION_GOES_ON;
	c->standing = version;
	why = standing_objects(standing, c->agent, c->generation, c->authority);
	if (!why)
		return CONNECTION_GOES_ON;
	connection_refuse(c, why);
	return CONNECTION_CLOSED;
}

/* The time to judge its certificate by, in s: none while our clock is suspect (SECURITY 5.8). */
static int64_t hour(const struct connection *c)
{
	return reckoning_suspect(c->worker->shared->its.reckoning) ? IDENTITY_ANY_TIME : clock_wall() / NS_PER_S;
}

static enum connection_end greet(struct connection *c)
{
	struct worker *w = c->worker;
	struct identity id;
	char why[256];

	if (identity_verify(c->tls, IDENTITY_AGENT, hour(c), &id, why)) {
		connection_close(c, LOG_WARNING, "%s", why);
		return CONNECTION_CLOSED;
	}
	memcpy(c->agent, id.name, sizeof(c->agent));
	c->generation = id.generation;
	memcpy(c->authority, id.authority, sizeof(c->authority));
	c->standing = standing_version(w->shared->its.standing) - 1;
	if (connection_counts(c) == CONNECTION_CLOSED)
		return CONNECTION_CLOSED;
	gate_leave(w->shared->gate, TAKE(c->visitor), true);
	want(&c->writable, &c->writing, false);
	SSL_set_read_ahead(c->tls, 1);
	c->state = CONNECTION_HELLO;
	return connection_read(c);
}

enum connection_end connection_handshake(struct connection *c)
{
	char why[256];
	int r, error;

	ERR_clear_error();
	r = SSL_do_handshake(c->tls);
	if (r == 1)
		return greet(c);
	error = SSL_get_error(c->tls, r);
	want(&c->writable, &c->writing, error == SSL_ERROR_WANT_WRITE);
	if (gate_was_put_out(c->worker->shared->gate, c->visitor))
		connection_close(c, LOG_NOTICE, "made room for others that were not yet known either");
	else if (BIO_number_read(SSL_get_rbio(c->tls)) > GREETING_BYTES)
		connection_close(c, LOG_WARNING, "sent more than 64 KiB before it was known");
	else if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return CONNECTION_GOES_ON;
	else {
		identity_why(c->tls, why);
		connection_close(c, LOG_WARNING, "%s", why);
	}
	return CONNECTION_CLOSED;
}

/* ---- in ---- */

static bool has_input(const struct connection *c)
{
	return c->in.n > c->in.from;
}

/* Room for `n` more bytes at the end of the buffer, what was used moved out first. */
static bool room_for(struct bytes *b, size_t n)
{
	uint8_t *at;

	if (b->from) {
		memmove(b->at, b->at + b->from, b->n - b->from);
		b->n -= b->from;
		b->from = 0;
	}
	if (b->n + n <= b->room)
		return true;
	at = realloc(b->at, b->n + n);
	if (!at)
		return false;
	b->at = at;
	b->room = b->n + n;
	return true;
}

static void empty(struct bytes *b)
{
	free(b->at);
	*b = (struct bytes){0};
}

static uint32_t frame_limit(const struct connection *c)
{
	return c->state == CONNECTION_OPEN ? FRAME_MAX : FRAME_MAX_HELLO;
}

/* Goes through the whole frames in data; *used is what they took. */
static enum connection_end frames(struct connection *c, const uint8_t *data, size_t n, size_t *used)
{
	*used = 0;
	while (session_can_read(c)) {
		int64_t size = frame_size(data + *used, n - *used, frame_limit(c));

		if (size < 0) {
			connection_refuse(c, "a frame is empty or too long");
			return CONNECTION_CLOSED;
		}
		if (size == 0 || (size_t)size > n - *used)
			break;
		c->frame_since = 0;
		if (session_frame(c, data + *used, (size_t)size) == CONNECTION_CLOSED)
			return CONNECTION_CLOSED;
		*used += (size_t)size;
	}
	return CONNECTION_GOES_ON;
}

static enum connection_end no_memory(struct connection *c)
{
	connection_close(c, LOG_ERROR, "out of memory");
	return CONNECTION_CLOSED;
}

/* What was left over begins a frame, or waits for its turn. */
static void note_frame(struct connection *c)
{
	if (!has_input(c) || !session_can_read(c))
		c->frame_since = 0;
	else if (!c->frame_since)
		c->frame_since = c->heard;
}

/* Reads what TLS has, and once from the socket; the loop tells when there is more. *ret_n may be 0. */
static enum connection_end read_into(struct connection *c, uint8_t *at, size_t room, size_t *ret_n)
{
	*ret_n = 0;
	do {
		size_t k;
		int r;

		ERR_clear_error();
		r = SSL_read_ex(c->tls, at + *ret_n, room - *ret_n, &k);
		if (r != 1)	/* what came before an end still counts; the end is met again at the next reading */
			return *ret_n ? CONNECTION_GOES_ON : later(c, r);
		*ret_n += k;
	} while (*ret_n < room && SSL_has_pending(c->tls));
	return CONNECTION_GOES_ON;
}

static enum connection_end read_fresh(struct connection *c, size_t *ret_n)
{
	uint8_t *scratch = c->worker->scratch;
	size_t used;

	if (read_into(c, scratch, WORKER_SCRATCH, ret_n) == CONNECTION_CLOSED ||
	    frames(c, scratch, *ret_n, &used) == CONNECTION_CLOSED)
		return CONNECTION_CLOSED;
	if (used == *ret_n)
		return CONNECTION_GOES_ON;
	if (!room_for(&c->in, *ret_n - used))
		return no_memory(c);
	memcpy(c->in.at, scratch + used, *ret_n - used);
	c->in.n = *ret_n - used;
	return CONNECTION_GOES_ON;
}

static enum connection_end use_input(struct connection *c)
{
	size_t used;

	if (frames(c, c->in.at + c->in.from, c->in.n - c->in.from, &used) == CONNECTION_CLOSED)
		return CONNECTION_CLOSED;
	c->in.from += used;
	if (!has_input(c))
		empty(&c->in);
	return CONNECTION_GOES_ON;
}

/* Goes on with the frame that has begun: the room grows with what came, not with what the length field promises. */
static enum connection_end read_on(struct connection *c, size_t *ret_n)
{
	size_t have = c->in.n - c->in.from;
	int64_t size = frame_size(c->in.at + c->in.from, have, frame_limit(c));
	size_t missing = size > 0 && (size_t)size > have ? (size_t)size - have : PIECE;
	size_t room = have > PIECE ? have : PIECE;

	if (room > missing)
		room = missing;
	if (!room_for(&c->in, room))
		return no_memory(c);
	if (read_into(c, c->in.at + c->in.n, room, ret_n) == CONNECTION_CLOSED)
		return CONNECTION_CLOSED;
	c->in.n += *ret_n;
	return use_input(c);
}

enum connection_end connection_read(struct connection *c)
{
	int round = 0;

	for (; round < ROUNDS; round++) {
		size_t n = 0;

		if (!session_can_read(c))
			break;
		if ((has_input(c) ? read_on(c, &n) : read_fresh(c, &n)) == CONNECTION_CLOSED)
			return CONNECTION_CLOSED;
		if (!n)
			break;
		c->heard = clock_boot();
		if (!SSL_has_pending(c->tls))
			break;
	}
	note_frame(c);
	want(&c->readable, &c->reading, session_can_read(c));
	if (c->reading && round == ROUNDS)	/* what TLS holds wakes nobody */
		event_active(&c->readable, EV_READ, 0);
	return CONNECTION_GOES_ON;
}

enum connection_end connection_resume(struct connection *c)
{
	if (c->reading || !session_can_read(c))
		return CONNECTION_GOES_ON;
	c->heard = clock_boot();
	if (has_input(c) && use_input(c) == CONNECTION_CLOSED)
		return CONNECTION_CLOSED;
	return connection_read(c);
}

/* ---- out ---- */

enum connection_end connection_flush(struct connection *c)
{
	while (c->out.n > c->out.from) {
		size_t k;
		int r;

		ERR_clear_error();
		r = SSL_write_ex(c->tls, c->out.at + c->out.from, c->out.n - c->out.from, &k);
		if (r != 1) {
			want(&c->writable, &c->writing, true);
			return later(c, r);
		}
		c->out.from += k;
	}
	empty(&c->out);
	want(&c->writable, &c->writing, false);
	return CONNECTION_GOES_ON;
}

enum connection_end connection_send_frame(struct connection *c, const uint8_t *frame, size_t n)
{
	size_t k = 0;

	c->sent = clock_boot();
	if (c->out.n == c->out.from) {
		int r;

		ERR_clear_error();
		r = SSL_write_ex(c->tls, frame, n, &k);
		if (r != 1) {
			k = 0;
			if (later(c, r) == CONNECTION_CLOSED)
				return CONNECTION_CLOSED;
		}
		if (k == n)
			return CONNECTION_GOES_ON;
	}
	if (c->out.n - c->out.from + n - k > OUT_MAX) {
		connection_close(c, LOG_WARNING, "does not read what it is sent");
		return CONNECTION_CLOSED;
	}
	if (!room_for(&c->out, n - k))
		return no_memory(c);
	memcpy(c->out.at + c->out.n, frame + k, n - k);
	c->out.n += n - k;
	want(&c->writable, &c->writing, true);
	return CONNECTION_GOES_ON;
}

enum connection_end connection_send(struct connection *c, const Wire__Envelope *e)
{
	struct worker *w = c->worker;
	int64_t n = frame_pack(&e->base, &w->out, &w->out_room);

	if (n < 0)
		return no_memory(c);
	return connection_send_frame(c, w->out, (size_t)n);
}
