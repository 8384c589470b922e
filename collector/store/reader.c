#include "collector/store/reader.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/store/reading.h"

#define LABELS_MAX 64

/* While anybody in this process has a file open, SQLite keeps the descriptors that others of us close, and hands them out again: one on
 * which a sync has failed would be synced once more (R7). So readers have files open for the length of a call alone, and who opens the
 * store anew waits for them. */
static pthread_rwlock_t files = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static atomic_bool awaited;

void reading_keep_out(void)
{
	awaited = true;
	pthread_rwlock_wrlock(&files);
	awaited = false;
}

bool reading_is_awaited(void)
{
	return awaited;
}

void reading_let_in(void)
{
	pthread_rwlock_unlock(&files);
}

int reading_open(const char *path, sqlite3 **ret)
{
	int r;

	pthread_rwlock_rdlock(&files);
	r = sql_open(path, false, ret);
	if (r)
		pthread_rwlock_unlock(&files);
	return r;
}

void reading_close(sqlite3 **db)
{
	if (!*db)
		return;
	sql_close(db);
	pthread_rwlock_unlock(&files);
}

int reading_main(struct store_reader *r, sqlite3 **ret)
{
	char path[STORE_PATH];

	snprintf(path, sizeof(path), "%s/" STORE_MAIN, r->folder);
	return reading_open(path, ret);
}

static int past(void *reader)
{
	return clock_boot() > ((struct store_reader *)reader)->deadline;
}

void reading_limit(struct store_reader *r, sqlite3 *db)
{
	if (!r->time)
		return;
	r->deadline = clock_boot() + r->time;
	sqlite3_progress_handler(db, 10000, past, r);
}

int reader_open(const char *folder, struct store_reader **ret, char why[256])
{
	struct store_reader *r = calloc(1, sizeof(*r));
	FILES sqlite3 *main = NULL;
	int e = -ENOMEM;

	if (r && strlen(folder) < sizeof(r->folder)) {
		strcpy(r->folder, folder);
		r->time = READER_TIME;
		e = reading_main(r, &main);
	}
	if (e) {
		snprintf(why, 256, "%.180s: %.60s", folder, strerror(-e));
		reader_close(r);
		return e;
	}
	*ret = r;
	return 0;
}

void reader_limit(struct store_reader *r, int64_t ns)
{
	r->time = ns;
}

void reader_close(struct store_reader *r)
{
	free(r);
}

/* One row handed to the caller's function, whose shape `hand` knows. */
typedef int hand(sqlite3_stmt *, void *each, void *arg);

static int walk_of(struct store_reader *r, const char *text, int64_t parameter, hand *to, void *each, void *arg)
{
	FILES sqlite3 *main = NULL;
	STATEMENT *s = NULL;
	int e = reading_main(r, &main);

	if (!e)
		e = sql_prepare(main, text, &s);
	if (e)
		return e;
	if (sqlite3_bind_parameter_count(s))
		sqlite3_bind_int64(s, 1, parameter);
	reading_limit(r, main);
	while ((e = sql_row(s)) > 0) {
		e = to(s, each, arg);
		if (e)
			return e;
	}
	return e;
}

static uint32_t number(sqlite3_stmt *s, int column)
{
	return (uint32_t)sqlite3_column_int64(s, column);
}

static const char *text_of(sqlite3_stmt *s, int column)
{
	const char *t = (const char *)sqlite3_column_text(s, column);

	return t ? t : "";
}

typedef int each_host(const struct reader_host *, void *);
typedef int each_gap(const struct reader_gap *, void *);
typedef int each_check(const struct reader_check *, void *);
typedef int each_series(const struct reader_series *, void *);
typedef int each_state(const struct reader_state *, void *);
typedef int each_incident(const struct reader_incident *, void *);
typedef int each_step(const struct reader_step *, void *);
typedef int each_notice(const struct reader_notice *, void *);
typedef int each_identity(const struct reader_identity *, void *);
typedef int each_account(const char *, const char *, void *);
typedef int each_session(const struct reader_session *, void *);

