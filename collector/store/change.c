#include "collector/store/change.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "collector/store/inside.h"
#include "collector/store/change_queue.h"
#include "text.h"
#include "vec.h"

/* One row to write: a statement and what is bound to it, in order. */
enum type { NUMBER, REAL, TEXT, BLOB };
struct bound { enum type type; int64_t number; double real; char *text; };	/* number: of a blob, its bytes */
struct act { int statement; int n; struct bound bound[8]; };

struct store_change {
	struct change_node head;
	VEC(struct act) acts;
	bool short_of_memory;
	uint64_t stamp;
};

#define APPLIED "applied"		/* setting: the stamp of the last change */

static const char *const texts[] = {
	[PUT_STATE - NAME_STATEMENTS] = "INSERT OR REPLACE INTO state VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[DROP_STATE - NAME_STATEMENTS] = "DELETE FROM state WHERE host = ?1 AND task = ?2 AND series = ?3 AND rule = ?4",
	[PUT_INCIDENT - NAME_STATEMENTS] = "INSERT OR REPLACE INTO incident VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[ADD_STEP - NAME_STATEMENTS] = "INSERT INTO step VALUES (?1, ?2)",
	[ADD_ENTRY - NAME_STATEMENTS] = "INSERT INTO journal VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[ADD_CHECKPOINT - NAME_STATEMENTS] = "INSERT OR IGNORE INTO checkpoint VALUES (?1, ?2, ?3, ?4)",
	[PUT_NOTICE - NAME_STATEMENTS] = "INSERT OR REPLACE INTO notice VALUES (?1, ?2, ?3, ?4, ?5)",
	[PUT_ACCOUNT - NAME_STATEMENTS] = "INSERT OR REPLACE INTO account VALUES (?1, ?2)",
	[DROP_ACCOUNT - NAME_STATEMENTS] = "DELETE FROM account WHERE name = ?1",
	[PUT_SESSION - NAME_STATEMENTS] = "INSERT OR REPLACE INTO session VALUES (?1, ?2, ?3, ?4)",
	[DROP_SESSION - NAME_STATEMENTS] = "DELETE FROM session WHERE hash = ?1",
	[PUT_SETTING - NAME_STATEMENTS] = "INSERT OR REPLACE INTO setting VALUES (?1, ?2)",
	[DROP_SETTING - NAME_STATEMENTS] = "DELETE FROM setting WHERE key = ?1",
	[PUT_GIVEN - NAME_STATEMENTS] = "INSERT OR REPLACE INTO given_name VALUES (?1, ?2, ?3)",
	[PUT_GAP - NAME_STATEMENTS] = "INSERT OR REPLACE INTO gap VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[PUT_PROGRESS - NAME_STATEMENTS] = "INSERT OR REPLACE INTO progress VALUES (?1, ?2)",
};

/* A commit whose sync failed may stand in the log all the same: whoever applies the change again finds it done. */
static int read_applied(struct store *s)
{
	STATEMENT *get = NULL;
	int r = sql_prepare(s->main, "SELECT json FROM setting WHERE key = '" APPLIED "'", &get);

	s->last_applied = 0;
	if (!r && (r = sql_row(get)) > 0) {
		s->last_applied = strtoull((const char *)sqlite3_column_text(get, 0), NULL, 10);
		r = 0;
	}
	return r;
}

int change_open(struct store *s)
{
	int r = 0;

	for (int i = NAME_STATEMENTS; i < MAIN_STATEMENTS && !r; i++)
		r = sql_prepare(s->main, texts[i - NAME_STATEMENTS], &s->on_main[i]);
	return r ? r : read_applied(s);
}

struct store_change *change_new(change_done *done, void *arg)
{
	struct store_change *c = calloc(1, sizeof(*c));

	if (c && getrandom(&c->stamp, sizeof(c->stamp), 0) != sizeof(c->stamp)) {
		free(c);
		return NULL;
	}
	if (c) {
		c->head.done = done;
		c->head.arg = arg;
	}
	return c;
}

void change_free(struct store_change *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->acts.n; i++)
		for (int k = 0; k < c->acts.at[i].n; k++)
			free(c->acts.at[i].bound[k].text);
	vec_free(&c->acts);
	free(c);
}

