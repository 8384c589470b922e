/* enrolments.c - servers that come with a token (SECURITY 5.9, I6). The signer has the tokens, checks and signs; here stands which of them can
 * still be used, so that the door is open just as long, and what a new identity is called. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "api.h"
#include "clock.h"
#include "collector/enrol/enrol.h"
#include "collector/identity/tokens.h"
#include "collector/reckoning.h"
#include "log.h"

#define UNKNOWN_A_SECOND 20		/* requests with tokens that are none: each asks the signer, and is two lines of logs */
#define REFUSALS 30		/* a minute, in the journal */

struct known { uint8_t id[TOKEN_ID]; char uuid[64], host[TOKEN_HOST_MAX + 1]; bool used; };

struct enrolments {
	struct known at[TOKENS_OPEN];
	size_t n;
	bool open;			/* the door */
	int64_t look_at;		/* boot clock: the first of them expires */
	int64_t unknown_since;		/* boot clock; and so many since */
	unsigned unknown;
	int64_t since;			/* of a minute's refusals: so many are in the journal, and so many are only counted */
	unsigned told, untold;
};

struct enrolling_asked { struct asked asked; struct reference from; struct known token; char address[INET6_ADDRSTRLEN]; };

struct enrolments *enrolments_new(void)
{
	struct enrolments *all = calloc(1, sizeof(*all));

	if (all)
		all->look_at = INT64_MAX;
	return all;
}

void enrolments_free(struct enrolments *all)
{
	free(all);
}

/* ---- the door ---- */

static int turn(struct engine *e, bool open)
{
	struct door *d;
	int r;

	if (!e->its.enrol)
		return -ENOTCONN;
	if (e->enrolments->open == open)
		return 0;
	d = calloc(1, sizeof(*d));
	r = d ? enrol_turn(e->its.door, open) : -ENOMEM;
	if (r < 0) {
		free(d);
		return r;
	}
	d->node.kind = MESSAGE_DOOR;
	d->open = open;
	queue_push(e->its.enrol, &d->node);
	e->enrolments->open = open;
	log_info(open ? "enrolment: the door is open" : "enrolment: the door is shut");
	return 0;
}

/* ---- what tokens there are ---- */

static struct known *find(struct engine *e, const uint8_t id[TOKEN_ID])
{
	for (size_t i = 0; i < e->enrolments->n; i++)
		if (!memcmp(e->enrolments->at[i].id, id, TOKEN_ID))
			return &e->enrolments->at[i];
	return NULL;
}

static void put(struct engine *e, const Rooms__Token *t, int64_t now)
{
	struct enrolments *all = e->enrolments;
	struct known *k;
	int64_t until = now + (int64_t)t->left_ns;

	if (t->state == ROOMS__TOKEN_STATE__OVER || t->id.len != TOKEN_ID)
		return;
	k = find(e, t->id.data);
	if (!k && all->n == TOKENS_OPEN)
		return;
	if (!k)
		k = &all->at[all->n++];
	memcpy(k->id, t->id.data, TOKEN_ID);
	snprintf(k->uuid, sizeof(k->uuid), "%s", t->uuid);
	snprintf(k->host, sizeof(k->host), "%s", t->host);
	k->used = t->state == ROOMS__TOKEN_STATE__USED;
	if (until < all->look_at)
		all->look_at = until;
}

/* We ended between the signer's word and ours: the identity is out, and its name must not be lost. */
static void remember(struct engine *e, const struct known *k)
{
	struct identity_given given = {.issued = clock_wall()};

	if (!k->used || roster_get(e->roster, k->uuid) || !engine_change(e))
		return;
	snprintf(given.uuid, sizeof(given.uuid), "%s", k->uuid);
	snprintf(given.host, sizeof(given.host), "%s", k->host);
	if (roster_set(e->roster, &given, &(struct deed){RECORD_SYSTEM, NULL, "identity.enrolled"}, e->change) == 0)
		expected_new(e, &given);
}

static void took_tokens(struct asked *asked, const Rooms__Signed *answer)
{
	struct engine *e = asked->engine;
	int64_t now = clock_boot();
	int r;

	DL_DELETE(e->asked, asked);
	free(asked);
	if (!answer || *answer->error)
		return;
	e->enrolments->n = 0;
	e->enrolments->look_at = INT64_MAX;
	for (size_t i = 0; i < answer->n_tokens; i++)
		put(e, answer->tokens[i], now);
	for (size_t i = 0; i < e->enrolments->n; i++)
		remember(e, &e->enrolments->at[i]);
	r = turn(e, e->enrolments->n > 0);
	if (r < 0 && e->enrolments->n)
		log_error("enrolment: the door cannot be opened: %s", strerror(-r));
}

