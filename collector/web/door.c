#include "door.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <openssl/err.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "head.h"
#include "headers.h"
#include "log.h"
#include "place.h"

#define AT_ONCE 16		/* accepted before the visits get their turn */
#define RELAY_MAX (64 * 1024)	/* of an answer, between the server behind us and a slow reader */

struct visit {
	struct visit *prev, *next;
	struct door *door;
	struct place *place;
	struct bufferevent *outside, *inside;
	struct event *deadline;
	struct sockaddr_storage address;
	socklen_t address_n;
	struct head head;
	size_t head_n;			/* > 0: the head is read, the body is awaited */
	bool said;			/* the whole request is here */
	bool answered;			/* the answer has begun */
	bool closing;			/* what is buffered goes out, then the end */
};

struct door {
	struct event_base *base;
	SSL_CTX *ctx;
	struct evconnlistener *listener;
	int (*pass)(void *arg, evutil_socket_t, const struct sockaddr *, socklen_t);
	void *arg;
	struct visit *visits;		/* oldest first */
	struct place *places;
	struct event *accept_again;
	unsigned n, accepted;
};

/* ---- one visit ---- */

static void visit_free(struct visit *v)
{
	SSL *ssl = bufferevent_openssl_get_ssl(v->outside);

	DL_DELETE(v->door->visits, v);
	v->door->n--;
	place_leave(&v->door->places, v->place);
	if (ssl && SSL_is_init_finished(ssl))
		SSL_shutdown(ssl);	/* best effort: the browser knows that nothing was cut off */
	ERR_clear_error();
	bufferevent_free(v->outside);
	if (v->inside)
		bufferevent_free(v->inside);
	if (v->deadline)
		event_free(v->deadline);
	free(v);
}

static void set_deadline(struct visit *v, int seconds)
{
	struct timeval t = {seconds, 0};

	event_add(v->deadline, &t);
}

static const char *phrase(int status)
{
	switch (status) {
	case 405: return "Method Not Allowed";
	case 408: return "Request Timeout";
	case 411: return "Length Required";
	case 413: return "Content Too Large";
	case 414: return "URI Too Long";
	case 417: return "Expectation Failed";
	case 431: return "Request Header Fields Too Large";
	case 503: return "Service Unavailable";
	case 505: return "HTTP Version Not Supported";
	default: return "Bad Request";
	}
}

/* Between the status line and the rest of every answer, whoever gives it: also of those that libmicrohttpd makes up by itself (W3). */
static void add_headers(struct evbuffer *out)
{
	for (size_t i = 0; i < HEADERS; i++)
		evbuffer_add_printf(out, "\r\n%s: %s", headers[i].name, headers[i].value);
}

/* Our own answer, and the end. */
static void refuse(struct visit *v, int status, const char *why)
{
	struct evbuffer *out = bufferevent_get_output(v->outside);

	if (v->closing)
		return;
	v->closing = true;
	evbuffer_add_printf(out, "HTTP/1.1 %d %s", status, phrase(status));
	add_headers(out);
	evbuffer_add_printf(out, "\r\nConnection: close\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\nContent-Length: %zu\r\n\r\n"
			    "%s\n", strlen(why) + 1, why);
	bufferevent_disable(v->outside, EV_READ);
	set_deadline(v, DOOR_STALL_S);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct visit *v = arg;
	SSL *ssl = bufferevent_openssl_get_ssl(v->outside);

	if (v->closing || v->said || !ssl || !SSL_is_init_finished(ssl))
		visit_free(v);
	else
		refuse(v, 408, "the request did not come in time");
}

/* What came from behind us goes out. */
static void relay(struct visit *v)
{
	struct evbuffer *in = bufferevent_get_input(v->inside), *out = bufferevent_get_output(v->outside);
	struct evbuffer_ptr line = {.pos = 0};

	if (!v->answered) {
		line = evbuffer_search_eol(in, NULL, NULL, EVBUFFER_EOL_CRLF_STRICT);
		if (line.pos < 0)
			return;
		evbuffer_remove_buffer(in, out, (size_t)line.pos);
		add_headers(out);
		v->answered = true;
	}
	evbuffer_add_buffer(out, in);
}

static void on_inside_read(struct bufferevent *inside, void *arg)
{
	struct visit *v = arg;
	struct evbuffer *out = bufferevent_get_output(v->outside);

	relay(v);
	if (evbuffer_get_length(out) >= RELAY_MAX)
		bufferevent_disable(inside, EV_READ);
}

