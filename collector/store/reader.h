/*
 * reader.h - reading what is kept: a read-only handle, each for one thread at a time. Every call ends within 5 s (-ETIMEDOUT:
 * the rest was not read), so that no reader lets the write-ahead log grow. What a callback is handed lives for the call; a
 * callback that returns other than 0 ends the reading with that value. Calls return 0 or -errno.
 */
#ifndef READER_H
#define READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/batch.h"
#include "collector/store/store.h"

struct store_reader;

#define READER_TIME (5 * NS_PER_S)

/* The store must be open (its thread made the files). */
int reader_open(const char *folder, struct store_reader **ret, char why[256]);
/* Another time for each call; 0: as long as it takes, where nobody writes yet. */
void reader_limit(struct store_reader *, int64_t ns);
void reader_close(struct store_reader *);

/* ---- names ---- */
struct reader_host { uint32_t id; const char *uuid, *name; uint32_t generation; };
struct reader_identity { const char *uuid, *name, *json; };
struct reader_check { uint32_t id, host; const char *name, *plugin; int64_t interval_ns; };
struct reader_series { uint32_t id, check; const char *metric; const struct store_label *labels; size_t n; };

struct reader_gap { uint32_t host; uint64_t epoch, first, last; int64_t before, found; };	/* change_gap */
int reader_hosts(struct store_reader *, int (*each)(const struct reader_host *, void *arg), void *arg);
int reader_gaps(struct store_reader *, int (*each)(const struct reader_gap *, void *arg), void *arg);
int reader_checks(struct store_reader *, int (*each)(const struct reader_check *, void *arg), void *arg);
int reader_series(struct store_reader *, int (*each)(const struct reader_series *, void *arg), void *arg);

/* ---- the engine's rows (change.h), as they were written ---- */
struct reader_state { uint32_t host, check, series; const char *rule_id; int state; double value; int64_t at; };
struct reader_incident { uint64_t id; uint32_t host; const char *kind; bool open; int64_t at; const char *json; };
struct reader_step { uint64_t incident; int64_t at; const char *actor, *action, *json; };
struct reader_notice { const char *id; uint64_t incident; bool open; int64_t at; const char *json; };
struct reader_session { const char *hash, *account; int64_t expires; const char *json; };

int reader_states(struct store_reader *, int (*each)(const struct reader_state *, void *arg), void *arg);
/* Newest first; all the open ones, and at most `closed` of the others. */
int reader_incidents(struct store_reader *, unsigned closed, int (*each)(const struct reader_incident *, void *arg), void *arg);
int reader_last_incident(struct store_reader *, uint64_t *ret);		/* 0: none yet */
int reader_steps(struct store_reader *, uint64_t incident, int (*each)(const struct reader_step *, void *arg), void *arg);
int reader_notices(struct store_reader *, int (*each)(const struct reader_notice *, void *arg), void *arg);	/* the open ones */
int reader_identities(struct store_reader *, int (*each)(const struct reader_identity *, void *arg), void *arg);
int reader_accounts(struct store_reader *, int (*each)(const char *name, const char *json, void *arg), void *arg);
int reader_sessions(struct store_reader *, int (*each)(const struct reader_session *, void *arg), void *arg);
int reader_setting(struct store_reader *, const char *key, char **ret_json);	/* the caller frees; -ENOENT */

/* ---- the journal (doc/journal-format.md) ---- */
/* An entry; or, signature not NULL, a checkpoint, of which number, at and hash are told. */
struct reader_entry {
	const uint8_t *chain;
	uint64_t number;
	int64_t at;
	const char *actor, *action;
	const uint8_t *digest, *hash, *salt;	/* 32, 32 and 16 bytes; salt NULL: erased, and the payload with it */
	const char *payload;
	const uint8_t *signature;		/* 64 bytes */
};

/* Number and hash of the last entry up to that number; *ret_number 0: there is none. */
int reader_last_entry(struct store_reader *, uint64_t up_to, uint64_t *ret_number, uint8_t ret_hash[32]);
int reader_chain(struct store_reader *, uint8_t ret[32]);	/* the journal's id; -ENOENT: there is none yet */
/* Entries and checkpoints from that number on, by number; then, where `row` is given and nothing ended the reading before, each row that the journal
 * vouches for, as it was at the last of these entries: its table, key and digest in hex. -EBADMSG: what is kept has not the shape; 0 and no
 * entry: there is no journal yet. */
int reader_journal(struct store_reader *, uint64_t from, int (*each)(const struct reader_entry *, void *arg),
		   int (*row)(const char *table, const char *key, const char *digest, void *arg), void *arg);

/* ---- raw results ---- */
struct reader_row {
	uint32_t day;		/* YYYYMMDD, UTC, of receipt */
	int64_t row;
	uint32_t host;
	uint64_t epoch, sequence;
	struct result result;	/* first_value 0; extra as in batch.h */
	const uint32_t *series;
	const double *value;
};

/* Everything that was stored and not yet judged: rows after the stored progress (change_progress), oldest first. A row that
 * is damaged is left out and counted. One call may end early (-ETIMEDOUT): call it again from where it came to. */
struct reader_place { uint32_t day; int64_t row; uint64_t damaged; };
int reader_replay(struct store_reader *, struct reader_place *from,
		  int (*each)(const struct reader_row *, void *arg), void *arg);
int reader_progress(struct store_reader *, struct reader_place *ret);	/* day 0: nothing judged yet */

/* Rows of one check with agent stamps in [since, until), in order of receipt; damaged: how many rows, at least, on the way could not be read. */
int reader_history(struct store_reader *, uint32_t check, int64_t since, int64_t until, uint64_t *damaged,
		   int (*each)(const struct reader_row *, void *arg), void *arg);

#endif
