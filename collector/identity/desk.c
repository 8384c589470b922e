#include "desk.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>

void desk_clear(struct desk *d)
{
	free(d->tokens);
	free(d->list);
	free(d->fingerprints);
	OPENSSL_cleanse(d, sizeof(*d));
}

static void spell(struct tokens *all, const struct token_entry *e, Rooms__Token *to, char fingerprint[TOKEN_FINGERPRINT])
{
	*to = (Rooms__Token)ROOMS__TOKEN__INIT;
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
}

/* only: that one alone, or NULL. */
static int list_tokens(struct office *o, const struct token_entry *only, struct desk *d, Rooms__Signed *out)
{
	struct tokens *all = office_tokens(o);
	size_t n = only ? 1 : tokens_count(all);

	d->tokens = calloc(n + 1, sizeof(*d->tokens));
	d->list = calloc(n + 1, sizeof(*d->list));
	d->fingerprints = calloc(n + 1, sizeof(*d->fingerprints));
	if (!d->tokens || !d->list || !d->fingerprints)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		spell(all, only ? only : tokens_at(all, i), &d->tokens[i], d->fingerprints[i]);
		d->list[i] = &d->tokens[i];
	}
	out->n_tokens = n;
	out->tokens = d->list;
	return 0;
}

static int new_token(struct office *o, const Rooms__NewToken *n, struct desk *d, Rooms__Signed *out, char why[256])
{
	const struct token_entry *e = NULL;
	int r = tokens_new(office_tokens(o), n->uuid, n->host, n->hours, n->approve, &e, d->secret, why);

	if (r == 0)
		r = office_pin(o, d->pin);
	if (r < 0)
		return r;
	out->secret = (ProtobufCBinaryData){TOKEN_SECRET, d->secret};
	out->pin = (ProtobufCBinaryData){TOKEN_HASH, d->pin};
	return list_tokens(o, e, d, out);
}

static int enrol_agent(struct office *o, const Rooms__EnrolAgent *n, uint8_t **ret_der, size_t *ret_n, char why[256])
{
	const struct token_use use = {n->token.data, n->exporter.data, n->proof.data, n->csr.data, n->csr.len, n->host};

	if (n->token.len != TOKEN_ID || n->exporter.len != TOKEN_HASH || n->proof.len != TOKEN_HASH)
		return -EINVAL;
	return office_enrol(o, &use, ret_der, ret_n, why);
}

/* fingerprint NULL: it is over; else the key that waits is approved. */
static int change_token(struct office *o, const ProtobufCBinaryData *id, const char *fingerprint, struct desk *d, Rooms__Signed *out,
			char why[256])
{
	struct tokens *all = office_tokens(o);
	int r;

	if (id->len != TOKEN_ID)
		return -EINVAL;
	r = fingerprint ? tokens_approve(all, id->data, fingerprint, why) : tokens_end(all, id->data, why);
	return r < 0 ? r : list_tokens(o, tokens_find(all, id->data), d, out);
}

bool desk_knows(Rooms__Sign__RequestCase what)
{
	return what == ROOMS__SIGN__REQUEST_NEW_TOKEN || what == ROOMS__SIGN__REQUEST_ENROL_AGENT || what == ROOMS__SIGN__REQUEST_LIST_TOKENS ||
	       what == ROOMS__SIGN__REQUEST_END_TOKEN || what == ROOMS__SIGN__REQUEST_APPROVE_TOKEN;
}

int desk_answer(struct office *o, const Rooms__Sign *s, struct desk *d, Rooms__Signed *out, uint8_t **ret_der, size_t *ret_n, char why[256])
{
	switch (s->request_case) {
	case ROOMS__SIGN__REQUEST_NEW_TOKEN:
		return new_token(o, s->new_token, d, out, why);
	case ROOMS__SIGN__REQUEST_ENROL_AGENT:
		return enrol_agent(o, s->enrol_agent, ret_der, ret_n, why);
	case ROOMS__SIGN__REQUEST_END_TOKEN:
		return change_token(o, &s->end_token->token, NULL, d, out, why);
	case ROOMS__SIGN__REQUEST_APPROVE_TOKEN:
		return change_token(o, &s->approve_token->token, s->approve_token->fingerprint, d, out, why);
	default:
		tokens_expire(office_tokens(o));
		return list_tokens(o, NULL, d, out);
	}
}
