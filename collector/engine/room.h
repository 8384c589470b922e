/* room.h - the engine's own state, for the files of collector/engine alone. One thread; nothing here is shared. */
#ifndef ROOM_H
#define ROOM_H

#include <jansson.h>

#include "accounts.h"
#include "clock.h"
#include "factors.h"
#include "collector/audit/journal.h"
#include "collector/judge/incident.h"
#include "collector/judge/judge.h"
#include "collector/message.h"
#include "collector/procedure/escalation.h"
#include "collector/store/change.h"
#include "collector/store/reader.h"
#include "engine.h"
#include "jobs.h"
#include "notices.h"
#include "pipe.h"
#include "record.h"
#include "registry.h"
#include "roster.h"

#define EVENTS_KEPT 1000	/* of all hosts, for the screen; all of them are on disk */

struct client;			/* doors.c */
struct words;			/* words.h */
/* The local socket's other end. console: root, or whom the collector itself runs as. */
struct local_user { char name[64]; bool console; };

struct checkpoint_key { uint8_t bytes[CHECKPOINT_KEY]; };

/* The journal and the signer's word on it (checkpoints.c). Times: boot clock; 0: none. */
struct checkpoints {
	struct store_reader *reader;	/* of the engine's own thread */
	uint64_t kept;			/* number of the store's last entry */
	uint8_t hash[ENTRY_HASH];	/* of the last one at start */
	struct checkpoint last;		/* the signer's last; number 0: none yet */
	bool known;			/* once in this life: what the signer remembered was held against the store, or it is told that it cannot be */
	bool agreed;			/* what the signer signed last is in our store */
	bool complained;
	uint64_t told;			/* number of the last that agents were shown */
	VEC(struct checkpoint_key) keys;	/* of this journal; the last one signs */
	struct asked *rekey;		/* who waits for another; NULL: nobody (rekey.c) */
	int64_t rekey_by;		/* boot clock */
	int64_t told_at, crowded, asked, since, again, patience;	/* since: the oldest entry that is not signed is kept; again: not before */
};

#define DAILY_DAY 16		/* "2026-11-26" with its quotes, and the NUL */
#define BACKUP_ID 33		/* 16 random bytes in hex, and the NUL */

struct engine {
	struct engine_setup its;
	struct event_base *loop;
	struct event *queued, *tick, *local, *launcher;
	struct registry registry;
	struct judge *judge;
	struct incidents *incidents;
	struct escalation *escalation;
	struct notices *notices;
	struct accounts *accounts;
	struct factors *factors;
	struct roster *roster;
	struct jobs *hashing, *reading, *copying;
	struct store_reader *reader, *copier;	/* of the reading thread, of the copying one */
	struct { char *word; bool ever; uint64_t number, witnessed; } restored;	/* restored.c */
	bool revoked_known;			/* there was a copy of the signer's list at start: revoked.c */
	char mailed[DAILY_DAY];			/* the last day of a checkpoint by mail: daily.c */
	struct { char id[BACKUP_ID]; } backup;	/* that is under way; "": none */
	struct pipe *signer, *notifier, *web;
	struct client *clients;			/* of the local socket */
	struct arena *arena;			/* of one record's extra */
	struct probe *probes;			/* probe.c: questions that wait for the store */
	enum { HEARTBEAT_NONE, HEARTBEAT_TAKEN, HEARTBEAT_UNHEARD } heartbeat;	/* as the notifier told last */
	char heartbeat_trouble[256];
	struct enrolments *enrolments;		/* enrolments.c */
	struct authority *authority;		/* authority.c */
	struct asked *asked;			/* questions to the signer that wait for their answer */

	struct store_change *change;		/* being filled; NULL: nothing to be kept yet */
	bool touched;				/* what is under way has added to it: its answer waits (replies.c) */
	struct held *held;
	struct store_change *failed;		/* could not be kept: again at the next tick, before all others */
	bool in_flight;				/* a change is with the store: one at a time, so that none overtakes another */
	uint64_t changes;			/* number of the change being filled */
	uint32_t day; int64_t row;		/* judged through here; day 0: nothing since start */
	bool unsaved;				/* the place above moved since it was last kept */
	int64_t saved;				/* boot clock of the last time */
	bool replaying;				/* at start: nobody is there yet to be told */
	struct checkpoints checkpoints;
	const char *from;			/* where the person is whose act is under way; NULL: nobody's */
	uint64_t pushed, signs;			/* numbers of the last message on the live stream, question to the signer */