static int hand_host(sqlite3_stmt *s, void *each, void *arg)
{
	const struct reader_host h = {number(s, 0), text_of(s, 1), text_of(s, 2), number(s, 3)};

	return (*(each_host **)each)(&h, arg);
}

int reader_hosts(struct store_reader *r, each_host *each, void *arg)
{
	return walk_of(r, "SELECT id, uuid, name, generation FROM host ORDER BY id", 0, hand_host, &each, arg);
}

static int hand_gap(sqlite3_stmt *s, void *each, void *arg)
{
	const struct reader_gap g = {number(s, 0), (uint64_t)sqlite3_column_int64(s, 1), (uint64_t)sqlite3_column_int64(s, 2),
				     (uint64_t)sqlite3_column_int64(s, 3), sqlite3_column_int64(s, 4), sqlite3_column_int64(s, 5)};

	return (*(each_gap **)each)(&g, arg);
}

int reader_gaps(struct store_reader *r, each_gap *each, void *arg)
{
	return walk_of(r, "SELECT host, epoch, first, last, before, found FROM gap ORDER BY host, found", 0, hand_gap, &each, arg);
}

static int hand_check(sqlite3_stmt *s, void *each, void *arg)
{
	const struct reader_check c = {number(s, 0), number(s, 1), text_of(s, 2), text_of(s, 3), sqlite3_column_int64(s, 4)};

	return (*(each_check **)each)(&c, arg);
}

int reader_checks(struct store_reader *r, each_check *each, void *arg)
{
	return walk_of(r, "SELECT id, host, name, plugin, interval_ns FROM task ORDER BY id", 0, hand_check, &each, arg);
}

/* schema.c says how labels lie in their column. */
static size_t unpack_labels(const uint8_t *p, size_t n, struct store_label *labels)
{
	const uint8_t *end = p + n;
	size_t count = 0;

	while (p < end && count < LABELS_MAX) {
		struct store_label *l = &labels[count];
		const uint8_t *nul = memchr(p, 0, (size_t)(end - p));

		if (!nul || end - nul < 5)
			break;
		l->name = (const char *)p;
		l->size = (uint32_t)nul[1] | (uint32_t)nul[2] << 8 | (uint32_t)nul[3] << 16 | (uint32_t)nul[4] << 24;
		l->value = nul + 5;
		if (l->size > (size_t)(end - nul - 5))
			break;
		p = nul + 5 + l->size;
		count++;
	}
	return count;
}

static int hand_series(sqlite3_stmt *s, void *each, void *arg)
{
	struct store_label labels[LABELS_MAX];
	const uint8_t *packed = sqlite3_column_blob(s, 3);
	size_t n = packed ? unpack_labels(packed, (size_t)sqlite3_column_bytes(s, 3), labels) : 0;
	const struct reader_series one = {number(s, 0), number(s, 1), text_of(s, 2), labels, n};

	return (*(each_series **)each)(&one, arg);
}

int reader_series(struct store_reader *r, each_series *each, void *arg)
{
	return walk_of(r, "SELECT id, task, metric, labels FROM series ORDER BY id", 0, hand_series, &each, arg);
}

static int hand_state(sqlite3_stmt *s, void *each, void *arg)
{
	const struct reader_state one = {number(s, 0), number(s, 1), number(s, 2), text_of(s, 3), sqlite3_column_int(s, 4),
					 sqlite3_column_double(s, 5), sqlite3_column_int64(s, 6)};

	return (*(each_state **)each)(&one, arg);
}

int reader_states(struct store_reader *r, each_state *each, void *arg)
{
	return walk_of(r, "SELECT host, task, series, rule, state, value, at FROM state", 0, hand_state, &each, arg);
}

static int hand_incident(sqlite3_stmt *s, void *each, void *arg)
{
	const struct reader_incident one = {(uint64_t)sqlite3_column_int64(s, 0), number(s, 1), text_of(s, 2),
					    sqlite3_column_int(s, 3), sqlite3_column_int64(s, 4), text_of(s, 5)};

	return (*(each_incident **)each)(&one, arg);
}

