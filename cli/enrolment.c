#include "enrolment.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "frame.h"
#include "identity.h"

#define PATIENCE (10 * NS_PER_S)	/* for one address, from the first packet to the answer */

static void free_ssl(SSL **s) { SSL_free(*s); }
static void free_ctx(SSL_CTX **c) { SSL_CTX_free(*c); }

/* ---- TCP ---- */

static bool ready(int fd, short what, int64_t until)
{
	struct pollfd p = {fd, what, 0};
	int64_t left;
	int r;

	do {
		left = until - clock_boot();
		r = left > 0 ? poll(&p, 1, (int)(left / NS_PER_MS) + 1) : 0;
	} while (r < 0 && errno == EINTR);
	return r > 0;
}

/* A descriptor, or -errno. */
static int reach(const struct addrinfo *a, int64_t until)
{
	CLOSE int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = 0;
	socklen_t n = sizeof(error);

	if (fd < 0)
		return -errno;
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
		if (errno != EINPROGRESS)
			return -errno;
		if (!ready(fd, POLLOUT, until))
			return -ETIMEDOUT;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0 || error)
			return error ? -error : -errno;
	}
	return TAKE_FD(fd);
}

static bool split(const char *address, char host[256], char port[8])
{
	const char *colon = strrchr(address, ':');
	size_t n = colon ? (size_t)(colon - address) : 0;

	if (!n || n >= 256 || strlen(colon + 1) >= 8)
		return false;
	if (address[0] == '[' && address[n - 1] == ']') {
		address++;
		n -= 2;
	}
	snprintf(host, 256, "%.*s", (int)n, address);
	snprintf(port, 8, "%s", colon + 1);
	return true;
}

/* Each of the name's addresses in turn. A descriptor, or -errno of the last; -ENXIO: the name has none. */
static int reach_any(const char *address, int64_t until)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	char host[256], port[8];
	int fd = -ENXIO;

	if (!split(address, host, port) || getaddrinfo(host, port, &hints, &found) != 0)
		return -ENXIO;
	for (const struct addrinfo *a = found; a && fd < 0; a = a->ai_next)
		fd = reach(a, until);
	freeaddrinfo(found);
	return fd;
}

static int unreachable(const char *address, int error, char why[512])
{
	if (error == -ECONNREFUSED)
		snprintf(why, 512, "%s: nobody takes enrolments there now: the token has expired, was used or revoked (on the collector: beadle "
			 "token list), or the collector does not run", address);
	else if (error == -ENXIO)
		snprintf(why, 512, "%s: this name is not known here: mend the name service, or make the token with --at and an address", address);
	else if (error == -ETIMEDOUT)
		snprintf(why, 512, "%s: no answer within 10 s: is a firewall in between?", address);
	else
		snprintf(why, 512, "%s: %s", address, strerror(-error));
	return error;
}

/* ---- TLS ---- */

/* After an operation that did not work out: can it be tried again? */
static bool again(SSL *ssl, int result, int64_t until)
{
	int error = SSL_get_error(ssl, result);

	if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
		return false;
	return ready(SSL_get_fd(ssl), error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN, until);
}

static int shake_hands(SSL *ssl, const struct enrolment *q, const char *address, int64_t until, struct identity *ret, char why[512])
{
	char cause[256];
	int r;

	ERR_clear_error();
	while ((r = SSL_do_handshake(ssl)) != 1 && again(ssl, r, until))
		ERR_clear_error();
	if (r == 1 && identity_verify_pinned(ssl, q->token->made, ret, cause) == 0)
		return 0;
	if (r == 1)
		snprintf(why, 512, "%s: %s; nothing was sent", address, cause);
	else if (SSL_get_verify_result(ssl) != X509_V_OK)
		snprintf(why, 512, "%s: this is not the collector that made the token, or somebody stands in between; nothing was sent", address);
	else {
		identity_why(ssl, cause);
		snprintf(why, 512, "%s: %s", address, clock_boot() >= until ? "no answer within 10 s" : cause);
	}
	return -EACCES;
}

static bool write_all(SSL *ssl, const uint8_t *data, size_t n, int64_t until)
{
	while (n) {
		int r;

		ERR_clear_error();
		r = SSL_write(ssl, data, (int)n);
		if (r > 0) {
			data += r;
			n -= (size_t)r;
		} else if (!again(ssl, r, until))
			return false;
	}
	return true;
}