	int64_t started;			/* wall */
	uint64_t results, values;
	int64_t last_result;			/* wall */
	char machine[256];			/* where we run: a name for OWN_HOST */
	bool disk_full;
	/* Of the clock: suspect since then (boot clock; 0: it is not), a person was told, that is over and said so (doubt.c). */
	struct { int64_t since; bool told, settled; char boot_id[CLOCK_BOOT_ID]; } doubt;
	int64_t renewals_next;			/* boot clock: the age of certificates is looked at */
	int64_t web_not_after;			/* of the dashboard's, as web told; 0: it has not yet */
	int64_t erase_next;			/* boot clock: old log-ins are looked for */
	int64_t ticked, asked_again, alive;	/* boot clock: of the last tick, of notices sent again, of the sign of life */
	bool stopping;
	int64_t stop_by;			/* boot clock: then it ends, whatever is with the store */
};

/* The change under way; made when there is none. NULL: no memory (it is logged). */
struct store_change *engine_change(struct engine *);
/* Hands what is to be kept to the store. Called when a drain of the queue, a query or a tick is over. */
void engine_flush(struct engine *);

/* Where the collector's own matters belong, whether its machine has an agent or not: a host that is in no list. */
#define OWN_HOST 0
const char *engine_host_name(const struct engine *, uint32_t host);	/* "?": there is none of that number */

/* The time goes into the change, so that the next start knows how long we were away. False: no memory. */
bool engine_sign_of_life(struct engine *);

/* A change came back from the store. */
void engine_kept(struct engine *, struct store_change *);

/* replies.c: a query's answer. One of what changed something goes out when that is kept; after 10 s it is told that it is not. Takes body. */
void replies_send(struct engine *, struct pipe *, uint64_t query, unsigned status, json_t *body);
void replies_send_text(struct engine *, struct pipe *, uint64_t query, unsigned status, char *json);	/* takes it; NULL: there was no memory */
void replies_kept(struct engine *);
void replies_tick(struct engine *, int64_t now_boot);
void replies_pipe_gone(struct engine *, const struct pipe *);		/* NULL: all */

/* doors.c: other processes and the command line. */
int doors_open(struct engine *);
void doors_close(struct engine *);
void doors_notice(struct engine *, const struct notice *);		/* hands it to the notifier, if there is one now */
void doors_notices_again(struct engine *);				/* all that were not confirmed */

/* intake.c: messages of ingest and store. */
void intake_message(struct engine *, struct node *);
void intake_row(struct engine *, uint32_t host, const struct result *, const uint32_t *series, const double *value);

/* outcome.c: what follows from a change of the judge. */
void outcome_judged(const struct judge_change *, void *engine);
void outcome_incident(const struct incident *, const struct incident_step *, void *engine);
/* What the collector itself saw of a host, such as a stolen identity. */
enum own_finding { OWN_IMPOSTOR, OWN_TWINS, OWN_PARTED, OWN_DISK_FULL, OWN_DAMAGED, OWN_AGENT_CERTIFICATE, OWN_COLLECTOR_CERTIFICATE,
	OWN_JOURNAL, OWN_CLOCK };
void outcome_own(struct engine *, enum own_finding, uint32_t host, const char *why);
void outcome_own_is(struct engine *, enum own_finding, uint32_t host, enum state, const char *why);	/* said again and again */
void outcome_save_waits(struct engine *);				/* what escalation has waited, so that a restart goes on from it */
/* A rule on what happens found this. Returns the incident; 0: no memory (logged). */
uint64_t outcome_happened(struct engine *, uint32_t host, uint32_t check, const struct rule *, const char *what);
json_t *outcome_save(struct engine *, const struct incident *);		/* as it is kept */
void outcome_step(struct engine *, uint64_t incident, int64_t at, const char *actor, const char *what, json_t *detail);	/* takes detail */

