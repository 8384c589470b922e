#include "requests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"

/* certificate: of those requests that have one made. */
struct reply { Rooms__Signed *out; struct arena *arena; char *why; X509 *certificate; };

/* Room in the answer for n bytes; where there is none it goes without them. */
static ProtobufCBinaryData room(struct reply *p, size_t n)
{
	uint8_t *data = arena_take(p->arena, n);

	return (ProtobufCBinaryData){data ? n : 0, data};
}

static ProtobufCBinaryData der_of(struct reply *p, X509 *cert)
{
	int n = cert ? i2d_X509(cert, NULL) : 0;
	ProtobufCBinaryData der = room(p, n > 0 ? (size_t)n : 0);
	uint8_t *at = der.data;

	if (der.len)
		i2d_X509(cert, &at);
	return der;
}

/* ---- certificates ---- */

static int issue_agent(struct office *o, const Rooms__Sign *q, struct reply *p)
{
	const Rooms__IssueAgent *a = q->issue_agent;

	return office_issue_agent(o, a->uuid, a->host, a->csr.data, a->csr.len, &p->certificate, p->why);
}

static int renew_agent(struct office *o, const Rooms__Sign *q, struct reply *p)
{
	const Rooms__RenewAgent *a = q->renew_agent;
	const struct office_renewal its = {a->current.data, a->csr.data, a->proof.data, a->current.len, a->csr.len, a->proof.len, a->host};

	return office_renew_agent(o, &its, &p->certificate, p->why);
}

static int renew_server(struct office *o, const Rooms__Sign *q, struct reply *p)
{
	return office_renew(o, q->renew_server->role, q->renew_server->csr.data, q->renew_server->csr.len, &p->certificate, p->why);
}

static int enrol_agent(struct office *o, const Rooms__Sign *q, struct reply *p)
{
	const Rooms__EnrolAgent *a = q->enrol_agent;
	const struct token_use use = {a->token.data, a->exporter.data, a->proof.data, a->csr.data, a->csr.len, a->host};

	if (a->token.len != TOKEN_ID || a->exporter.len != TOKEN_HASH || a->proof.len != TOKEN_HASH)
		return -EINVAL;
	return office_enrol(o, &use, &p->certificate, p->why);
}

static int revoke_agent(struct office *o, const Rooms__Sign *q, struct reply *p)
{
	return office_revoke(o, q->revoke->uuid, p->why);
}

static int list_revoked(struct office *o, const Rooms__Sign *q, struct reply *p)
{
	FREE char *text = NULL;
	int r = office_revoked(o, &text, p->why);

	if (r < 0)
		return r;
	p->out->revoked = room(p, strlen(text));
	memcpy(p->out->revoked.data, text, p->out->revoked.len);
	return p->out->revoked.len == strlen(text) ? 0 : -ENOMEM;
}

static int change_authority(struct office *o, const Rooms__Sign *q, struct reply *p)
{
	const Rooms__AuthorityChange change = q->change_authority->change;
	const int r = change == ROOMS__AUTHORITY_CHANGE__SHOW ? 0 : office_roll(o, change == ROOMS__AUTHORITY_CHANGE__FINISH, p->why);
	Rooms__Authority *to = arena_take(p->arena, sizeof(*to));

	if (!to)
		return -ENOMEM;
	rooms__authority__init(to);
	to->root = der_of(p, o->authority.root);
	to->vouched = der_of(p, o->authority.vouched);
	to->former = der_of(p, o->authority.former);
	to->over = o->authority.over;
	p->out->authority = to;
	return r;
}

/* ---- tokens ---- */

static Rooms__Token *spell(struct tokens *all, const struct token_entry *e, struct arena *arena)
{
	Rooms__Token *to = arena_take(arena, sizeof(*to));
	char *fingerprint = arena_take(arena, TOKEN_FINGERPRINT);

	if (!to || !fingerprint)
		return NULL;
	rooms__token__init(to);
	to->id = (ProtobufCBinaryData){TOKEN_ID, (uint8_t *)e->id};
	to->uuid = (char *)e->uuid;
	to->host = (char *)e->host;
	to->state = (Rooms__TokenState)e->state;
	to->made = (uint64_t)e->made;
	to->left_ns = (uint64_t)tokens_left(all, e);
	to->approve = e->approve;
	to->failures = e->failures;
	token_fingerprint(e->subject, fingerprint);
	if (e->issues || e->state == TOKEN_WAITING || e->state == TOKEN_APPROVED)
		to->fingerprint = fingerprint;
	return to;
}

static int show_tokens(struct tokens *all, const struct token_entry *first, size_t n, struct reply *p)
{
	Rooms__Token **list = arena_take(p->arena, (n + 1) * sizeof(*list));

	for (size_t i = 0; list && i < n; i++)
		if (!(list[i] = spell(all, &first[i], p->arena)))
			return -ENOMEM;
	p->out->tokens = list;
	p->out->n_tokens = list ? n : 0;
	return list ? 0 : -ENOMEM;
}

