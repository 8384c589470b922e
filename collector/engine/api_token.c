/* api_token.c - tokens with which servers enrol themselves: made, listed, revoked, approved by people. The signer has the book. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "clock.h"
#include "log.h"
#include "token.h"

#define AT_MAX 400

struct token_asked {
	struct asked asked;
	char at[TOKEN_ADDRESSES];
	unsigned hours;
	const char *done;		/* for the record */
};

static json_t *document(const Rooms__Token *t)
{
	static const char *const states[] = {"open", "waiting", "approved", "used", "over"};
	char id[2 * TOKEN_ID + 1] = "";

	if (t->id.len == TOKEN_ID)
		token_spell_id(t->id.data, id);
	return json_pack("{s:s, s:o, s:s, s:s, s:I, s:I, s:b, s:s, s:i}", "id", id, "host", document_bytes(t->host), "uuid", t->uuid,
			 "state", t->state <= ROOMS__TOKEN_STATE__OVER ? states[t->state] : "over", "made_at", (json_int_t)t->made,
			 "left_ns", (json_int_t)t->left_ns, "approve", t->approve, "fingerprint", t->fingerprint, "failures", (int)t->failures);
}

/* For the journal: neither the secret nor the token itself. */
static void tell(const struct token_asked *asked, const char *action, const Rooms__Token *t)
{
	struct store_change *change = engine_change(asked->asked.engine);

	if (change)
		record_fact(change, &(struct deed){asked->asked.by, asked->asked.from, action}, t->host, document(t));
}

/* ---- new ---- */

/* https://beadle.school.example:8443/ names the machine as others know it; else the machine's own name does. */
static void likely_host(const struct engine *e, char ret[256])
{
	const char *address = e->its.site->address ? e->its.site->address + strlen("https://") : "";
	size_t n = *address == '[' ? strcspn(address, "]") + 1 : strcspn(address, ":/");

	snprintf(ret, 256, "%.*s", n ? (int)n : 255, n ? address : e->machine);
}

