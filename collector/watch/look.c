#include "look.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "cleanup.h"
#include "clock.h"
#include "frame.h"
#include "identity.h"
#include "log.h"
#include "proto/beadle.pb-c.h"
#include "text.h"

#define ANSWER_MAX 4096u

static void free_ssl(SSL **s) { SSL_free(*s); }
static void free_ctx(SSL_CTX **c) { SSL_CTX_free(*c); }
static void free_arena(struct arena **a) { arena_free(*a); }

static enum look say(char why[LOOK_WHY], enum look what, const char *text)
{
	text_escape(text, strlen(text), why, LOOK_WHY);
	return what;
}

/* After a step that did not succeed: the time is over, or what the library has to say. */
static enum look broken(SSL *ssl, bool greeted, int64_t until, char why[LOOK_WHY])
{
	bool stranger = SSL_get_verify_result(ssl) != X509_V_OK;
	bool refused = !stranger && ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_SSL &&
		       ERR_GET_REASON(ERR_peek_last_error()) > SSL_AD_REASON_OFFSET;	/* an alert of theirs */
	char cause[256];

	if (!stranger && clock_boot() >= until)
		return say(why, LOOK_SILENT, "it takes the connection and does not answer in time");
	if (!stranger && !refused && greeted)
		return say(why, LOOK_REFUSED, "it has seen our certificate, and ends the connection without an answer; its log tells why");
	identity_why(ssl, cause);
	return say(why, stranger ? LOOK_STRANGER : refused ? LOOK_REFUSED : LOOK_SILENT, cause);
}

/* ---- question and answer ---- */

static bool put(SSL *ssl, const Wire__Envelope *e, int64_t until)
{
	FREE uint8_t *frame = NULL;
	size_t room = 0;
	int64_t n = frame_pack(&e->base, &frame, &room);

	return n > 0 && call_write(ssl, frame, (size_t)n, until);
}

static bool ask(SSL *ssl, const struct own *own, int64_t until)
{
	Wire__Envelope e = WIRE__ENVELOPE__INIT;
	Wire__Probe probe = WIRE__PROBE__INIT;

	probe.own = own->keeps;
	e.message_case = WIRE__ENVELOPE__MESSAGE_PROBE;
	e.probe = &probe;
	return put(ssl, &e, until);
}

static bool ask_renewal(SSL *ssl, struct own *own, int64_t until)
{
	Wire__Envelope e = WIRE__ENVELOPE__INIT;
	Wire__Renew renew = WIRE__RENEW__INIT;
	bool done;

	e.message_case = WIRE__ENVELOPE__MESSAGE_RENEW;
	e.renew = &renew;
	done = own_request(own, &renew) && put(ssl, &e, until);
	OPENSSL_free(renew.csr.data);
	OPENSSL_free(renew.proof.data);
	return done;
}

static enum look judge(SSL *ssl, struct own *own, const Wire__Envelope *e, char why[LOOK_WHY])
{
	if (e && e->message_case == WIRE__ENVELOPE__MESSAGE_REFUSAL)
		return say(why, LOOK_REFUSED, e->refusal->reason);
	if (e && e->message_case == WIRE__ENVELOPE__MESSAGE_RENEWED)
		return own_renewed(own, e->renewed), LOOK_WORKS;
	if (!e || e->message_case != WIRE__ENVELOPE__MESSAGE_WORKING)
		return say(why, LOOK_SILENT, "its answer cannot be read");
	if (*e->working->trouble)
		return say(why, LOOK_TROUBLE, e->working->trouble);
	own_worked(own, SSL_get_certificate(ssl), e->working);
	return LOOK_WORKS;
}

static enum look hear(SSL *ssl, struct own *own, int64_t until, char why[LOOK_WHY])
{
	CLEANUP(free_arena) struct arena *arena = arena_new(0);
	uint8_t frame[FRAME_HEAD + ANSWER_MAX];
	int64_t n;

	if (!arena)
		return say(why, LOOK_BLIND, strerror(ENOMEM));
	if (!call_read(ssl, frame, FRAME_HEAD, until))
		return broken(ssl, true, until, why);
	n = frame_size(frame, FRAME_HEAD, ANSWER_MAX);
	if (n > 0 && !call_read(ssl, frame + FRAME_HEAD, (size_t)n - FRAME_HEAD, until))
		return broken(ssl, true, until, why);
	arena_limit(arena, frame_ceiling(sizeof(frame)));
	return judge(ssl, own, n > 0 ? (const Wire__Envelope *)frame_unpack(&wire__envelope__descriptor, frame, (size_t)n, arena) : NULL, why);
}

/* ---- one call ---- */

static enum look call(SSL *ssl, struct own *own, bool renew, int64_t until, char why[LOOK_WHY])
{
	int64_t now = clock_wall() / NS_PER_S, begin;
	struct identity id;
	char cause[256];

	SSL_set_connect_state(ssl);
	if (!call_shake_hands(ssl, until))
		return broken(ssl, false, until, why);
	begin = identity_begin(ssl);
	if (identity_verify(ssl, IDENTITY_COLLECTOR, now > begin ? now : begin + 1, &id, cause) < 0)
		return say(why, LOOK_STRANGER, cause);
	if (!(renew ? ask_renewal(ssl, own, until) : ask(ssl, own, until)))
		return broken(ssl, true, until, why);
	return hear(ssl, own, until, why);
}

static enum look unreachable(int error, char why[LOOK_WHY])
{
	if (error == -ENXIO)
		return say(why, LOOK_SILENT, "its name is not known here");
	return say(why, LOOK_SILENT, strerror(-error));
}

static enum look visit(struct own *own, const char *address, bool renew, int64_t until, char why[LOOK_WHY])
{
	CLEANUP(free_ctx) SSL_CTX *ctx = NULL;
	CLEANUP(free_ssl) SSL *ssl = NULL;
	CLOSE int fd = -1;
	char cause[256] = "", folder[PATH_MAX];
	enum look found;

	why[0] = 0;
	ctx = identity_context(own_shown(own, folder), 0, cause);
	if (!ctx)
		return say(why, LOOK_BLIND, cause);
	fd = call_reach(address, until);
	if (fd < 0)
		return unreachable(fd, why);
	ssl = SSL_new(ctx);
	if (!ssl || SSL_set_fd(ssl, fd) != 1)
		return say(why, LOOK_BLIND, strerror(ENOMEM));
	found = call(ssl, own, renew, until, why);
	if (found == LOOK_WORKS)
		SSL_shutdown(ssl);
	ERR_clear_error();
	return found;
}

enum look look_at(struct own *own, const char *address, int64_t until, char why[LOOK_WHY])
{
	enum look found = visit(own, address, false, until, why);
	char cause[LOOK_WHY];

	if (found != LOOK_WORKS)
		own_failed(own);
	else if (own_due(own) && visit(own, address, true, until, cause) != LOOK_WORKS)
		log_warning("%s: our certificate is not renewed: %s", address, cause);
	return found;
}

const char *look_name(enum look l)
{
	static const char *const names[] = {"works", "silent", "stranger", "refused", "trouble", "blind"};

	return names[l];
}
