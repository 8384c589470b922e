#include "config.h"

#include "agent/core/link.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/frame.h"
#include "lib/identity.h"

#define ROOM 4096u
#define ROUNDS 16			/* of reading before our own checks get their turn */

struct link {
	int fd;
	SSL *ssl;
	struct watch *watch;
	struct link_calls calls;
	bool connected, ready;
	bool *gone;			/* set when we are freed within one of our callbacks */
	uint8_t *in, *out;
	size_t n_in, room_in;
	size_t from, n_out, room_out;	/* out[from..n_out) waits */
	int64_t begun;
	bool want_write;		/* of TLS, while reading or shaking hands */
};

static void fail(struct link *l, const char *why)
{
	l->calls.closed(l->calls.arg, why);
}

static void set_watch(struct link *l)
{
	bool write = !l->connected || l->want_write || (l->ready && l->from < l->n_out);

	loop_change(l->watch, LOOP_READ | (write ? LOOP_WRITE : 0));
}

/* 0: try again later; -1: closed, and told. */
static int judge(struct link *l, int result)
{
	int error = SSL_get_error(l->ssl, result);
	char why[256];

	l->want_write = error == SSL_ERROR_WANT_WRITE;
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return 0;
	if (error == SSL_ERROR_ZERO_RETURN)
		snprintf(why, sizeof(why), "the collector closed the connection");
	else if (error == SSL_ERROR_SYSCALL && ERR_peek_error() == 0)
		snprintf(why, sizeof(why), "the connection broke: %s", errno ? strerror(errno) : "the collector closed it");
	else
		identity_why(l->ssl, why);
	ERR_clear_error();
	fail(l, why);
	return -1;
}

/* ---- out ---- */

static int flush(struct link *l)
{
	while (l->ready && l->from < l->n_out) {
		int k;

		errno = 0;
		ERR_clear_error();
		k = SSL_write(l->ssl, l->out + l->from, (int)(l->n_out - l->from));
		if (k <= 0)
			return judge(l, k);
		l->from += (size_t)k;
	}
	if (l->from == l->n_out && l->out) {
		free(TAKE(l->out));
		l->from = l->n_out = l->room_out = 0;
	}
	return 0;
}

bool link_busy(const struct link *l)
{
	return l->from < l->n_out;
}

void link_give(struct link *l, uint8_t *buf, size_t from, size_t n)
{
	l->out = buf;
	l->from = from;
	l->n_out = l->room_out = n;
	set_watch(l);
}

int link_send(struct link *l, const ProtobufCMessage *message)
{
	int64_t n = frame_append(message, &l->out, l->n_out, &l->room_out);

	if (n < 0)
		return (int)n;
	l->n_out += (size_t)n;
	set_watch(l);
	return 0;
}

/* ---- in ---- */

static int offer(struct link *l)
{
	size_t done = 0;
	bool gone = false;
	int64_t n;

	while ((n = frame_size(l->in + done, l->n_in - done, FRAME_MAX)) > 0 && (size_t)n <= l->n_in - done) {
		l->gone = &gone;
		l->calls.frame(l->calls.arg, l->in + done, (size_t)n);
		if (gone)
			return -1;
		l->gone = NULL;
		done += (size_t)n;
	}
	if (n < 0) {
		fail(l, "the collector sent a frame of a forbidden length");
		return -1;
	}
	l->n_in -= done;
	if (done)
		memmove(l->in, l->in + done, l->n_in);
	if (done || l->begun == LOOP_NEVER)
		l->begun = clock_boot();
	if (l->n_in == 0) {
		l->begun = LOOP_NEVER;
		free(TAKE(l->in));
		l->room_in = 0;
	}
	return 0;
}

static int receive(struct link *l)
{
	/* What TLS has taken off the socket wakes nobody: it is read in any case. */
	for (int round = 0; round < ROUNDS || SSL_pending(l->ssl); round++) {
		int64_t n = frame_size(l->in, l->n_in, FRAME_MAX);
		size_t room = n > ROOM ? (size_t)n : ROOM;
		int k;

		if (room > l->room_in) {
			uint8_t *bigger = realloc(l->in, room);

			if (!bigger) {
				fail(l, "no memory for what the collector sends");
				return -1;
			}
			l->in = bigger;
			l->room_in = room;
		}
		errno = 0;
		ERR_clear_error();
		k = SSL_read(l->ssl, l->in + l->n_in, (int)(l->room_in - l->n_in));
		if (k <= 0) {
			k = judge(l, k);
			if (k == 0 && l->n_in == 0) {
				free(TAKE(l->in));
				l->room_in = 0;
			}
			return k;
		}
		l->n_in += (size_t)k;
		if (offer(l) < 0)
			return -1;
	}
	return 0;
}

/* ---- life ---- */

static int shake_hands(struct link *l)
{
	bool gone = false;
	int error = 0, k;
	socklen_t n = sizeof(error);

	if (!l->connected) {
		if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0 || error) {
			fail(l, strerror(error ? error : errno));
			return -1;
		}
		l->connected = true;
	}
	errno = 0;
	ERR_clear_error();
	k = SSL_connect(l->ssl);
	if (k != 1)
		return judge(l, k);
	l->ready = true;
	l->want_write = false;
	l->gone = &gone;
	l->calls.ready(l->calls.arg);
	if (gone)
		return -1;
	l->gone = NULL;
	return 0;
}

static void on_ready(void *arg, int events)
{
	struct link *l = arg;
	bool gone = false;

	if (!l->ready && shake_hands(l) < 0)
		return;
	if (l->ready && (receive(l) < 0 || flush(l) < 0))
		return;
	if (l->ready && !link_busy(l)) {
		l->gone = &gone;
		l->calls.room(l->calls.arg);
		if (gone)
			return;
		l->gone = NULL;
	}
	set_watch(l);
}

struct link *link_new(struct loop *loop, SSL_CTX *ctx, const struct sockaddr *address, unsigned n, const struct link_calls *calls)
{
	struct link *l = calloc(1, sizeof(*l));
	int one = 1;

	if (!l)
		return NULL;
	l->calls = *calls;
	l->begun = LOOP_NEVER;
	l->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	l->ssl = SSL_new(ctx);
	if (l->fd >= 0 && l->ssl && SSL_set_fd(l->ssl, l->fd) == 1 &&
	    (connect(l->fd, address, n) == 0 || errno == EINPROGRESS)) {
		setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		l->watch = loop_watch(loop, l->fd, LOOP_READ | LOOP_WRITE, on_ready, l);
		if (l->watch)
			return l;
	}
	link_free(l);
	return NULL;
}

void link_free(struct link *l)
{
	int e = errno;

	if (!l)
		return;
	if (l->gone)
		*l->gone = true;
	loop_unwatch(l->watch);
	if (l->ready)
		SSL_shutdown(l->ssl);	/* says goodbye; nobody waits for the answer */
	SSL_free(l->ssl);
	ERR_clear_error();
	if (l->fd >= 0)
		close(l->fd);
	free(l->in);
	free(l->out);
	free(l);
	errno = e;
}

SSL *link_ssl(struct link *l)
{
	return l->ssl;
}

int64_t link_begun(const struct link *l)
{
	return l->begun;
}