void change_join(struct store_change *c, struct store_change *behind)
{
	for (size_t i = 0; behind && i < behind->acts.n; i++) {
		struct act *a = vec_push(&c->acts);

		if (a)
			*a = behind->acts.at[i];
		behind->acts.at[i].n = a ? 0 : behind->acts.at[i].n;	/* its texts are ours now */
		c->short_of_memory |= !a;
	}
	if (behind)
		c->short_of_memory |= behind->short_of_memory;
	change_free(behind);
}

bool change_empty(const struct store_change *c)
{
	return c->acts.n == 0;
}

static void bind_blob(struct bound *b, const void *data, size_t n, bool *short_of_memory)
{
	b->type = BLOB;
	b->number = (int64_t)n;
	b->text = malloc(n);
	if (b->text)
		memcpy(b->text, data, n);
	else
		*short_of_memory = true;
}

/* types: i number, r real, t text, h hash, s signature; in the order of the statement. */
static void act(struct store_change *c, int statement, const char *types, ...)
{
	struct act *a = vec_push(&c->acts);
	va_list list;

	if (!a) {
		c->short_of_memory = true;
		return;
	}
	a->statement = statement;
	va_start(list, types);
	for (; *types; types++) {
		struct bound *b = &a->bound[a->n++];

		switch (*types) {
		case 'i':
			b->type = NUMBER;
			b->number = va_arg(list, int64_t);
			break;
		case 'r':
			b->type = REAL;
			b->real = va_arg(list, double);
			break;
		case 'h':
			bind_blob(b, va_arg(list, const uint8_t *), ENTRY_HASH, &c->short_of_memory);
			break;
		case 's':
			bind_blob(b, va_arg(list, const uint8_t *), CHECKPOINT_SIGNATURE, &c->short_of_memory);
			break;
		default:
			b->type = TEXT;
			b->text = strdup(va_arg(list, const char *));
			c->short_of_memory |= !b->text;
		}
	}
	va_end(list);
}

#define N(v) ((int64_t)(v))

void change_state(struct store_change *c, uint32_t host, uint32_t check, uint32_t series, const char *rule_id, int state,
		  double value, int64_t at)
{
	if (state)
		act(c, PUT_STATE, "iiitiri", N(host), N(check), N(series), rule_id, N(state), value, at);
	else
		act(c, DROP_STATE, "iiit", N(host), N(check), N(series), rule_id);
}

/* ---- the journal ---- */

static void entry(struct store_change *c, int64_t at, const char *actor, const char *action, const char *payload, uint64_t incident)
{
	char who[ENTRY_ACTOR_MAX + 1], what[ENTRY_ACTION_MAX + 1];

	text_escape(actor, strlen(actor), who, sizeof(who));
	text_escape(action, strlen(action), what, sizeof(what));
	act(c, ADD_ENTRY, "ittti", at, *who ? who : "?", *what ? what : "?", payload, N(incident));
}

void change_entry(struct store_change *c, int64_t at, const char *actor, const char *action, const char *payload)
{
	entry(c, at, actor, action, payload, 0);
}

void change_step(struct store_change *c, uint64_t incident, int64_t at, const char *actor, const char *action, const char *json)
{
	char what[ENTRY_ACTION_MAX + 1];

	snprintf(what, sizeof(what), CHAIN_STEP "%s %" PRIu64, action, incident);
	entry(c, at, actor, what, json, incident);
}

void change_checkpoint(struct store_change *c, uint64_t number, const uint8_t hash[32], int64_t at, const uint8_t signature[64])
{
	act(c, ADD_CHECKPOINT, "ihis", N(number), hash, at, signature);
}

void change_resume(struct store_change *c, uint64_t number, const uint8_t hash[32])
{
	if (hash)
		act(c, RESUME, "ih", N(number), hash);
	else
		act(c, RESUME, "i", N(number));
}

void change_erase(struct store_change *c, int64_t before, int64_t at)
{
	act(c, ERASE, "ii", before, at);
}

/* ---- rows that the journal vouches for ---- */

struct change_row change_incident(struct store_change *c, uint64_t id, uint32_t host, const char *kind, bool open, int64_t at,
				  const char *json)
{
	struct change_row row;

	act(c, PUT_INCIDENT, "iitiit", N(id), N(host), kind, N(open), at, json);
	chain_digest_incident(host, kind, open, at, json, row.digest);
	return row;
}

