/* journal.c - the journal read back, with the rows that it vouches for, in one view of the file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/store/reading.h"

#define ENTRIES "SELECT number, 0, at, actor, action, digest, hash, salt, payload, NULL FROM journal WHERE number >= ?1" \
	" UNION ALL SELECT number, 1, at, '', '', NULL, hash, NULL, NULL, signature FROM checkpoint WHERE number >= ?1 ORDER BY 1, 2"

typedef int each_entry(const struct reader_entry *, void *);
typedef int each_row(const char *table, const char *key, const char *digest, void *);

static const char *text_of(sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	return text ? text : "";
}

static const void *bytes_of(sqlite3_stmt *s, int column, int n)
{
	return sqlite3_column_bytes(s, column) == n ? sqlite3_column_blob(s, column) : NULL;
}

static int read_chain(sqlite3 *main, struct journal *ret)
{
	STATEMENT *first = NULL;
	int r = sql_prepare(main, "SELECT hash, payload FROM journal WHERE number = 1", &first);

	if (!r)
		r = sql_row(first);
	if (r <= 0)
		return r;
	if (!bytes_of(first, 0, ENTRY_HASH))
		return -EBADMSG;
	r = journal_load(ret, bytes_of(first, 0, ENTRY_HASH), text_of(first, 1), 1, bytes_of(first, 0, ENTRY_HASH));
	return r ? r : 1;
}

static int hand(sqlite3_stmt *s, const struct journal *j, each_entry *each, void *arg)
{
	const bool checkpoint = sqlite3_column_int(s, 1);
	const struct reader_entry e = {j->chain, (uint64_t)sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 2), text_of(s, 3), text_of(s, 4),
		bytes_of(s, 5, ENTRY_HASH), bytes_of(s, 6, ENTRY_HASH), bytes_of(s, 7, ENTRY_SALT), text_of(s, 8),
		bytes_of(s, 9, CHECKPOINT_SIGNATURE)};

	return e.hash && (checkpoint ? e.signature != NULL : e.digest != NULL) ? each(&e, arg) : -EBADMSG;
}

static int entries(sqlite3 *main, const struct journal *j, uint64_t from, each_entry *each, void *arg)
{
	STATEMENT *s = NULL;
	int r = sql_prepare(main, ENTRIES, &s);

	if (!r)
		sqlite3_bind_int64(s, 1, (int64_t)from);
	while (!r && (r = sql_row(s)) > 0)
		r = hand(s, j, each, arg);
	return r;
}

static int incidents(sqlite3 *main, each_row *row, void *arg)
{
	STATEMENT *s = NULL;
	char digest[65];
	int r = sql_prepare(main, "SELECT id, host, kind, open, at, json FROM incident ORDER BY id", &s);

	while (!r && (r = sql_row(s)) > 0) {
		chain_digest_incident((uint64_t)sqlite3_column_int64(s, 1), text_of(s, 2), sqlite3_column_int(s, 3), sqlite3_column_int64(s, 4),
				      text_of(s, 5), digest);
		r = row("incident", text_of(s, 0), digest, arg);
	}
	return r;
}

static int people(sqlite3 *main, each_row *row, void *arg)
{
	STATEMENT *account = NULL;
	STATEMENT *identity = NULL;
	char digest[65];
	int r = sql_prepare(main, "SELECT name, json FROM account ORDER BY name", &account);

	while (!r && (r = sql_row(account)) > 0) {
		chain_digest(text_of(account, 1), digest);
		r = row("account", text_of(account, 0), digest, arg);
	}
	if (!r)
		r = sql_prepare(main, "SELECT uuid, name, json FROM given_name ORDER BY uuid", &identity);
	while (!r && (r = sql_row(identity)) > 0) {
		chain_digest_identity(text_of(identity, 1), text_of(identity, 2), digest);
		r = row("given_name", text_of(identity, 0), digest, arg);
	}
	return r;
}

static int steps(sqlite3 *main, each_row *row, void *arg)
{
	STATEMENT *s = NULL;
	char key[24];
	int r = sql_prepare(main, "SELECT entry, incident FROM step ORDER BY entry", &s);

	while (!r && (r = sql_row(s)) > 0) {
		snprintf(key, sizeof(key), "%s", text_of(s, 0));
		r = row("step", key, text_of(s, 1), arg);
	}
	return r;
}

static int all(sqlite3 *main, uint64_t from, each_entry *each, each_row *row, void *arg)
{
	struct journal j;
	int r = sql_run(main, "BEGIN");

	if (!r)
		r = read_chain(main, &j);
	if (r <= 0)
		return r;
	r = entries(main, &j, from, each, arg);
	if (!r && row)
		r = people(main, row, arg);
	if (!r && row)
		r = incidents(main, row, arg);
	return r || !row ? r : steps(main, row, arg);
}

int reader_journal(struct store_reader *reader, uint64_t from, each_entry *each, each_row *row, void *arg)
{
	FILES sqlite3 *main = NULL;
	int r = reading_main(reader, &main);

	if (r)
		return r;
	reading_limit(reader, main);
	return all(main, from, each, row, arg);
}

int reader_last_entry(struct store_reader *reader, uint64_t up_to, uint64_t *ret_number, uint8_t ret_hash[32])
{
	FILES sqlite3 *main = NULL;
	STATEMENT *s = NULL;
	int r = reading_main(reader, &main);

	*ret_number = 0;
	if (!r)
		r = sql_prepare(main, "SELECT number, hash FROM journal WHERE number <= ?1 ORDER BY number DESC LIMIT 1", &s);
	if (r)
		return r;
	sqlite3_bind_int64(s, 1, (int64_t)up_to);
	r = sql_row(s);
	if (r <= 0)
		return r;
	if (!bytes_of(s, 1, ENTRY_HASH))
		return -EBADMSG;
	*ret_number = (uint64_t)sqlite3_column_int64(s, 0);
	memcpy(ret_hash, bytes_of(s, 1, ENTRY_HASH), ENTRY_HASH);
	return 0;
}

int reader_chain(struct store_reader *reader, uint8_t ret[32])
{
	FILES sqlite3 *main = NULL;
	struct journal j;
	int r = reading_main(reader, &main);

	if (!r)
		r = read_chain(main, &j);
	if (r > 0)
		memcpy(ret, j.chain, ENTRY_HASH);
	return r > 0 ? 0 : r ? r : -ENOENT;
}
