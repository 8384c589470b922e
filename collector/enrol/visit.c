#include "collector/enrol/visit.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "collector/enrol/request.h"
#include "frame.h"
#include "identity.h"
#include "log.h"

#define GREETING_BYTES (64u * 1024)	/* of the handshake (N1) */
#define LINES_A_SECOND 20

enum state { SHAKES_HANDS, ASKS, WAITS, IS_ANSWERED };

struct visit {
	struct enrol *room;
	struct reference self;
	enum state state;
	int fd;
	SSL *tls;
	struct visitor *visitor;
	struct event readable, writable;
	char address[INET6_ADDRSTRLEN];
	int64_t began;
	uint8_t in[FRAME_HEAD + TOKEN_REQUEST_MAX];
	size_t n;
	uint8_t *out;
	size_t out_n, out_at;
};

/* ---- begin and end ---- */

static void say(const struct visit *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(const struct visit *v, const char *format, ...)
{
	char text[320];
	va_list list;

	if (v->room->lines++ >= LINES_A_SECOND)
		return;
	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	log_warning("enrolment from %s: %s", v->address, text);
}

void visit_end(struct visit *v)
{
	event_del(&v->readable);
	event_del(&v->writable);
	if (v->state != SHAKES_HANDS) {
		ERR_clear_error();
		SSL_shutdown(v->tls);
	}
	gate_leave(v->room->gate, v->visitor, false);
	v->room->slots[v->self.slot].visit = NULL;
	SSL_free(v->tls);
	close(v->fd);
	free(v->out);
	free(v);
}

/* A whole frame: false: it is none of ours. */
static bool ask(struct visit *v, size_t size)
{
	struct enrolling *q = request_read(v->in, size);

	if (!q || token_export(v->tls, q->exporter) < 0) {
		free(q);
		return false;
	}
	q->from = v->self;
	strcpy(q->address, v->address);
	v->state = WAITS;
	queue_push(v->room->engine, &q->node);
	return true;
}

/* ---- going on ---- */

/* What TLS waits for. False: there is nothing to wait for, and the visit has ended. */
static bool wait_for(struct visit *v, int result)
{
	int error = SSL_get_error(v->tls, result);
	char why[256];

	if (gate_was_put_out(v->room->gate, v->visitor))
		say(v, "made room for others that were not yet known either");
	else if (v->state == SHAKES_HANDS && BIO_number_read(SSL_get_rbio(v->tls)) > GREETING_BYTES)
		say(v, "sent more than 64 KiB before it asked");
	else if (error == SSL_ERROR_WANT_READ) {
		event_del(&v->writable);
		event_add(&v->readable, NULL);
		return true;
	} else if (error == SSL_ERROR_WANT_WRITE) {
		event_del(&v->readable);
		event_add(&v->writable, NULL);
		return true;
	} else if (v->state == SHAKES_HANDS) {
		identity_why(v->tls, why);
		say(v, "%s", why);
	} else if (v->state == ASKS)
		say(v, "ended the connection without a request");
	visit_end(v);
	return false;
}

/* The step worked out. False: the visit has ended. */
static bool advance(struct visit *v, size_t k)
{
	int64_t size;

	if (v->state == SHAKES_HANDS) {
		v->state = ASKS;
		return true;
	}
	if (v->state == IS_ANSWERED) {
		v->out_at += k;
		if (v->out_at < v->out_n)
			return true;
		visit_end(v);
		return false;
	}
	v->n += k;
	size = frame_size(v->in, v->n, TOKEN_REQUEST_MAX);
	if (size >= 0 && (size == 0 || (size_t)size > v->n))
		return true;
	if (size > 0 && (size_t)size == v->n && ask(v, (size_t)size))
		return true;
	say(v, "sent what is no request");
	visit_end(v);
	return false;
}

static void go_on(struct visit *v)
{
	int r;

	do {
		ERR_clear_error();
		if (v->state == SHAKES_HANDS)
			r = SSL_do_handshake(v->tls);
		else if (v->state == ASKS)
			r = SSL_read(v->tls, v->in + v->n, (int)(sizeof(v->in) - v->n));
		else if (v->state == IS_ANSWERED)
			r = SSL_write(v->tls, v->out + v->out_at, (int)(v->out_n - v->out_at));
		else {
			event_del(&v->readable);	/* until the answer is there, nothing is taken from it */
			event_del(&v->writable);
			return;
		}
	} while (r > 0 ? advance(v, (size_t)r) : (wait_for(v, r), false));
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	go_on(arg);
}

static bool slot_take(struct enrol *room, struct reference *ret)
{
	for (uint32_t i = 0; i < VISITS; i++)
		if (!room->slots[i].visit) {
			*ret = (struct reference){0, i, ++room->slots[i].generation};
			return true;
		}
	return false;
}

void visit_new(struct enrol *room, int fd, struct visitor *visitor, const struct sockaddr *address)
{
	struct visit *v = calloc(1, sizeof(*v));

	if (v)
		v->tls = SSL_new(room->tls);
	if (!v || !v->tls || !SSL_set_fd(v->tls, fd) || !slot_take(room, &v->self)) {
		if (v)
			SSL_free(v->tls);
		free(v);
		gate_leave(room->gate, visitor, false);
		close(fd);
		return;
	}
	v->room = room;
	v->fd = fd;
	v->visitor = visitor;
	v->began = clock_boot();
	gate_name(address, v->address);
	SSL_set_accept_state(v->tls);
	event_assign(&v->readable, room->loop, fd, EV_READ, on_event, v);
	event_assign(&v->writable, room->loop, fd, EV_WRITE, on_event, v);
	room->slots[v->self.slot].visit = v;
	go_on(v);
}

void visit_answer(struct visit *v, const uint8_t *frame, size_t n)
{
	if (v->state != WAITS)
		return;
	v->out = malloc(n);
	if (!v->out) {
		visit_end(v);
		return;
	}
	memcpy(v->out, frame, n);
	v->out_n = n;
	v->state = IS_ANSWERED;
	go_on(v);
}

void visit_look_after(struct visit *v, int64_t now)
{
	if (now - v->began <= v->room->patience)
		return;
	say(v, v->state == WAITS ? "could not be answered in time" : "took too long");
	visit_end(v);
}