/* events.c */
void events_take(struct engine *, uint32_t host, struct check *, Wire__Event *const *, size_t n);		/* those of one record */
uint64_t events_more(struct engine *, const struct incident *);	/* of its checks, that their agent only counted of late */
void events_waiting(struct engine *, uint64_t incident, struct check *);	/* it is bad now: what happened before belongs to it */

/* telling.c: who is called gets his notice; what the notifier says of it; the incident is closed. */
void telling_due(const struct due *, void *engine);
void telling_delivery(struct engine *, const Rooms__Delivery *);
void telling_closed(struct engine *, uint64_t incident);
/* A mail that belongs to no incident, told once; what became of those before is forgotten by telling_forget_plain. */
void telling_plainly(struct engine *, const char *id, const struct person *, const struct words *, int64_t wall);
void telling_forget_plain(struct engine *);

/* gaps.c: what was lost when a backup was put back (R4). */
int gaps_load(struct engine *, const struct reader_gap *);
void gaps_take(struct engine *, struct host *, const struct hello *);
json_t *gaps_document(const struct host *);

/* expected.c: hosts whose identity was made and whose agent has not come yet. */
void expected_restored(struct engine *);				/* which they are, and those of before that have no number yet */
void expected_new(struct engine *, const struct identity_given *);
void expected_numbered(struct engine *, const struct expected *);	/* by the store */

/* restore.c */
int restore_all(struct engine *, char why[256]);

/* document.c: resources of doc/api.md; the caller owns them. */
json_t *document_host(struct engine *, const struct host *, bool with_checks);
json_t *document_check(struct engine *, const struct check *, bool with_series);
json_t *document_incident(struct engine *, const struct incident *, bool whole);
json_t *document_procedure(struct engine *);
json_t *document_status(struct engine *);
json_t *document_bytes(const char *bytes);				/* hostile text as a JSON string */
const char *document_state(enum state);

/* signing.c: the signer has come, has answered, has gone. */
void signing_begin(struct engine *);
void signing_answered(struct engine *, const Rooms__Signed *);
void signing_gone(struct engine *);
void signing_look(struct engine *);					/* every thread of ingest looks who still counts */
/* The signer has it on its list: connections end, renewal is refused, the host is no longer missed. -ENOMEM: not all of that. */
int signing_revoked(struct engine *, const char *uuid, const struct deed *);

/* revoked.c: the copy counts at start; the signer's list has come (an empty one is not NULL); one more, 0 when it is on disk, or -errno. */
void revoked_open(struct engine *);
void revoked_listed(struct engine *, const char *list, size_t n);
int revoked_add(struct engine *, const char *uuid);

/* checkpoints.c */
int checkpoints_open(struct engine *, char why[256]);
void checkpoints_close(struct engine *);
void checkpoints_begin(struct engine *);				/* the signer has come */
void checkpoints_kept(struct engine *, uint64_t entry);			/* the store has entries up to this one */
void checkpoints_look(struct engine *);					/* is one due? */
void checkpoints_witnessed(struct engine *, struct host *, const void *line, size_t n);	/* its agent gives back what it was shown */
bool checkpoints_wait(const struct engine *);				/* nothing is to be handed to the store now */
bool checkpoints_late(const struct engine *);				/* that has lasted so long that alarms go out without the store */

/* doubt.c: the clock may be wrong. */
void doubt_tick(struct engine *, int64_t now);
void doubt_keep(struct engine *);					/* the time goes into the change, unless it is suspect */
void doubt_confirmed(struct engine *, const struct deed *, const char *note);
void doubt_words(const struct engine *, char ret[256]);		/* how far it is from what; only while it is suspect */
json_t *doubt_document(const struct engine *);				/* status' "clock" of doc/api.md */

/* probe.c: somebody asks whether all of this works; something was kept, or cannot be; the notifier tells what became of its heartbeat
 * ("": taken). */