void change_notice(struct store_change *c, const char *id, uint64_t incident, bool open, int64_t at, const char *json)
{
	act(c, PUT_NOTICE, "tiiit", id, N(incident), N(open), at, json);
}

struct change_row change_account(struct store_change *c, const char *name, const char *json)
{
	struct change_row row = {""};

	if (json) {
		act(c, PUT_ACCOUNT, "tt", name, json);
		chain_digest(json, row.digest);
	} else
		act(c, DROP_ACCOUNT, "t", name);
	return row;
}

void change_session(struct store_change *c, const char *hash, const char *account, int64_t expires, const char *json)
{
	if (json)
		act(c, PUT_SESSION, "ttit", hash, account, expires, json);
	else
		act(c, DROP_SESSION, "t", hash);
}

struct change_row change_given_name(struct store_change *c, const char *uuid, const char *name, const char *json)
{
	struct change_row row;

	act(c, PUT_GIVEN, "ttt", uuid, name, json);
	chain_digest_identity(name, json, row.digest);
	return row;
}

void change_setting(struct store_change *c, const char *key, const char *json)
{
	if (json)
		act(c, PUT_SETTING, "tt", key, json);
	else
		act(c, DROP_SETTING, "t", key);
}

void change_gap(struct store_change *c, uint32_t host, uint64_t epoch, uint64_t first, uint64_t last, int64_t before, int64_t found)
{
	act(c, PUT_GAP, "iiiiii", N(host), N(epoch), N(first), N(last), before, found);
}

void change_progress(struct store_change *c, uint32_t day, int64_t row)
{
	act(c, PUT_PROGRESS, "ii", N(day), row);
}

static int apply(struct store *s, const struct act *a)
{
	uint8_t hash[ENTRY_HASH];
	sqlite3_stmt *on;

	if (a->statement == ADD_ENTRY)
		return chain_add(s, a->bound[0].number, a->bound[1].text, a->bound[2].text, a->bound[3].text, (uint64_t)a->bound[4].number);
	if (a->statement == RESUME) {
		memcpy(hash, a->n > 1 ? (const uint8_t *)a->bound[1].text : s->journal.last, ENTRY_HASH);
		journal_resume(&s->journal, (uint64_t)a->bound[0].number, hash);
		return 0;
	}
	if (a->statement == ERASE)
		return chain_erase(s, a->bound[0].number, a->bound[1].number);
	on = s->on_main[a->statement];
	for (int i = 0; i < a->n; i++) {
		const struct bound *b = &a->bound[i];

		if (b->type == NUMBER)
			sqlite3_bind_int64(on, i + 1, b->number);
		else if (b->type == REAL)
			sqlite3_bind_double(on, i + 1, b->real);
		else if (b->type == BLOB)
			sqlite3_bind_blob(on, i + 1, b->text, (int)b->number, SQLITE_STATIC);
		else
			sqlite3_bind_text(on, i + 1, b->text, -1, SQLITE_STATIC);
	}
	return sql_do(on);
}

static int apply_all(struct store *s, const struct store_change *c)
{
	int r = c->short_of_memory ? -ENOMEM : 0;

	for (size_t i = 0; i < c->acts.n && !r; i++)
		r = apply(s, &c->acts.at[i]);
	return r;
}

static int put_stamp(struct store *s, uint64_t stamp)
{
	sqlite3_stmt *put = s->on_main[PUT_SETTING];
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, stamp);
	sqlite3_bind_text(put, 1, APPLIED, -1, SQLITE_STATIC);
	sqlite3_bind_text(put, 2, text, -1, SQLITE_STATIC);
	return sql_do(put);
}

int store_apply(struct store *s, struct store_change *c)
{
	const struct journal before = s->journal;
	int r;

	c->head.entry = before.number;
	if (c->stamp == s->last_applied)
		return 0;
	r = sql_run(s->main, "BEGIN IMMEDIATE");
	if (!r)
		r = apply_all(s, c);
	if (!r)
		r = put_stamp(s, c->stamp);
	if (!r)
		r = sql_run(s->main, "COMMIT");
	if (r) {
		sql_run(s->main, "ROLLBACK");
		s->journal = before;
	}
	c->head.entry = s->journal.number;
	store_after_write(s, r, s->main, &s->main_log, MAIN_LOG_PAGES);
	return r;
}