void enrolments_look(struct engine *e)
{
	Rooms__Sign sign = ROOMS__SIGN__INIT;
	Rooms__ListTokens list = ROOMS__LIST_TOKENS__INIT;

	sign.request_case = ROOMS__SIGN__REQUEST_LIST_TOKENS;
	sign.list_tokens = &list;
	signing_ask_plainly(e, &sign, took_tokens);
}

void enrolments_begin(struct engine *e)
{
	if (e->its.enrol)
		enrolments_look(e);
}

int enrolments_put(struct engine *e, const Rooms__Token *t)
{
	put(e, t, clock_boot());
	return turn(e, true);
}

void enrolments_tick(struct engine *e, int64_t now)
{
	if (now <= e->enrolments->look_at)
		return;
	e->enrolments->look_at = INT64_MAX;
	enrolments_look(e);
}

static void ended(struct asked *asked, const Rooms__Signed *answer)
{
	struct engine *e = asked->engine;

	DL_DELETE(e->asked, asked);
	free(asked);
	if (answer)
		enrolments_look(e);
}

/* With its newest certificate it has what the token was for: nobody needs to ask with that again. */
void enrolments_came(struct engine *e, const char *uuid, uint32_t generation)
{
	const struct identity_given *given = roster_get(e->roster, uuid);
	Rooms__Sign sign = ROOMS__SIGN__INIT;
	Rooms__EndToken end = ROOMS__END_TOKEN__INIT;

	sign.request_case = ROOMS__SIGN__REQUEST_END_TOKEN;
	sign.end_token = &end;
	for (size_t i = 0; i < e->enrolments->n; i++) {
		struct known *k = &e->enrolments->at[i];

		if (!k->used || strcmp(k->uuid, uuid) || !given || given->generation > generation)
			continue;
		end.token = (ProtobufCBinaryData){TOKEN_ID, k->id};
		signing_ask_plainly(e, &sign, ended);
	}
}

/* ---- a request ---- */

static void tell(struct engine *e, const struct reference *to, Wire__Enrolment outcome, const char *text, const char *host,
		 const ProtobufCBinaryData *certificate)
{
	Wire__Enrolled m = WIRE__ENROLLED__INIT;
	Wire__Authority authority = WIRE__AUTHORITY__INIT;
	struct sending *s;

	m.outcome = outcome;
	m.text = (char *)text;
	m.host = (char *)host;
	m.wall = (uint64_t)clock_wall();
	m.agents_port = e->its.agents_port;
	if (certificate) {
		m.certificate = *certificate;
		authority_tell_enrolled(e, &m, &authority);
	}
	s = message_sending(to, &m.base);
	if (s)
		queue_push(e->its.enrol, &s->node);
}

/* Strangers shall not fill the journal. */
static void record_refusal(struct engine *e, const char *address, const char *why)
{
	struct enrolments *all = e->enrolments;
	int64_t now = clock_boot();

	if (!all->since || now - all->since > 60 * NS_PER_S) {
		all->since = now;
		all->told = 0;
	}
	if (all->told == REFUSALS || !engine_change(e)) {
		all->untold++;
		return;
	}
	record_fact(e->change, &(struct deed){RECORD_NOBODY, address, "enrolment.refused"}, "",
		    json_pack("{s:o, s:i}", "why", document_bytes(why), "more_before", (int)all->untold));
	all->told++;
	all->untold = 0;
}

static void refuse(struct engine *e, const struct reference *to, const char *address, const char *why)
{
	log_warning("enrolment from %s refused: %s", address, why);
	record_refusal(e, address, why);
	tell(e, to, WIRE__ENROLMENT__REFUSED_ENROLMENT, why, "", NULL);
}

