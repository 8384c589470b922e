/* rekey.c - another key signs the journal's checkpoints from now on. Both sign that, and the number of the entry that says so is in what they sign
 * (doc/journal-format.md): so that nothing else takes the number, all that is to be kept waits until it is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "clock.h"
#include "cleanup.h"
#include "log.h"

#define SETTING "checkpoint_keys"	/* those that followed the first, in hex */
#define PATIENCE (10 * NS_PER_S)

#define DIGITS (2 * CHECKPOINT_KEY)

/* ---- those of this journal ---- */

static bool add(struct checkpoints *c, const char *digits)
{
	struct checkpoint_key *k = digits && strlen(digits) == DIGITS ? vec_push(&c->keys) : NULL;

	return k && checkpoint_unhex(digits, CHECKPOINT_KEY, k->bytes);
}

static int read_setting(struct checkpoints *c)
{
	FREE char *text = NULL;
	json_t *list = NULL, *key;
	size_t i;
	int r = reader_setting(c->reader, SETTING, &text);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	list = json_loads(text, 0, NULL);
	if (!json_is_array(list))
		r = -EBADMSG;
	json_array_foreach(list, i, key)
		if (!add(c, json_string_value(key)))
			r = -EBADMSG;
	json_decref(list);
	return r;
}

int rekey_open(struct engine *e, char why[256])
{
	struct checkpoints *c = &e->checkpoints;
	struct checkpoint_key *first = vec_push(&c->keys);
	char path[512];
	int r;

	snprintf(path, sizeof(path), "%s/checkpoint.pem", e->its.identity_folder);
	r = first ? checkpoint_key(path, first->bytes) : -ENOMEM;
	if (r < 0)
		snprintf(why, 256, "%.180s: %s", path, strerror(-r));
	else if ((r = read_setting(c)) < 0)
		snprintf(why, 256, "the keys of the journal cannot be read: %s", strerror(-r));
	return r;
}

void rekey_close(struct engine *e)
{
	vec_free(&e->checkpoints.keys);
}

bool rekey_knows(const struct engine *e, const struct checkpoint *its)
{
	const struct checkpoints *c = &e->checkpoints;

	for (size_t i = c->keys.n; i > 0; i--)
		if (checkpoint_is_signed(its, c->keys.at[i - 1].bytes))
			return true;
	return false;
}

/* ---- another ---- */

static json_t *list_keys(const struct checkpoints *c)
{
	json_t *list = json_array();
	char digits[DIGITS + 1];

	for (size_t i = 1; i < c->keys.n; i++) {
		checkpoint_hex(c->keys.at[i].bytes, CHECKPOINT_KEY, digits);
		json_array_append_new(list, json_string(digits));
	}
	return list;
}

/* Before all that waits. */
static bool put(struct engine *e, const struct asked *asked, const char *digits, const char *signatures)
{
	struct store_change *behind = TAKE(e->change), *change = engine_change(e);
	char action[DIGITS + 32], payload[CHECKPOINT_TEXT + 128];
	json_t *keys = list_keys(&e->checkpoints);
	FREE char *text = json_dumps(keys, JSON_COMPACT);

	json_decref(keys);
	if (change && text) {
		snprintf(action, sizeof(action), "journal.key %s", digits);
		snprintf(payload, sizeof(payload), "%s,\"from\":\"%s\"}", signatures, asked->from);
		change_entry(change, clock_wall(), asked->by, action, payload);
		change_setting(change, SETTING, text);
	}
	if (change)
		change_join(change, behind);
	else
		e->change = behind;
	return change && text;
}

/* What verifiers will ask is asked before it is written down for good. */
static bool is_good(struct checkpoints *c, const Rooms__KeyChange *its, char signatures[CHECKPOINT_TEXT])
{
	uint8_t chain[ENTRY_HASH];

	if (!its || its->key.len != CHECKPOINT_KEY || its->old.len != CHECKPOINT_SIGNATURE || its->new_.len != CHECKPOINT_SIGNATURE)
		return false;
	checkpoint_change_payload(its->old.data, its->new_.data, signatures);
	return reader_chain(c->reader, chain) == 0 &&
	       checkpoint_change_is_signed(chain, c->kept + 1, c->keys.at[c->keys.n - 1].bytes, its->key.data, signatures, strlen(signatures));
}

static void take(struct engine *e, struct asked *asked, const Rooms__KeyChange *its)
{
	struct checkpoints *c = &e->checkpoints;
	char digits[DIGITS + 1], signatures[CHECKPOINT_TEXT];
	const size_t before = c->keys.n;

	if (!is_good(c, its, signatures)) {
		api_refuse_later(asked, 503, "unavailable", "the signer's answer is not what both keys would have signed");
		return;
	}
	checkpoint_hex(its->key.data, CHECKPOINT_KEY, digits);
	if (!add(c, digits) || !put(e, asked, digits, signatures)) {
		c->keys.n = before;
		log_error("out of memory: the journal's key was not changed");
		api_refuse_later(asked, 503, "unavailable", "out of memory");
		return;
	}
	c->since = clock_boot() - e->its.checkpoint_age;	/* the new one signs at once */
	*e->backup.id = 0;		/* which has the former key, and would have the entry */
	log_notice("\"%s\" changed the key that signs the journal: %s", asked->by, digits);
	api_answer_later(asked, 200, json_pack("{s:s, s:I}", "key", digits, "entry", (json_int_t)c->kept + 1));
}

static void came(struct asked *asked, const Rooms__Signed *answer)
{
	struct engine *e = asked->engine;

	e->checkpoints.rekey = NULL;
	if (!api_signer_refused(asked, answer))
		take(e, asked, answer->key_change);
	free(asked);
}

static void give_up(struct engine *e, const char *why)
{
	struct asked *asked = TAKE(e->checkpoints.rekey);

	api_refuse_later(asked, 503, "unavailable", why);
	free(asked);
}

void rekey_look(struct engine *e)
{
	struct checkpoints *c = &e->checkpoints;
	Rooms__Sign sign = ROOMS__SIGN__INIT;
	Rooms__ChangeKey change = ROOMS__CHANGE_KEY__INIT;

	if (!c->rekey)
		return;
	if (clock_boot() > c->rekey_by) {
		give_up(e, "the store or the signer does not answer: try again in a moment");
		return;
	}
	if (c->rekey->number || e->in_flight || e->failed || c->asked || !c->agreed || c->kept != c->last.number)
		return;
	sign.request_case = ROOMS__SIGN__REQUEST_CHANGE_KEY;
	sign.change_key = &change;
	if (!signing_ask_on(c->rekey, &sign, came))
		give_up(e, "the signer does not run");
}

void api_audit_key(const struct asker *a, const json_t *arguments)
{
	struct checkpoints *c = &a->engine->checkpoints;
	struct asked *asked;

	if (!api_is_console(a, "the journal's key is changed"))
		return;
	if (c->rekey) {
		api_refuse(a, 409, "conflict", "it is being changed");
		return;
	}
	asked = c->agreed ? calloc(1, sizeof(*asked)) : NULL;
	if (!asked) {
		api_refuse(a, 503, "unavailable", "the signer does not sign the journal now: beadle doctor tells why");
		return;
	}
	api_later(asked, a);
	c->rekey = asked;
	c->rekey_by = clock_boot() + PATIENCE;
	checkpoints_look(a->engine);
}
