/*
 * change.h - what the engine wants kept: a list of rows, applied in one transaction of the main file by the store thread.
 * Builders never fail by themselves: a lack of memory is remembered, and store_apply refuses the whole change (-ENOMEM).
 * Texts and documents are copied. The engine's own shapes are JSON documents that the store does not look into.
 *
 * One case: the engine opens an incident. It makes a change (state + incident + step + notice + progress), hands it to the
 * store thread (store_thread_apply), and only when `done` is called on the engine thread the notice goes to the notifier:
 * what a person was told of is on disk, under the same id.
 */
#ifndef CHANGE_H
#define CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store_change;

/* done may be NULL; error: 0 or -errno, nothing of the change was kept then. */
typedef void change_done(void *arg, int error);
struct store_change *change_new(change_done *, void *arg);	/* NULL: no memory */
void change_free(struct store_change *);
/* What `behind` holds comes behind what is there, in one transaction; it is freed, its `done` with it. NULL is fine. */
void change_join(struct store_change *, struct store_change *behind);
bool change_empty(const struct store_change *);

/* A state that is not OK, in the judge's words: series, or series and check, may be UINT32_MAX (judge.h); rule_id "" for none.
 * OK (state 0) removes the row. */
void change_state(struct store_change *, uint32_t host, uint32_t check, uint32_t series, const char *rule_id, int state,
		  double value, int64_t at);
/* ---- the journal (doc/journal-format.md): an entry is in the transaction of what it tells of ---- */

/* action: "word.word object"; payload: a JSON object on one line, at most 1 MiB. Control characters in actor and action are escaped. */
void change_entry(struct store_change *, int64_t at, const char *actor, const char *action, const char *payload);
/* What the signer signed; in bytes. */
void change_checkpoint(struct store_change *, uint64_t number, const uint8_t hash[32], int64_t at, const uint8_t signature[64]);
/* A backup was put back: what comes next in this change stands behind the entry of that number and hash; hash NULL: that of the last one there is. */
void change_resume(struct store_change *, uint64_t number, const uint8_t hash[32]);

/* What entries of before that time say of log-ins (names that were typed, addresses) is erased, if there is any, and an entry says so. */
void change_erase(struct store_change *, int64_t before, int64_t at);

/* Rows that the journal vouches for: whoever writes one makes an entry whose payload begins with "row" and this digest. */
struct change_row { char digest[65]; };

/* ---- rows ---- */

/* Writes the incident anew as it stands. Ids are the engine's: begin above store_read_last_incident. */
struct change_row change_incident(struct store_change *, uint64_t id, uint32_t host, const char *kind, bool open, int64_t at,
		     const char *json);
/* Every step that was taken: an entry of the journal, incident.ACTION, and a word on whose it is. */
void change_step(struct store_change *, uint64_t incident, int64_t at, const char *actor, const char *action, const char *json);
/* open: not yet delivered and not given up. Written anew as it stands. */
void change_notice(struct store_change *, const char *id, uint64_t incident, bool open, int64_t at, const char *json);
/* Accounts by name, sessions by the hash of their token; json NULL removes. */
struct change_row change_account(struct store_change *, const char *name, const char *json);
void change_session(struct store_change *, const char *hash, const char *account, int64_t expires, const char *json);
/* What the agent of that UUID is called from its next Hello on, whatever it calls itself; and what else is known of its identity. */
struct change_row change_given_name(struct store_change *, const char *uuid, const char *name, const char *json);
void change_setting(struct store_change *, const char *key, const char *json);	/* json NULL removes */
/* Records first to last of the host's epoch were acknowledged before that time, and are lost (R4). Times: wall. */
void change_gap(struct store_change *, uint32_t host, uint64_t epoch, uint64_t first, uint64_t last, int64_t before, int64_t found);
/* Judged through this row of this day's file (batch.h: day, row). */
void change_progress(struct store_change *, uint32_t day, int64_t row);

#endif