static void enrolled(struct engine *e, const struct enrolling_asked *a, const ProtobufCBinaryData *certificate)
{
	struct identity_given given = {0};
	const struct identity_given *known = roster_get(e->roster, a->token.uuid);
	char agent[80];
	const struct deed deed = {agent, a->address, "identity.enrolled"};
	X509 *cert;

	snprintf(agent, sizeof(agent), "agent %s", a->token.uuid);
	if (known)
		given = *known;
	snprintf(given.uuid, sizeof(given.uuid), "%s", a->token.uuid);
	snprintf(given.host, sizeof(given.host), "%s", a->token.host);
	cert = roster_certificate(certificate, &given);
	if (cert && engine_change(e) && roster_set(e->roster, &given, &deed, e->change) == 0) {
		expected_new(e, roster_get(e->roster, given.uuid));
		log_notice("\"%s\" enrolled itself from %s: %s, certificate %u", given.host, a->address, given.uuid, given.generation);
		tell(e, &a->from, WIRE__ENROLMENT__ENROLLED, "", given.host, certificate);
	} else
		tell(e, &a->from, WIRE__ENROLMENT__BUSY, "the certificate was made but cannot be handed out", "", NULL);
	X509_free(cert);
	enrolments_look(e);
}

static void signed_(struct asked *asked, const Rooms__Signed *answer)
{
	struct enrolling_asked *a = (struct enrolling_asked *)asked;
	struct engine *e = asked->engine;

	DL_DELETE(e->asked, asked);
	if (!answer)
		tell(e, &a->from, WIRE__ENROLMENT__BUSY, "the signer has ended", "", NULL);
	else if (*answer->error) {
		refuse(e, &a->from, a->address, answer->error);
		enrolments_look(e);
	} else if (answer->certificate.len)
		enrolled(e, a, &answer->certificate);
	else {
		log_notice("\"%s\" asks from %s to be enrolled, and waits for a person's approval: beadle token list", a->token.host, a->address);
		tell(e, &a->from, WIRE__ENROLMENT__WAITING, "", a->token.host, NULL);
	}
	free(a);
}

/* A name that was given away meanwhile stays whose it is. */
static bool is_taken(const struct engine *e, const struct known *k)
{
	const struct identity_given *given = k ? roster_find(e->roster, k->host) : NULL;

	return given && !given->revoked && strcmp(given->uuid, k->uuid);
}

/* Whoever has no token shall not fill the logs, nor keep the signer from others. */
static bool too_many(struct enrolments *all)
{
	int64_t now = clock_boot();

	if (now - all->unknown_since > NS_PER_S) {
		all->unknown_since = now;
		all->unknown = 0;
	}
	return ++all->unknown > UNKNOWN_A_SECOND;
}

void enrolments_asked(struct engine *e, const struct enrolling *q)
{
	const struct known *k = find(e, q->token);
	struct enrolling_asked *a;
	Rooms__Sign sign = ROOMS__SIGN__INIT;
	Rooms__EnrolAgent enrol = ROOMS__ENROL_AGENT__INIT;

	if (!k && too_many(e->enrolments)) {
		tell(e, &q->from, WIRE__ENROLMENT__BUSY, "too many ask with tokens that are not known here", "", NULL);
		return;
	}
	if (reckoning_suspect(e->its.reckoning)) {
		tell(e, &q->from, WIRE__ENROLMENT__BUSY, "the collector's clock is suspect: a person has to confirm it first", "", NULL);
		return;
	}
	if (is_taken(e, k)) {
		refuse(e, &q->from, q->address, "the name was given to another identity meanwhile: make another token, with --replace");
		return;
	}
	enrol.token = (ProtobufCBinaryData){TOKEN_ID, (uint8_t *)q->token};
	enrol.host = (char *)q->host;
	enrol.csr = (ProtobufCBinaryData){q->n, (uint8_t *)q->csr};
	enrol.exporter = (ProtobufCBinaryData){TOKEN_HASH, (uint8_t *)q->exporter};
	enrol.proof = (ProtobufCBinaryData){TOKEN_HASH, (uint8_t *)q->proof};
	sign.request_case = ROOMS__SIGN__REQUEST_ENROL_AGENT;
	sign.enrol_agent = &enrol;
	a = calloc(1, sizeof(*a));
	if (a) {
		a->asked.signed_ = signed_;
		a->from = q->from;
		a->token = k ? *k : (struct known){0};
		snprintf(a->address, sizeof(a->address), "%s", q->address);
		if (signing_ask_ourselves(e, &a->asked, &sign))
			return;
	}
	free(a);
	tell(e, &q->from, WIRE__ENROLMENT__BUSY, "the signer does not run", "", NULL);
}
