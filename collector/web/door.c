#include "door.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "head.h"
#include "headers.h"
#include "io.h"
#include "log.h"

#define RELAY_MAX (64 * 1024)	/* of an answer, between the server behind us and a slow reader */

struct visit {
	struct visit *prev, *next;
	struct door *door;
	struct bufferevent *outside, *inside;
	struct event *deadline;
	struct sockaddr_storage address;
	socklen_t address_n;
	struct head head;
	size_t head_n;			/* > 0: the head is read, the body is awaited */
	bool said;			/* the whole request is here */
	bool closing;			/* what is buffered goes out, then the end */
};

struct door {
	struct event_base *base;
	SSL_CTX *ctx;
	struct evconnlistener *listener;
	int (*pass)(void *arg, evutil_socket_t, const struct sockaddr *, socklen_t);
	void *arg;
	struct visit *visits;		/* oldest first */
	unsigned n;
};

/* ---- TLS ---- */

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in, unsigned in_n, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;

	if (SSL_select_next_proto(&chosen, out_n, ours, sizeof(ours) - 1, in, in_n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static bool load(SSL_CTX *ctx, const char *folder, char why[256])
{
	char path[4096];
	struct stat st;

	snprintf(path, sizeof(path), "%s/key.pem", folder);
	if (stat(path, &st) == 0 && (st.st_mode & 077)) {
		snprintf(why, 256, "%s can be read by others: chmod 600 %s", path, path);
		return false;
	}
	if (SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) == 1) {
		snprintf(path, sizeof(path), "%s/cert.pem", folder);
		if (SSL_CTX_use_certificate_chain_file(ctx, path) == 1 && SSL_CTX_check_private_key(ctx) == 1)
			return true;
	}
	snprintf(why, 256, "%s: %s", path, ERR_reason_error_string(ERR_peek_last_error()));
	ERR_clear_error();
	return false;
}

SSL_CTX *door_context(const char *folder, char why[256])
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) || !SSL_CTX_set_num_tickets(ctx, 0)) {
		snprintf(why, 256, "OpenSSL cannot do TLS 1.3 here");
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
	if (load(ctx, folder, why))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* ---- one visit ---- */

static void visit_free(struct visit *v)
{
	SSL *ssl = bufferevent_openssl_get_ssl(v->outside);

	DL_DELETE(v->door->visits, v);
	v->door->n--;
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

/* Our own answer, and the end. */
static void refuse(struct visit *v, int status, const char *why)
{
	struct evbuffer *out = bufferevent_get_output(v->outside);

	if (v->closing)
		return;
	v->closing = true;
	evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\n"
			    "Content-Length: %zu\r\n", status, phrase(status), strlen(why) + 1);
	for (size_t i = 0; i < HEADERS; i++)
		evbuffer_add_printf(out, "%s: %s\r\n", headers[i].name, headers[i].value);
	evbuffer_add_printf(out, "\r\n%s\n", why);
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

static void on_inside_read(struct bufferevent *inside, void *arg)
{
	struct visit *v = arg;
	struct evbuffer *out = bufferevent_get_output(v->outside);

	evbuffer_add_buffer(out, bufferevent_get_input(inside));
	if (evbuffer_get_length(out) >= RELAY_MAX)
		bufferevent_disable(inside, EV_READ);
}

/* The answer is over. */
static void on_inside_end(struct bufferevent *inside, short what, void *arg)
{
	struct visit *v = arg;

	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	evbuffer_add_buffer(bufferevent_get_output(v->outside), bufferevent_get_input(inside));
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

static bool same_place(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr == ((const struct sockaddr_in *)b)->sin_addr.s_addr;
	return !memcmp(&a6->sin6_addr, &b6->sin6_addr, IN6_IS_ADDR_V4MAPPED(&a6->sin6_addr) ? 16 : 8);
}

/* The oldest that has not said what it wants makes room. False: all slots are at work. */
static bool make_room(struct door *d, const struct sockaddr_storage *from)
{
	struct visit *v, *oldest = NULL, *oldest_here = NULL;
	unsigned here = 0;

	DL_FOREACH(d->visits, v) {
		bool same = same_place(&v->address, from);

		here += same;
		if (!v->said && !oldest)
			oldest = v;
		if (!v->said && same && !oldest_here)
			oldest_here = v;
	}
	if (here >= DOOR_PER_ADDRESS)
		oldest = oldest_here;
	else if (d->n < DOOR_SLOTS)
		return true;
	if (!oldest)
		return false;
	visit_free(oldest);
	return true;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *a, int n, void *arg)
{
	struct door *d = arg;
	struct sockaddr_storage from = {0};
	struct visit *v;
	SSL *ssl;

	memcpy(&from, a, (size_t)n < sizeof(from) ? (size_t)n : sizeof(from));
	v = make_room(d, &from) ? calloc(1, sizeof(*v)) : NULL;
	ssl = v ? SSL_new(d->ctx) : NULL;
	if (ssl)
		v->outside = bufferevent_openssl_socket_new(d->base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (!ssl || !v->outside) {
		SSL_free(ssl);
		free(v);
		close(fd);
		return;
	}
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
	d->listener = evconnlistener_new(base, on_accept, d, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, listener);
	if (!d->listener) {
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
	SSL_CTX_free(d->ctx);
	free(d);
}