int reader_incidents(struct store_reader *r, unsigned closed, each_incident *each, void *arg)
{
	return walk_of(r, "SELECT id, host, kind, open, at, json FROM incident WHERE open"
		       " UNION ALL SELECT * FROM (SELECT id, host, kind, open, at, json FROM incident WHERE NOT open"
		       " ORDER BY id DESC LIMIT ?1) ORDER BY id DESC", closed, hand_incident, &each, arg);
}

int reader_last_incident(struct store_reader *r, uint64_t *ret)
{
	FILES sqlite3 *main = NULL;
	int64_t last;
	int e = reading_main(r, &main);

	if (!e)
		e = sql_number(main, "SELECT coalesce(max(id), 0) FROM incident", &last);
	if (!e)
		*ret = (uint64_t)last;
	return e;
}

/* "incident.opened 12": the word is between. */
static int hand_step(sqlite3_stmt *s, void *each, void *arg)
{
	char word[ENTRY_ACTION_MAX + 1];
	const char *action = text_of(s, 3);
	struct reader_step one = {(uint64_t)sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), text_of(s, 2), word, text_of(s, 4)};

	if (strncmp(action, CHAIN_STEP, strlen(CHAIN_STEP)))
		return -EBADMSG;
	snprintf(word, sizeof(word), "%s", action + strlen(CHAIN_STEP));
	word[strcspn(word, " ")] = 0;
	if (sqlite3_column_type(s, 4) == SQLITE_NULL)
		one.json = "{}";	/* erased */
	return (*(each_step **)each)(&one, arg);
}

int reader_steps(struct store_reader *r, uint64_t incident, each_step *each, void *arg)
{
	return walk_of(r, "SELECT incident, at, actor, action, payload FROM step JOIN journal ON number = entry WHERE incident = ?1"
		       " ORDER BY entry", (int64_t)incident, hand_step, &each, arg);
}

static int hand_notice(sqlite3_stmt *s, void *each, void *arg)
{
	const struct reader_notice one = {text_of(s, 0), (uint64_t)sqlite3_column_int64(s, 1), sqlite3_column_int(s, 2),
					  sqlite3_column_int64(s, 3), text_of(s, 4)};

	return (*(each_notice **)each)(&one, arg);
}

int reader_notices(struct store_reader *r, each_notice *each, void *arg)
{
	return walk_of(r, "SELECT id, incident, open, at, json FROM notice WHERE open ORDER BY at", 0, hand_notice, &each, arg);
}

static int hand_account(sqlite3_stmt *s, void *each, void *arg)
{
	return (*(each_account **)each)(text_of(s, 0), text_of(s, 1), arg);
}

static int hand_identity(sqlite3_stmt *s, void *each, void *arg)
{
	const struct reader_identity one = {text_of(s, 0), text_of(s, 1), text_of(s, 2)};

	return (*(each_identity **)each)(&one, arg);
}

int reader_identities(struct store_reader *r, each_identity *each, void *arg)
{
	return walk_of(r, "SELECT uuid, name, json FROM given_name", 0, hand_identity, &each, arg);
}

int reader_accounts(struct store_reader *r, each_account *each, void *arg)
{
	return walk_of(r, "SELECT name, json FROM account ORDER BY name", 0, hand_account, &each, arg);
}

static int hand_session(sqlite3_stmt *s, void *each, void *arg)
{
	const struct reader_session one = {text_of(s, 0), text_of(s, 1), sqlite3_column_int64(s, 2), text_of(s, 3)};

	return (*(each_session **)each)(&one, arg);
}

int reader_sessions(struct store_reader *r, each_session *each, void *arg)
{
	return walk_of(r, "SELECT hash, account, expires, json FROM session", 0, hand_session, &each, arg);
}

int reader_setting(struct store_reader *r, const char *key, char **ret_json)
{
	FILES sqlite3 *main = NULL;
	STATEMENT *s = NULL;
	char *json;
	int e = reading_main(r, &main);

	if (!e)
		e = sql_prepare(main, "SELECT json FROM setting WHERE key = ?1", &s);
	if (e)
		return e;
	sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
	e = sql_row(s);
	if (e <= 0)
		return e ? e : -ENOENT;
	json = strdup(text_of(s, 0));
	if (!json)
		return -ENOMEM;
	*ret_json = json;
	return 0;
}
