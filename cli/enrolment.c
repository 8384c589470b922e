#include "enrolment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "cleanup.h"
#include "clock.h"
#include "frame.h"
#include "identity.h"

#define PATIENCE (10 * NS_PER_S)	/* for one address, from the first packet to the answer */

static void free_ssl(SSL **s) { SSL_free(*s); }
static void free_ctx(SSL_CTX **c) { SSL_CTX_free(*c); }

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

static int shake_hands(SSL *ssl, const struct enrolment *q, const char *address, int64_t until, struct identity *ret, char why[512])
{
	bool done = call_shake_hands(ssl, until);
	char cause[256];

	if (done && identity_verify_pinned(ssl, q->token->made, ret, cause) == 0)
		return 0;
	if (done)
		snprintf(why, 512, "%s: %s; nothing was sent", address, cause);
	else if (SSL_get_verify_result(ssl) != X509_V_OK)
		snprintf(why, 512, "%s: this is not the collector that made the token, or somebody stands in between; nothing was sent", address);
	else {
		identity_why(ssl, cause);
		snprintf(why, 512, "%s: %s", address, clock_boot() >= until ? "no answer within 10 s" : cause);
	}
	return -EACCES;
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
	return call_write(ssl, frame, (size_t)n, until) ? 0 : -ECONNRESET;
}

static int read_answer(SSL *ssl, const struct identity *collector, const char *address, int64_t until, struct enrolment_answer *ret)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	uint8_t frame[FRAME_HEAD + TOKEN_ANSWER_MAX];
	char host[256], port[8];
	int64_t n;
	int r;

	if (!call_read(ssl, frame, FRAME_HEAD, until))
		return -ECONNRESET;
	n = frame_size(frame, FRAME_HEAD, TOKEN_ANSWER_MAX);
	if (n < 0)
		return -EBADMSG;
	if (!call_read(ssl, frame + FRAME_HEAD, (size_t)n - FRAME_HEAD, until))
		return -ECONNRESET;
	r = answer_read(frame, (size_t)n, collector->school, ret);
	ret->authority = X509_dup(sk_X509_value(chain, sk_X509_num(chain) - 1));
	if (call_split(address, host, port))
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
		CLOSE int fd = call_reach(at, until);

		if (fd >= 0)
			return call(ctx, fd, q, at, until, ret, why);
		r = unreachable(at, fd, why);
	}
	return r;
}
