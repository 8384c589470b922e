/* renewals.c - certificates take each other's place: an agent's, at its own request, the collector's own, and the dashboard's, which web asks
 * for (I5). The signer checks and signs; keys stay where they are used. */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "api.h"
#include "base64.h"
#include "clock.h"
#include "collector/reckoning.h"
#include "identity.h"
#include "log.h"
#include "renewal.h"

#define LOOK_EVERY (3600 * NS_PER_S)
#define MOST_A_DAY 10			/* one agent's: each is a line in the signer's books */
#define DAY_NS (86400 * NS_PER_S)
#define NEAR (30 * DAY_NS)		/* as beadle doctor has it; both: 5.8.5.4 */
#define VERY_NEAR (7 * DAY_NS)

/* ---- an agent's ---- */

struct agents { struct asked asked; struct reference from; struct identity_given given; char address[64]; };

static void tell_agent(struct engine *e, const struct reference *to, const ProtobufCBinaryData *certificate, const char *error)
{
	Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
	Wire__Renewed renewed = WIRE__RENEWED__INIT;
	struct sending *s;

	if (certificate)
		renewed.certificate = *certificate;
	if (error)
		renewed.error = (char *)error;
	envelope.message_case = WIRE__ENVELOPE__MESSAGE_RENEWED;
	envelope.renewed = &renewed;
	s = message_sending(to, &envelope.base);
	if (s)
		queue_push(e->its.ingest[to->thread], &s->node);
}

static void agents_signed(struct asked *asked, const Rooms__Signed *answer)
{
	struct agents *a = (struct agents *)asked;
	struct engine *e = asked->engine;
	X509 *cert = answer && !*answer->error ? roster_certificate(&answer->certificate, &a->given) : NULL;
	char agent[80];
	const struct deed deed = {agent, a->address, "identity.renewed"};

	snprintf(agent, sizeof(agent), "agent %s", a->given.uuid);
	DL_DELETE(e->asked, asked);
	if (cert && engine_change(e) && roster_set(e->roster, &a->given, &deed, e->change) == 0) {
		log_notice("%s has certificate %u", a->given.host, a->given.generation);
		tell_agent(e, &a->from, &answer->certificate, NULL);
	} else {
		log_warning("%s gets no new certificate: %s", a->given.host, answer && *answer->error ? answer->error : "the signer has ended");
		tell_agent(e, &a->from, NULL, answer && *answer->error ? answer->error : "the signer has ended");
	}
	X509_free(cert);
	free(a);
}

static bool too_often(struct host *h)
{
	int64_t now = clock_boot();

	if (!h->renewals || now - h->renewals_since > DAY_NS) {
		h->renewals = 0;
		h->renewals_since = now;
	}
	return h->renewals++ >= MOST_A_DAY;
}

void renewals_agent(struct engine *e, const struct renewal *r)
{
	struct host *h = r->host ? registry_get_host(&e->registry, r->host) : registry_find_host(&e->registry, r->agent);
	const struct identity_given *known = roster_get(e->roster, r->agent);
	Rooms__Sign sign = ROOMS__SIGN__INIT;
	Rooms__RenewAgent renew = ROOMS__RENEW_AGENT__INIT;
	const bool suspect = reckoning_suspect(e->its.reckoning);
	struct agents *a = h && !suspect && !too_often(h) ? calloc(1, sizeof(*a)) : NULL;

	if (!a) {
		tell_agent(e, &r->from, NULL, suspect ? "the collector's clock is suspect" : "not so often");
		return;
	}
	if (known)
		a->given = *known;
	snprintf(a->given.uuid, sizeof(a->given.uuid), "%s", r->agent);
	if (!known)
		snprintf(a->given.host, sizeof(a->given.host), "%s", h->name);
	a->from = r->from;
	snprintf(a->address, sizeof(a->address), "%s", h->address ? h->address : "?");
	renew.current = r->current;
	renew.csr = r->csr;
	renew.proof = r->proof;
	renew.host = a->given.host;
	sign.request_case = ROOMS__SIGN__REQUEST_RENEW_AGENT;
	sign.renew_agent = &renew;
	a->asked.signed_ = agents_signed;
	if (signing_ask_ourselves(e, &a->asked, &sign))
		return;
	tell_agent(e, &r->from, NULL, "the signer does not run");
	free(a);
}

/* ---- a server's ---- */

/* The request; the caller asks it. */
static void server_request(Rooms__Sign *sign, Rooms__RenewServer *renew, const char *role, const uint8_t *csr, size_t n)
{
	renew->role = (char *)role;
	renew->csr = (ProtobufCBinaryData){n, (uint8_t *)csr};
	sign->request_case = ROOMS__SIGN__REQUEST_RENEW_SERVER;
	sign->renew_server = renew;
}

static void hand(struct queue *to, SSL_CTX *tls)
{
	struct context *c = calloc(1, sizeof(*c));

	if (!c)
		return;		/* it goes on with the old one until the next start */
	c->node.kind = MESSAGE_CONTEXT;
	c->tls = tls;
	SSL_CTX_up_ref(tls);
	queue_push(to, &c->node);
}

int renewals_use(struct engine *e, char why[256])
{
	SSL_CTX *tls = identity_context(e->its.identity_folder, 1, why);
	SSL_CTX *door = tls && e->its.enrol ? identity_enrolment(e->its.identity_folder, why) : NULL;
	bool good = tls && (door || !e->its.enrol);

	for (size_t i = 0; tls && i < e->its.threads; i++)
		hand(e->its.ingest[i], tls);
	if (door)
		hand(e->its.enrol, door);
	SSL_CTX_free(tls);
	SSL_CTX_free(door);
	return good ? 0 : -EIO;
}