/* The answer is over. */
static void on_inside_end(struct bufferevent *inside, short what, void *arg)
{
	struct visit *v = arg;

	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	relay(v);
	v->closing = true;
	bufferevent_disable(inside, EV_READ | EV_WRITE);
	if (evbuffer_get_length(bufferevent_get_output(v->outside)) == 0)
		visit_free(v);
	else
		set_deadline(v, DOOR_STALL_S);
}

static bool is_stream(const struct head *h)
{
	static const char path[] = "/api/v1/stream";

	return h->method == HEAD_GET && h->target.n >= sizeof(path) - 1 && !memcmp(h->target.at, path, sizeof(path) - 1);
}

/* The whole request is there: on it goes. */
static void hand_on(struct visit *v)
{
	struct evbuffer *in = bufferevent_get_input(v->outside);
	struct timeval stall = {DOOR_STALL_S, 0};
	bool stream = is_stream(&v->head);
	char head[HEAD_WRITTEN];
	size_t body;
	int pair[2];

	v->said = true;
	if (evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) {
		refuse(v, 503, "too many at once");
		return;
	}
	evutil_make_socket_closeonexec(pair[0]);
	evutil_make_socket_closeonexec(pair[1]);
	evutil_make_socket_nonblocking(pair[0]);
	evutil_make_socket_nonblocking(pair[1]);
	v->inside = bufferevent_socket_new(v->door->base, pair[0], BEV_OPT_CLOSE_ON_FREE);
	if (!v->inside || v->door->pass(v->door->arg, pair[1], (struct sockaddr *)&v->address, v->address_n) < 0) {
		if (!v->inside)
			close(pair[0]), close(pair[1]);
		refuse(v, 503, "too many at once");
		return;
	}
	bufferevent_write(v->inside, head, head_write(&v->head, head));
	body = v->head.body;
	v->head = (struct head){0};	/* pointed into what goes now */
	evbuffer_drain(in, v->head_n);
	evbuffer_remove_buffer(in, bufferevent_get_output(v->inside), body);
	bufferevent_setcb(v->inside, on_inside_read, NULL, on_inside_end, v);
	bufferevent_enable(v->inside, EV_READ | EV_WRITE);
	bufferevent_set_timeouts(v->outside, NULL, &stall);
	if (stream)
		event_del(v->deadline);
	else
		set_deadline(v, DOOR_ANSWER_S);
}

static void on_outside_read(struct bufferevent *outside, void *arg)
{
	struct visit *v = arg;
	struct evbuffer *in = bufferevent_get_input(outside);
	size_t n = evbuffer_get_length(in);
	const char *data, *why;
	int r;

	if (v->closing)
		return;
	if (v->said) {		/* a second request on the heels of the first: nobody's browser does that */
		visit_free(v);
		return;
	}
	/* In one piece and not moved from here on: head points into it. */
	data = (const char *)evbuffer_pullup(in, -1);
	if (v->head_n == 0 || n < v->head_n + v->head.body) {
		r = head_parse(data, n, &v->head, &why);
		if (r < 0)
			refuse(v, -r, why);
		if (r <= 0)
			return;
		if (v->head_n == 0)
			set_deadline(v, DOOR_BODY_S);
		v->head_n = (size_t)r;
	} else
		head_parse(data, n, &v->head, &why);
	if (n >= v->head_n + v->head.body) {
		if (n > v->head_n + v->head.body)
			refuse(v, 400, "one request a connection");
		else
			hand_on(v);
	}
}

static void on_outside_write(struct bufferevent *outside, void *arg)
{
	struct visit *v = arg;

	if (evbuffer_get_length(bufferevent_get_output(outside)))
		return;
	if (v->closing)
		visit_free(v);
	else if (v->inside)
		bufferevent_enable(v->inside, EV_READ);
}

static void on_outside_event(struct bufferevent *outside, short what, void *arg)
{
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		visit_free(arg);
}

/* ---- who comes in ---- */

/* Of the address that has most, the oldest visit of this kind; of addresses that have fewer than `least` none. */
static struct visit *oldest_of_most(struct door *d, bool said, unsigned least)
{
	struct visit *v, *found = NULL;

