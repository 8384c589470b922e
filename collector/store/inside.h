/* inside.h - what the files of the store share; for them alone. */
#ifndef INSIDE_H
#define INSIDE_H

#include <uthash.h>

#include "collector/audit/journal.h"
#include "collector/store/schema.h"
#include "collector/store/sql.h"
#include "collector/store/store.h"
#include "vec.h"

#define STORE_MAIN "main.db"
#define STORE_RESERVE "reserve"
#define STORE_DAY "raw-%08u.db"
#define STORE_PATH 512
#define MAIN_LOG_PAGES 1024		/* 4 MiB */

/* Statements of the main file. */
enum { ADD_HOST, GET_HOST, NAME_HOST, USE_HOST, GET_GIVEN, ADD_TASK, GET_TASK, COUNT_TASKS, CHANGE_TASK, ADD_SERIES, GET_SERIES, COUNT_SERIES, NAME_STATEMENTS,
	PUT_STATE = NAME_STATEMENTS, DROP_STATE, PUT_INCIDENT, ADD_STEP, PUT_NOTICE, PUT_ACCOUNT, DROP_ACCOUNT, PUT_SESSION, DROP_SESSION,
	PUT_SETTING, DROP_SETTING, PUT_PROGRESS, PUT_GIVEN, PUT_GAP, ADD_ENTRY, ADD_CHECKPOINT, MAIN_STATEMENTS,
	RESUME, ERASE };	/* no statements: the journal goes on elsewhere; what log-ins said */
/* Statements of the day file. */
enum { ADD_SPOOL, MOVE_SPOOL, ADD_RESULT, ADD_PARTED, ADD_RECEIVED, DAY_STATEMENTS };

/* Highest sequence held of one spool: over all files, and where today's file has it. */
struct held {
	struct { uint32_t host; uint32_t pad; uint64_t epoch; } key;
	uint64_t through;		/* with what the open transaction adds */
	uint64_t committed;
	uint32_t digest, digest_committed;	/* of that record; 0: not known */
	bool parted;			/* what `parted_by` sends is set apart */
	struct reference parted_by;
	int64_t id;			/* of its row in the day file (held_set_row); 0: none yet */
	bool touched, added;		/* added: the row, by the open transaction */
	struct held *next_touched;
	UT_hash_handle hh;
};

struct store {
	char folder[STORE_PATH - 64];
	uint64_t reserve;		/* bytes */
	bool full, naming;		/* naming: a transaction of names is open */
	bool sick;			/* a write, or folding in a log, failed: its descriptors are not to be synced again */
	uint32_t retired;		/* the newest day that was deleted for its age; 0: none yet */
	uint64_t last_applied;		/* stamp of the last change in the main file, as read when it was opened */
	struct journal journal;		/* as the main file has it, with what the open transaction adds */
	sqlite3 *main, *day;
	uint32_t today;			/* of the open day file, YYYYMMDD; 0: none */
	int64_t row;			/* last one used in it */
	int main_log, day_log;		/* pages in the write-ahead logs */
	sqlite3_stmt *on_main[MAIN_STATEMENTS], *on_day[DAY_STATEMENTS];
	struct held *held, *touched;
	uint32_t suspect;		/* day whose file was found damaged while it was written to: mended when the store is opened anew */
	VEC(struct store_damage) damage;	/* not told yet */
	VEC(uint32_t) epochs;		/* by host: how many have a row in the day file */
	uint8_t *buf;			/* one encoded row */
	size_t room;
};

uint32_t day_of(int64_t wall_ns);
int64_t day_begin(uint32_t day);
void day_path(const char *folder, uint32_t day, char buf[STORE_PATH]);
/* The days that have a file, ascending; the caller frees. */
int day_list(const char *folder, uint32_t **ret, size_t *ret_n);
int day_list_of(const char *folder, const char *tail, uint32_t **ret, size_t *ret_n);	/* those of raw-DAY and that tail */

int held_load(struct store *);		/* from every file; forgets what it knew */
void held_forget(struct store *);
struct held *held_find(struct store *, uint32_t host, uint64_t epoch);
struct held *held_make(struct store *, uint32_t host, uint64_t epoch);	/* finds or adds; NULL: no memory */
int held_set_row(struct store *, struct held *, int64_t id);	/* 0 or -ENOMEM */

/* mend.c (R8). The file of the day is damaged: a new one takes its place, with what could be read; -ENOSPC. No one has it open. */
int mend_day(struct store *, uint32_t day);
int mend_finish(struct store *);			/* at start: what was broken off */
int unlink_with_logs(const char *path);		/* a database file; 0 when there is none */
int mend_forget(struct store *, uint32_t day);		/* what was set aside of that day goes as well */

int intake_open(struct store *, uint32_t day);	/* makes it today's file */
void intake_close(struct store *);
/* No reader has a file open from the one to the other; waits for those that do, 5 s at most each. */
void reading_keep_out(void);
void reading_let_in(void);
int names_open(struct store *);		/* these two prepare, on the open main file */
int change_open(struct store *);
int chain_open(struct store *);
#define CHAIN_STEP "incident."		/* so the actions of an incident's steps begin */
/* Digests of rows, in hex: what change_incident and its like return. Of one text as it is; "": no memory. */
void chain_digest(const char *text, char ret[65]);
void chain_digest_incident(uint64_t host, const char *kind, bool open, int64_t at, const char *json, char ret[65]);
void chain_digest_identity(const char *name, const char *json, char ret[65]);
/* The next entry, in the open transaction; incident not 0: a step of that one. */
int chain_add(struct store *, int64_t at, const char *actor, const char *action, const char *payload, uint64_t incident);
/* In the open transaction as well: payloads of log-ins of before that time; an entry says up to which. */
int chain_erase(struct store *, int64_t before, int64_t at);
void store_now_full(struct store *);	/* lets go of the reserve */
/* r: what became of a write. Folds a log that has grown beyond `pages`; one that could not be folded in is whole all the same. */
void store_after_write(struct store *, int r, sqlite3 *, int *log, int pages);
/* A log is folded into its file by us alone: now and then, or wholly. */
void store_watch_log(sqlite3 *, int *pages);
int store_fold(sqlite3 *);

#endif