void probe_by_watcher(struct engine *, const struct probing *);
void probe_by_notifier(struct engine *, const Rooms__Probe *);
void probe_kept(struct engine *);
void probe_disk_full(struct engine *);
void probe_heartbeat(struct engine *, const char *trouble);
void probe_free(struct engine *);

/* restored.c: what beadle restore left behind for the first start. */
void restored_open(struct engine *);
void restored_close(struct engine *);
bool restored_waits(const struct engine *);				/* there is a restore that the journal does not know yet */
uint64_t restored_number(const struct engine *);			/* of the entry that tells of it */
void restored_tell(struct engine *, struct store_change *, uint64_t from, uint64_t number);	/* that entry; from: the first number that was lost */
void restored_kept(struct engine *);					/* the store has new entries */
void restored_lost(struct engine *, const char *host, const struct checkpoint *);	/* an agent witnessed an entry that was lost: the highest is told */

/* life.c: what becomes of the collector itself, for the journal. */
void life_begun(struct engine *, struct store_reader *);
void life_ending(struct engine *);
void life_trouble(struct engine *, const struct trouble *);

/* enrolments.c: servers that come with a token, and the door for them. */
struct enrolments *enrolments_new(void);
void enrolments_free(struct enrolments *);				/* NULL is fine */
void enrolments_begin(struct engine *);					/* the signer has come */
void enrolments_tick(struct engine *, int64_t now);
void enrolments_asked(struct engine *, const struct enrolling *);
void enrolments_came(struct engine *, const char *uuid, uint32_t generation);	/* an agent connected with that certificate */
int enrolments_put(struct engine *, const Rooms__Token *);		/* a new one: the door is open when this returns 0; -errno */
void enrolments_look(struct engine *);					/* at what tokens there are now */

/* renewals.c */
void renewals_agent(struct engine *, const struct renewal *);
void renewals_tick(struct engine *, int64_t wall, int64_t now);
/* Each thread that serves takes what stands in the identity's folder for its next connections; those that are open stay. 0; -EIO and why. */
int renewals_use(struct engine *, char why[256]);

/* rekey.c: another key signs the journal's checkpoints. */
int rekey_open(struct engine *, char why[256]);			/* those of this journal */
void rekey_close(struct engine *);
bool rekey_knows(const struct engine *, const struct checkpoint *);	/* one of them has signed it */
void rekey_look(struct engine *);				/* all that came before is kept, and the signer can be asked for it */

/* erasing.c */
int daily_restored(struct engine *, struct store_reader *);		/* daily.c: the checkpoint by mail; 0 or -errno */
void daily_tick(struct engine *, int64_t wall);
void erasing_tick(struct engine *, int64_t wall, int64_t now);	/* what old log-ins say, where the school wants that */

/* authority.c: the school's certificate authority, and how another takes its place (I5). */
struct authority *authority_new(void);
void authority_free(struct authority *);				/* NULL is fine */
void authority_begin(struct engine *);					/* the signer has come */
bool authority_own_is_former(const struct engine *);			/* the collector's own certificate is to be made anew */
void authority_renewed(struct engine *);				/* it was */
json_t *authority_left(const struct engine *);				/* names of hosts whose certificates are of the former one */
bool authority_is_open(const struct engine *);				/* both count at present */
json_t *authority_document(const struct engine *);			/* which count; NULL: the signer has not said yet. The caller's */
void authority_request(Rooms__Sign *, Rooms__ChangeAuthority *, Rooms__AuthorityChange);	/* fills them in */
/* The signer's answer to that is taken up, and journalled with `more` (the caller's). False: it cannot be read. */
bool authority_answered(struct engine *, const Rooms__Authority *, const struct deed *, json_t *more);
void authority_tell_enrolled(const struct engine *, Wire__Enrolled *, Wire__Authority *);	/* for who has a token of before: the latter filled */
void authority_tell_watcher(const struct engine *, Wire__Working *, Wire__Authority *);

/* api.c */
void api_query(struct engine *, struct pipe *, const Rooms__Query *, const struct local_user *);		/* NULL: from web */
void api_push(struct engine *, const char *topic, json_t *body);	/* takes body */
void api_pipe_gone(struct engine *, const struct pipe *);

#endif