/* at: "HOST" or "HOST:PORT", several with a comma between; "": what we are likely called. */
static bool spell_addresses(const struct asker *a, const char *at, char ret[TOKEN_ADDRESSES])
{
	char likely[256], each[AT_MAX + 1];
	size_t n = 0;

	likely_host(a->engine, likely);
	snprintf(each, sizeof(each), "%s", *at ? at : likely);
	for (char *save = NULL, *one = strtok_r(each, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
		const char *behind = *one == '[' ? strchr(one, ']') : one;
		const char *port = behind ? strchr(behind, ':') : NULL;

		if (!behind || one[strcspn(one, " \t")] || (port && strchr(port + 1, ':')))	/* an IPv6 address stands in brackets */
			return false;
		n += (size_t)snprintf(ret + n, TOKEN_ADDRESSES - n, port ? "%s%s" : "%s%s:%u", n ? " " : "", one, a->engine->its.door_port);
		if (n >= TOKEN_ADDRESSES)
			return false;
	}
	return n > 0;
}

static char *write_token(const struct token_asked *asked, const Rooms__Signed *answer)
{
	struct token t = {.hours = asked->hours};
	char *text = NULL;

	if (answer->n_tokens == 1 && answer->tokens[0]->id.len == TOKEN_ID && answer->secret.len == TOKEN_SECRET && answer->pin.len == TOKEN_HASH) {
		t.made = (int64_t)answer->tokens[0]->made / NS_PER_S;
		memcpy(t.id, answer->tokens[0]->id.data, TOKEN_ID);
		memcpy(t.secret, answer->secret.data, TOKEN_SECRET);
		memcpy(t.pin, answer->pin.data, TOKEN_HASH);
		strcpy(t.addresses, asked->at);
		text = token_write(&t);
	}
	explicit_bzero(&t, sizeof(t));
	return text;
}

static void made(struct asked *asked, const Rooms__Signed *answer)
{
	struct token_asked *its = (struct token_asked *)asked;
	char *text;
	int r;

	if (!api_signer_refused(asked, answer)) {
		text = write_token(its, answer);
		r = text ? enrolments_put(asked->engine, answer->tokens[0]) : -ENOMEM;
		if (r < 0) {
			api_refuse_later(asked, 503, "unavailable", r == -EADDRINUSE ? "the door for enrolment cannot be opened: another "
					 "program listens at that port (listen: enrolment: in collector.yaml)" : strerror(-r));
		} else {
			json_t *body = document(answer->tokens[0]);

			json_object_set_new(body, "token", json_string(text));
			json_object_set_new(body, "at", json_string(its->at));
			tell(its, "token.made", answer->tokens[0]);
			log_notice("\"%s\" made a token for \"%s\", good for %u h", asked->by, answer->tokens[0]->host, its->hours);
			api_answer_later(asked, 200, body);
		}
		if (text)
			explicit_bzero(text, strlen(text));
		free(text);
	}
	free(its);
}

void api_token_new(const struct asker *a, const json_t *arguments)
{
	Rooms__Sign sign = ROOMS__SIGN__INIT;
	Rooms__NewToken new = ROOMS__NEW_TOKEN__INIT;
	struct token_asked *asked;
	struct identity_given given;
	char addresses[TOKEN_ADDRESSES];
	const char *host, *at;
	int64_t hours;

	if (!api_text(a, arguments, "host", NULL, TOKEN_HOST_MAX, &host) || !api_text(a, arguments, "at", "", AT_MAX, &at) ||
	    !api_number(a, arguments, "hours", TOKEN_HOURS, 1, TOKEN_HOURS_MAX, &hours))
		return;
	if (!*host)
		api_refuse(a, 400, "bad_request", "expected a host name");
	else if (!a->engine->its.enrol)
		api_refuse(a, 503, "unavailable", "this collector has no door for enrolment");
	else if (!spell_addresses(a, at, addresses))
		api_refuse(a, 400, "bad_request", "at: expected the collector's name or address as that server reaches it, HOST or HOST:PORT");
	else if (api_choose(a, host, json_is_true(json_object_get(arguments, "replace")), &given)) {
		new.uuid = given.uuid;
		new.host = given.host;
		new.hours = (uint32_t)hours;
		new.approve = json_is_true(json_object_get(arguments, "approve"));
		sign.request_case = ROOMS__SIGN__REQUEST_NEW_TOKEN;
		sign.new_token = &new;
		asked = calloc(1, sizeof(*asked));
		if (asked) {
			asked->hours = (unsigned)hours;
			strcpy(asked->at, addresses);
		}
		signing_ask_for(a, (struct asked *)asked, &sign, made);
	}
}

/* ---- list ---- */

static void listed(struct asked *asked, const Rooms__Signed *answer)
{
	json_t *list;

	if (!api_signer_refused(asked, answer)) {
		list = json_array();
		for (size_t i = 0; i < answer->n_tokens; i++)
			json_array_append_new(list, document(answer->tokens[i]));
		api_answer_later(asked, 200, json_pack("{s:o}", "tokens", list));
	}
	free(asked);
}

void api_token_list(const struct asker *a, const json_t *arguments)
{
	Rooms__Sign sign = ROOMS__SIGN__INIT;
	Rooms__ListTokens list = ROOMS__LIST_TOKENS__INIT;

	sign.request_case = ROOMS__SIGN__REQUEST_LIST_TOKENS;
	sign.list_tokens = &list;
	signing_ask_for(a, calloc(1, sizeof(struct asked)), &sign, listed);
}

/* ---- revoke, approve ---- */

static void changed(struct asked *asked, const Rooms__Signed *answer)
{
	struct token_asked *its = (struct token_asked *)asked;
	struct engine *e = asked->engine;

	if (!api_signer_refused(asked, answer)) {
		if (answer->n_tokens == 1) {
			tell(its, !strcmp(its->done, "revoked") ? "token.revoked" : "token.approved", answer->tokens[0]);
			log_notice("\"%s\" %s the token of \"%s\"", asked->by, its->done, answer->tokens[0]->host);
			api_answer_later(asked, 200, document(answer->tokens[0]));
		} else
			api_refuse_later(asked, 503, "unavailable", "the signer answered with no token");
		enrolments_look(e);
	}
	free(its);
}

static bool take_id(const struct asker *a, const json_t *arguments, uint8_t ret[TOKEN_ID])
{
	const char *text;

	if (!api_text(a, arguments, "id", NULL, 64, &text))
		return false;
	if (token_parse_id(text, ret) == 0)
		return true;
	api_refuse(a, 400, "bad_request", "id: expected 16 letters of 0-9 a-f, as beadle token list shows them");
	return false;
}

void api_token_revoke(const struct asker *a, const json_t *arguments)
{
	Rooms__Sign sign = ROOMS__SIGN__INIT;
	Rooms__EndToken end = ROOMS__END_TOKEN__INIT;
	struct token_asked *asked;
	uint8_t id[TOKEN_ID];

	if (!take_id(a, arguments, id))
		return;
	end.token = (ProtobufCBinaryData){TOKEN_ID, id};
	sign.request_case = ROOMS__SIGN__REQUEST_END_TOKEN;
	sign.end_token = &end;
	asked = calloc(1, sizeof(*asked));
	if (asked)
		asked->done = "revoked";
	signing_ask_for(a, (struct asked *)asked, &sign, changed);
}

void api_token_approve(const struct asker *a, const json_t *arguments)
{
	Rooms__Sign sign = ROOMS__SIGN__INIT;
	Rooms__ApproveToken approve = ROOMS__APPROVE_TOKEN__INIT;
	struct token_asked *asked;
	const char *fingerprint;
	uint8_t id[TOKEN_ID];

	if (!take_id(a, arguments, id) || !api_text(a, arguments, "fingerprint", NULL, 64, &fingerprint))
		return;
	approve.token = (ProtobufCBinaryData){TOKEN_ID, id};
	approve.fingerprint = (char *)fingerprint;
	sign.request_case = ROOMS__SIGN__REQUEST_APPROVE_TOKEN;
	sign.approve_token = &approve;
	asked = calloc(1, sizeof(*asked));
	if (asked)
		asked->done = "approved";
	signing_ask_for(a, (struct asked *)asked, &sign, changed);
}
