/* chain.c - the journal's rows in the main file: read when it is opened, begun, added to. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/store/inside.h"

/* ---- digests of rows ---- */

void chain_digest(const char *text, char ret[65])
{
	uint8_t hash[ENTRY_HASH];

	*ret = 0;
	if (entry_sha256(text, strlen(text), hash) == 0)
		checkpoint_hex(hash, ENTRY_HASH, ret);
}

void chain_digest_incident(uint64_t host, const char *kind, bool open, int64_t at, const char *json, char ret[65])
{
	FREE char *text = NULL;

	*ret = 0;
	if (asprintf(&text, "%" PRIu64 "\n%s\n%d\n%" PRId64 "\n%s", host, kind, open, at, json) >= 0)
		chain_digest(text, ret);
}

void chain_digest_identity(const char *name, const char *json, char ret[65])
{
	FREE char *text = NULL;

	*ret = 0;
	if (asprintf(&text, "%s\n%s", name, json) >= 0)
		chain_digest(text, ret);
}

/* ---- as it is kept ---- */

static const char *text_of(sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	return text ? text : "";
}

static int load(struct journal *j, sqlite3_stmt *first, sqlite3_stmt *last)
{
	if (sqlite3_column_bytes(first, 0) != ENTRY_HASH || sqlite3_column_bytes(last, 1) != ENTRY_HASH)
		return -EBADMSG;
	return journal_load(j, sqlite3_column_blob(first, 0), text_of(first, 1), (uint64_t)sqlite3_column_int64(last, 0),
			    sqlite3_column_blob(last, 1));
}

int chain_open(struct store *s)
{
	STATEMENT *first = NULL;
	STATEMENT *last = NULL;
	int r = sql_prepare(s->main, "SELECT hash, payload FROM journal WHERE number = 1", &first);

	s->journal = (struct journal){0};
	if (!r)
		r = sql_prepare(s->main, "SELECT number, hash FROM journal ORDER BY number DESC LIMIT 1", &last);
	if (r)
		return r;
	r = sql_row(last);
	if (r <= 0)
		return r;	/* not begun */
	r = sql_row(first);
	return r < 0 ? r : r == 0 ? -EBADMSG : load(&s->journal, first, last);
}

/* ---- what comes to it ---- */

static int put(struct store *s, const struct journal_row *row)
{
	sqlite3_stmt *add = s->on_main[ADD_ENTRY];

	sqlite3_bind_int64(add, 1, (int64_t)row->number);
	sqlite3_bind_int64(add, 2, row->at);
	sqlite3_bind_text(add, 3, row->actor, -1, SQLITE_STATIC);
	sqlite3_bind_text(add, 4, row->action, -1, SQLITE_STATIC);
	sqlite3_bind_blob(add, 5, row->digest, ENTRY_HASH, SQLITE_STATIC);
	sqlite3_bind_blob(add, 6, row->hash, ENTRY_HASH, SQLITE_STATIC);
	sqlite3_bind_blob(add, 7, row->salt, ENTRY_SALT, SQLITE_STATIC);
	sqlite3_bind_text(add, 8, row->payload, -1, SQLITE_STATIC);
	return sql_do(add);
}

int chain_add(struct store *s, int64_t at, const char *actor, const char *action, const char *payload, uint64_t incident)
{
	struct journal_row row;
	int r = journal_append(&s->journal, at, actor, action, payload, &row);

	if (!r)
		r = put(s, &row);
	if (r || !incident)
		return r;
	sqlite3_bind_int64(s->on_main[ADD_STEP], 1, (int64_t)incident);
	sqlite3_bind_int64(s->on_main[ADD_STEP], 2, (int64_t)row.number);
	return sql_do(s->on_main[ADD_STEP]);
}

/* ---- what goes from it ---- */

#define ERASED "erased"			/* setting: up to which entry that was looked at */

/* ret: its first column, where there is a row; NULL: it has none to ask for. */
static int run(sqlite3 *db, const char *text, int64_t a, int64_t b, int64_t *ret)
{
	STATEMENT *s = NULL;
	int r = sql_prepare(db, text, &s);

	if (r)
		return r;
	for (int i = 0; i < sqlite3_bind_parameter_count(s); i++)
		sqlite3_bind_int64(s, i + 1, i ? b : a);
	r = sql_row(s);
	if (r > 0 && ret)
		*ret = sqlite3_column_int64(s, 0);
	return r < 0 ? r : 0;
}