static void tell_renewed(struct engine *e, const char *whose)
{
	struct store_change *change = engine_change(e);

	if (change)
		record_fact(change, &(struct deed){RECORD_SYSTEM, NULL, "certificate.renewed"}, whose, json_object());
}

static void own_signed(struct asked *asked, const Rooms__Signed *answer)
{
	struct engine *e = asked->engine;
	char why[256] = "the signer has ended";
	int r = -EIO;

	DL_DELETE(e->asked, asked);
	free(asked);
	if (answer && *answer->error)
		snprintf(why, sizeof(why), "%s", answer->error);
	else if (answer) {
		r = renewal_take(e->its.identity_folder, "ca.pem", answer->certificate.data, answer->certificate.len);
		if (r == 0)
			r = renewal_settle(e->its.identity_folder);
		if (r < 0)
			snprintf(why, sizeof(why), "%s: %s", e->its.identity_folder, strerror(-r));
		else
			r = renewals_use(e, why);
	}
	if (r < 0)
		log_error("the collector's certificate could not be renewed: %s; tried again in an hour", why);
	else {
		log_notice("the collector's certificate was renewed, with a new key");
		authority_renewed(e);
		tell_renewed(e, "collector");
	}
}

static void renew_own(struct engine *e)
{
	Rooms__Sign sign = ROOMS__SIGN__INIT;
	Rooms__RenewServer renew = ROOMS__RENEW_SERVER__INIT;
	uint8_t *csr = NULL;
	size_t n;

	if (renewal_request(e->its.identity_folder, &csr, &n) == 0) {
		server_request(&sign, &renew, "collector", csr, n);
		signing_ask_plainly(e, &sign, own_signed);
	}
	OPENSSL_free(csr);
}

/* ---- who comes near the end: something keeps the renewal from working ---- */

/* What is over already is told by the connections that fail; and a clock that leaps ahead must not be told of every host (R12). */
static void judge_end(struct engine *e, enum own_finding which, uint32_t host, int64_t left)
{
	enum state state = left < VERY_NEAR ? STATE_CRITICAL : left < NEAR ? STATE_WARNING : STATE_OK;
	char why[96];

	if (left <= 0)
		return;
	snprintf(why, sizeof(why), "it ends in %lld days", (long long)(left / DAY_NS));
	outcome_own_is(e, which, host, state, state != STATE_OK ? why : "there is a new one");
}

static int64_t own_end(struct engine *e)
{
	const int64_t own = renewal_end(e->its.identity_folder) * NS_PER_S;

	return e->web_not_after && e->web_not_after < own ? e->web_not_after : own;
}

static void judge_ends(struct engine *e, int64_t wall)
{
	const struct identity_given *i = NULL;

	while ((i = roster_next(e->roster, i))) {
		const struct host *h = i->not_after && !i->revoked ? registry_find_host(&e->registry, i->uuid) : NULL;

		if (h)
			judge_end(e, OWN_AGENT_CERTIFICATE, h->id, i->not_after - wall);
	}
	judge_end(e, OWN_COLLECTOR_CERTIFICATE, OWN_HOST, own_end(e) - wall);
}

void renewals_tick(struct engine *e, int64_t wall, int64_t now)
{
	if (now < e->renewals_next || reckoning_suspect(e->its.reckoning))
		return;
	e->renewals_next = now + LOOK_EVERY;
	judge_ends(e, wall);
	if (e->signer && (authority_own_is_former(e) || renewal_folder_due(e->its.identity_folder, "ca.pem", wall / NS_PER_S)))
		renew_own(e);
}

/* ---- the dashboard's: web tells its end, and asks, over its own pair alone ---- */

static void web_signed(struct asked *asked, const Rooms__Signed *answer)
{
	bool good = answer && !*answer->error;
	char *text = good ? base64_write(answer->certificate.data, answer->certificate.len) : NULL;

	if (text) {
		tell_renewed(asked->engine, "web");
		api_answer_later(asked, 200, json_pack("{s:s}", "certificate", text));
	} else
		api_refuse_later(asked, 503, "unavailable", answer && !good ? answer->error : "the signer has ended");
	free(text);
	free(asked);
}

static void ask_for_web(const struct asker *a, const uint8_t *csr, size_t n)
{
	Rooms__Sign sign = ROOMS__SIGN__INIT;
	Rooms__RenewServer renew = ROOMS__RENEW_SERVER__INIT;

	server_request(&sign, &renew, "web", csr, n);
	signing_ask_for(a, calloc(1, sizeof(struct asked)), &sign, web_signed);
}

void api_web_certificate(const struct asker *a, const json_t *arguments)
{
	uint8_t *csr = NULL;
	int64_t end;
	const char *text;
	size_t n;

	if (a->pipe != a->engine->web) {
		api_refuse(a, 403, "not_allowed", "the dashboard's process alone tells and asks of its certificate");
		return;
	}
	if (!api_number(a, arguments, "not_after", 0, 0, INT64_MAX, &end) || !api_text(a, arguments, "csr", "", 4096, &text))
		return;
	a->engine->web_not_after = end;
	a->engine->renewals_next = 0;
	if (!*text)
		api_answer(a, 200, json_object());
	else if (api_hour_refused(a))
		return;
	else if (base64_read(text, &csr, &n) < 0)
		api_refuse(a, 400, "bad_request", "csr: expected PKCS#10 in base64");
	else
		ask_for_web(a, csr, n);
	free(csr);
}