	DL_FOREACH(d->visits, v) {
		if (v->said == said && v->place->visits >= least) {
			found = v;
			least = v->place->visits + 1;
		}
	}
	return found;
}

static struct visit *oldest_here(struct door *d, const struct place *here)
{
	struct visit *v;

	DL_FOREACH(d->visits, v)
		if (!v->said && v->place == here)
			return v;
	return NULL;
}

/* `here` counts the newcomer already. False: all slots are at work, and nobody has more of them than the newcomer. */
static bool make_room(struct door *d, const struct place *here)
{
	struct visit *v;

	if (here->visits > DOOR_PER_ADDRESS)
		v = oldest_here(d, here);
	else if (d->n < DOOR_SLOTS)
		return true;
	else
		v = oldest_of_most(d, false, here->visits > 1 ? here->visits - 1 : 1);
	if (!v && here->visits <= DOOR_PER_ADDRESS)	/* slow readers may hold many slots, but not all of them */
		v = oldest_of_most(d, true, here->visits + 1);
	if (v)
		visit_free(v);
	return v;
}

static void on_accept_again(evutil_socket_t fd, short what, void *arg)
{
	struct door *d = arg;

	d->accepted = 0;
	evconnlistener_enable(d->listener);
}

/* A flood of newcomers would keep the listener's turn for ever. */
static void count_accepted(struct door *d)
{
	if (++d->accepted < AT_ONCE)
		return;
	evconnlistener_disable(d->listener);
	event_active(d->accept_again, EV_TIMEOUT, 0);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *a, int n, void *arg)
{
	struct door *d = arg;
	struct sockaddr_storage from = {0};
	struct place *here;
	struct visit *v;
	SSL *ssl;

	count_accepted(d);
	memcpy(&from, a, (size_t)n < sizeof(from) ? (size_t)n : sizeof(from));
	here = place_enter(&d->places, &from);
	v = here && make_room(d, here) ? calloc(1, sizeof(*v)) : NULL;
	ssl = v ? SSL_new(d->ctx) : NULL;
	if (ssl)
		v->outside = bufferevent_openssl_socket_new(d->base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (!ssl || !v->outside) {
		SSL_free(ssl);
		free(v);
		if (here)
			place_leave(&d->places, here);
		close(fd);
		return;
	}
	v->place = here;
	v->door = d;
	v->address = from;
	v->address_n = (socklen_t)n;
	DL_APPEND(d->visits, v);
	d->n++;
	bufferevent_openssl_set_allow_dirty_shutdown(v->outside, 1);
	bufferevent_setcb(v->outside, on_outside_read, on_outside_write, on_outside_event, v);
	bufferevent_setwatermark(v->outside, EV_READ, 0, HEAD_MAX + HEAD_BODY + 1);
	v->deadline = evtimer_new(d->base, on_deadline, v);
	if (!v->deadline || bufferevent_enable(v->outside, EV_READ | EV_WRITE) < 0) {
		visit_free(v);
		return;
	}
	set_deadline(v, DOOR_HEAD_S);
}

static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	log_error("cannot take a connection: %s", strerror(errno));
}

struct door *door_new(struct event_base *base, SSL_CTX *ctx, evutil_socket_t listener,
		      int (*pass)(void *arg, evutil_socket_t, const struct sockaddr *, socklen_t), void *arg)
{
	struct door *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	*d = (struct door){.base = base, .ctx = ctx, .pass = pass, .arg = arg};
	evutil_make_socket_nonblocking(listener);
	d->accept_again = evtimer_new(base, on_accept_again, d);
	d->listener = d->accept_again ? evconnlistener_new(base, on_accept, d, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, listener)
		      : NULL;
	if (!d->listener) {
		if (d->accept_again)
			event_free(d->accept_again);
		free(d);
		return NULL;
	}
	evconnlistener_set_error_cb(d->listener, on_accept_error);
	return d;
}

void door_use(struct door *d, SSL_CTX *ctx)
{
	SSL_CTX_free(d->ctx);		/* open visits hold it */
	d->ctx = ctx;
}

void door_free(struct door *d)
{
	struct visit *v, *next;

	if (!d)
		return;
	DL_FOREACH_SAFE(d->visits, v, next)
		visit_free(v);
	evconnlistener_free(d->listener);
	event_free(d->accept_again);
	SSL_CTX_free(d->ctx);
	free(d);
}