static bool read_all(SSL *ssl, uint8_t *to, size_t n, int64_t until)
{
	while (n) {
		int r;

		ERR_clear_error();
		r = SSL_read(ssl, to, (int)n);
		if (r > 0) {
			to += r;
			n -= (size_t)r;
		} else if (!again(ssl, r, until))
			return false;
	}
	return true;
}

/* ---- request and answer ---- */

static int send_request(SSL *ssl, const struct enrolment *q, int64_t until)
{
	Wire__Enrol m = WIRE__ENROL__INIT;
	uint8_t key[TOKEN_HASH], exporter[TOKEN_HASH], proof[TOKEN_HASH];
	FREE uint8_t *frame = NULL;
	size_t room = 0;
	int64_t n;
	int r = token_key(q->token->secret, key);

	if (r == 0)
		r = token_export(ssl, exporter);
	if (r == 0)
		r = token_prove(key, exporter, q->host, q->csr, q->csr_n, proof);
	OPENSSL_cleanse(key, sizeof(key));
	if (r < 0)
		return r;
	m.token = (ProtobufCBinaryData){TOKEN_ID, (uint8_t *)q->token->id};
	m.host = (char *)q->host;
	m.csr = (ProtobufCBinaryData){q->csr_n, (uint8_t *)q->csr};
	m.proof = (ProtobufCBinaryData){TOKEN_HASH, proof};
	n = frame_pack(&m.base, &frame, &room);
	if (n < 0)
		return (int)n;
	return write_all(ssl, frame, (size_t)n, until) ? 0 : -ECONNRESET;
}

static int read_answer(SSL *ssl, const struct identity *collector, const char *address, int64_t until, struct enrolment_answer *ret)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	uint8_t frame[FRAME_HEAD + TOKEN_ANSWER_MAX];
	char host[256], port[8];
	int64_t n;
	int r;

	if (!read_all(ssl, frame, FRAME_HEAD, until))
		return -ECONNRESET;
	n = frame_size(frame, FRAME_HEAD, TOKEN_ANSWER_MAX);
	if (n < 0)
		return -EBADMSG;
	if (!read_all(ssl, frame + FRAME_HEAD, (size_t)n - FRAME_HEAD, until))
		return -ECONNRESET;
	r = answer_read(frame, (size_t)n, collector->school, ret);
	ret->authority = X509_dup(sk_X509_value(chain, sk_X509_num(chain) - 1));
	if (split(address, host, port))
		snprintf(ret->agents, sizeof(ret->agents), strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, ret->port);
	return r == 0 && !ret->authority ? -ENOMEM : r;
}

static int call(SSL_CTX *ctx, int fd, const struct enrolment *q, const char *address, int64_t until, struct enrolment_answer *ret,
		char why[512])
{
	CLEANUP(free_ssl) SSL *ssl = SSL_new(ctx);
	struct identity collector;
	int r;

	if (!ssl || SSL_set_fd(ssl, fd) != 1)
		return snprintf(why, 512, "no memory"), -ENOMEM;
	SSL_set_connect_state(ssl);
	r = shake_hands(ssl, q, address, until, &collector, why);
	if (r < 0)
		return r;
	r = send_request(ssl, q, until);
	if (r == 0)
		r = read_answer(ssl, &collector, address, until, ret);
	if (r < 0)
		snprintf(why, 512, "%s: %s; run the same command again", address, r == -EBADMSG ? "the collector's answer cannot be read" :
			 "the collector did not answer to the end");
	SSL_shutdown(ssl);
	return r;
}

int enrolment_ask(const struct enrolment *q, struct enrolment_answer *ret, char why[512])
{
	CLEANUP(free_ctx) SSL_CTX *ctx = identity_pinned(q->token->pin, why);
	char addresses[TOKEN_ADDRESSES];
	int r = -EINVAL;

	*ret = (struct enrolment_answer){0};
	if (!ctx)
		return -EIO;
	snprintf(addresses, sizeof(addresses), "%s", q->token->addresses);
	for (char *save = NULL, *at = strtok_r(addresses, " ", &save); at; at = strtok_r(NULL, " ", &save)) {
		int64_t until = clock_boot() + PATIENCE;
		CLOSE int fd = reach_any(at, until);

		if (fd >= 0)
			return call(ctx, fd, q, at, until, ret, why);
		r = unreachable(at, fd, why);
	}
	return r;
}