/* By what the clock said then, which need not rise: up to the first entry that is not as old. */
static int erase(struct store *s, int64_t before, int64_t *ret_through, int64_t *ret_count)
{
	int64_t from = 0, young = (int64_t)s->journal.number + 1;
	int r = run(s->main, "SELECT CAST(json AS INTEGER) FROM setting WHERE key = '" ERASED "'", 0, 0, &from);

	*ret_count = 0;
	if (!r)
		r = run(s->main, "SELECT number FROM journal WHERE number > ?1 AND at >= ?2 ORDER BY number LIMIT 1", from, before, &young);
	*ret_through = young - 1;
	if (r || *ret_through <= from)
		return r;
	r = run(s->main, "UPDATE journal SET salt = NULL, payload = NULL WHERE number > ?1 AND number <= ?2 AND action GLOB 'login.*'", from,
		*ret_through, NULL);
	*ret_count = sqlite3_changes64(s->main);
	return r ? r : run(s->main, "INSERT OR REPLACE INTO setting VALUES ('" ERASED "', ?1)", *ret_through, 0, NULL);
}

int chain_erase(struct store *s, int64_t before, int64_t at)
{
	int64_t through, count;
	char action[64], payload[64];
	int r = erase(s, before, &through, &count);

	if (r || !count)
		return r;
	snprintf(action, sizeof(action), "journal.erased %" PRId64, through);
	snprintf(payload, sizeof(payload), "{\"logins\":%" PRId64 "}", count);
	return chain_add(s, at, "system", action, payload, 0);
}

/* ---- what was there before there was a journal ---- */

static int carry_steps(struct store *s)
{
	STATEMENT *get = NULL;
	char action[ENTRY_ACTION_MAX + 1];
	int r = sql_prepare(s->main, "SELECT incident, at, actor, action, json FROM step_before ORDER BY id", &get);

	while (!r && (r = sql_row(get)) > 0) {
		snprintf(action, sizeof(action), CHAIN_STEP "%.100s %lld", text_of(get, 3), (long long)sqlite3_column_int64(get, 0));
		r = chain_add(s, sqlite3_column_int64(get, 1), text_of(get, 2), action, text_of(get, 4), (uint64_t)sqlite3_column_int64(get, 0));
	}
	return r;
}

/* What the journal vouches for of a row, from here on. */
static int carry(struct store *s, int64_t now, const char *word, const char *key, const char *digest, uint64_t incident)
{
	char action[ENTRY_ACTION_MAX + 1], payload[80];

	snprintf(action, sizeof(action), "%s.carried %s", word, key);
	snprintf(payload, sizeof(payload), "{\"row\":\"%s\"}", digest);
	return chain_add(s, now, "system", action, payload, incident);
}

static int carry_incidents(struct store *s, int64_t now)
{
	STATEMENT *get = NULL;
	char digest[65], key[24];
	int r = sql_prepare(s->main, "SELECT id, host, kind, open, at, json FROM incident ORDER BY id", &get);

	while (!r && (r = sql_row(get)) > 0) {
		if (sqlite3_column_int(get, 3))
			strcpy(digest, "*");		/* it goes on changing */
		else
			chain_digest_incident((uint64_t)sqlite3_column_int64(get, 1), text_of(get, 2), false, sqlite3_column_int64(get, 4),
					      text_of(get, 5), digest);
		snprintf(key, sizeof(key), "%lld", (long long)sqlite3_column_int64(get, 0));
		r = carry(s, now, "incident", key, digest, (uint64_t)sqlite3_column_int64(get, 0));
	}
	return r;
}

static int carry_people(struct store *s, int64_t now)
{
	STATEMENT *account = NULL;
	STATEMENT *identity = NULL;
	char digest[65];
	int r = sql_prepare(s->main, "SELECT name, json FROM account ORDER BY name", &account);

	while (!r && (r = sql_row(account)) > 0) {
		chain_digest(text_of(account, 1), digest);
		r = carry(s, now, "account", text_of(account, 0), digest, 0);
	}
	if (!r)
		r = sql_prepare(s->main, "SELECT uuid, name, json FROM given_name ORDER BY uuid", &identity);
	while (!r && (r = sql_row(identity)) > 0) {
		chain_digest_identity(text_of(identity, 1), text_of(identity, 2), digest);
		r = carry(s, now, "identity", text_of(identity, 0), digest, 0);
	}
	return r;
}

static int begin(struct store *s, const uint8_t key[32], int64_t now)
{
	char payload[JOURNAL_PAYLOAD];
	struct journal_row row;
	int r = journal_begin(&s->journal, key, now, payload, &row);

	if (!r)
		r = put(s, &row);
	if (!r)
		r = carry_people(s, now);
	if (!r)
		r = carry_steps(s);
	if (!r)
		r = carry_incidents(s, now);
	return r ? r : sql_run(s->main, "DELETE FROM step_before");
}

int store_begin(struct store *s, const uint8_t key[32], int64_t now)
{
	int r = s->journal.number ? 0 : sql_run(s->main, "BEGIN IMMEDIATE");

	if (s->journal.number || r)
		return r;
	r = begin(s, key, now);
	if (!r)
		r = sql_run(s->main, "COMMIT");
	if (r) {
		sql_run(s->main, "ROLLBACK");
		s->journal = (struct journal){0};
	}
	store_after_write(s, r, s->main, &s->main_log, MAIN_LOG_PAGES);
	return r;
}