static int new_token(struct office *o, const Rooms__Sign *q, struct reply *p)
{
	const Rooms__NewToken *n = q->new_token;
	const struct token_entry *e = NULL;
	int r;

	p->out->secret = room(p, TOKEN_SECRET);
	p->out->pin = room(p, TOKEN_HASH);
	if (!p->out->secret.len || !p->out->pin.len)
		return -ENOMEM;
	r = tokens_new(o->tokens, n->uuid, n->host, n->hours, n->approve, &e, p->out->secret.data, p->why);
	if (r == 0)
		r = token_pin(o->authority.root, p->out->pin.data);
	return r < 0 ? r : show_tokens(o->tokens, e, 1, p);
}

static int list_tokens(struct office *o, const Rooms__Sign *q, struct reply *p)
{
	size_t n;
	const struct token_entry *all = tokens_all(o->tokens, &n);

	return show_tokens(o->tokens, all, n, p);
}

/* fingerprint NULL: it is over; else the key that waits is approved. */
static int change_token(struct office *o, const ProtobufCBinaryData *id, const char *fingerprint, struct reply *p)
{
	int r = -EINVAL;

	if (id->len == TOKEN_ID)
		r = fingerprint ? tokens_approve(o->tokens, id->data, fingerprint, p->why) : tokens_end(o->tokens, id->data, p->why);
	return r < 0 ? r : show_tokens(o->tokens, tokens_find(o->tokens, id->data), 1, p);
}

static int end_token(struct office *o, const Rooms__Sign *q, struct reply *p)
{
	return change_token(o, &q->end_token->token, NULL, p);
}

static int approve_token(struct office *o, const Rooms__Sign *q, struct reply *p)
{
	return change_token(o, &q->approve_token->token, q->approve_token->fingerprint, p);
}

/* ---- the journal ---- */

/* The answer has the last one, also when it refuses. */
static int checkpoint(struct office *o, const Rooms__Sign *q, struct reply *p)
{
	const Rooms__Checkpoint *c = q->checkpoint;
	ProtobufCBinaryData line = room(p, CHECKPOINT_LINE);
	int r = line.len ? 0 : -ENOMEM;

	for (size_t i = 0; i < c->n_entries && r == 0; i++)
		r = seal_show(o->seal, c->entries[i].data, c->entries[i].len);
	if (r == 0 && c->n_entries)
		r = seal_sign(o->seal, clock_wall());
	if (r < 0)
		snprintf(p->why, 256, "checkpoint: %s", r == -ESTALE ? "this is not how the journal went on" : strerror(-r));
	if (line.len) {
		seal_last(o->seal, (char *)line.data);
		line.len = strlen((char *)line.data);
		p->out->checkpoint = line;
	}
	return r;
}

static int change_key(struct office *o, const Rooms__Sign *q, struct reply *p)
{
	struct seal_change *its = arena_take(p->arena, sizeof(*its));
	Rooms__KeyChange *to = arena_take(p->arena, sizeof(*to));
	int r = its && to ? seal_change(o->seal, its) : -ENOMEM;

	if (r < 0) {
		snprintf(p->why, 256, "the journal's key: %s", r == -ENOENT ? "it has signed nothing yet" : strerror(-r));
		return r;
	}
	rooms__key_change__init(to);
	to->key = (ProtobufCBinaryData){sizeof(its->key), its->key};
	to->old = (ProtobufCBinaryData){sizeof(its->old), its->old};
	to->new_ = (ProtobufCBinaryData){sizeof(its->new_key), its->new_key};
	p->out->key_change = to;
	return 0;
}

static int (*const answers[])(struct office *, const Rooms__Sign *, struct reply *) = {
	[ROOMS__SIGN__REQUEST_ISSUE_AGENT] = issue_agent, [ROOMS__SIGN__REQUEST_RENEW_AGENT] = renew_agent,
	[ROOMS__SIGN__REQUEST_RENEW_SERVER] = renew_server, [ROOMS__SIGN__REQUEST_ENROL_AGENT] = enrol_agent,
	[ROOMS__SIGN__REQUEST_REVOKE] = revoke_agent, [ROOMS__SIGN__REQUEST_LIST_REVOKED] = list_revoked,
	[ROOMS__SIGN__REQUEST_CHANGE_AUTHORITY] = change_authority,
	[ROOMS__SIGN__REQUEST_NEW_TOKEN] = new_token, [ROOMS__SIGN__REQUEST_LIST_TOKENS] = list_tokens,
	[ROOMS__SIGN__REQUEST_END_TOKEN] = end_token, [ROOMS__SIGN__REQUEST_APPROVE_TOKEN] = approve_token,
	[ROOMS__SIGN__REQUEST_CHECKPOINT] = checkpoint, [ROOMS__SIGN__REQUEST_CHANGE_KEY] = change_key,
};

int requests_answer(struct office *o, const Rooms__Sign *q, struct arena *arena, Rooms__Signed *out)
{
	char *why = arena_take(arena, 256);
	struct reply reply = {out, arena, why, NULL};
	size_t what = (size_t)q->request_case;
	int r = -EINVAL;

	out->id = q->id;
	if (!why)
		return -ENOMEM;
	snprintf(why, 256, "a request that the signer does not know");
	if (what < sizeof(answers) / sizeof(answers[0]) && answers[what])
		r = answers[what](o, q, &reply);
	if (r == -ENOMEM)
		snprintf(why, 256, "no memory");
	if (r < 0)
		out->error = why;
	out->certificate = der_of(&reply, reply.certificate);
	X509_free(reply.certificate);
	return r;
}
