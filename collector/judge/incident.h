/*
 * incident.h - incidents: one for each host and kind, which collects the findings of its rules until a person closes
 * it. Pure: no I/O, time is an argument; each step is handed to the caller, who stores it with the incident as it
 * then is.
 *
 *   opened -> (acknowledged, until it expires, something worse comes, or it recovers) -> handled: a note
 *          -> recovered: all findings OK -> reopened when one returns
 *          -> closed: by a person, with a note, not while a finding is critical
 */
#ifndef INCIDENT_H
#define INCIDENT_H

#include "judge.h"

#define INCIDENT_FINDINGS 1000	/* in one incident, the worst; more are counted */

struct finding {
	uint32_t check, series;		/* JUDGE_NONE as in judge_change */
	char *rule, *clause, *check_id;	/* as they were when it was found; "" without a rule */
	char *what;			/* for people: "/srv: 91.2 %" (the caller's words) */
	enum state state;		/* now */
	enum state known;		/* last that was measured: a CRITICAL that we lost sight of stays one */
	bool flapping;
	double value;
	int64_t since, changed;		/* wall */
};

struct incident {
	uint64_t id;
	uint32_t host;
	char kind[16];
	enum state severity;		/* worst of the findings; OK: all recovered */
	enum state worst;		/* that it has ever been */
	bool closed;
	bool acknowledged;
	enum state ack_severity;	/* what was acknowledged: worse lifts it */
	char *ack_by;			/* who last acknowledged; NULL: nobody yet */
	int64_t ack_until_boot;		/* INT64_MAX: until recovered. Across a restart: see incident_restore */
	bool handled;			/* a person has written what was done */
	int64_t opened, changed, recovered, ended;	/* wall; 0: not (yet) */
	int64_t at;			/* of what it was opened for: a result that is judged once more opens it with the same. 0: older than this is kept */
	uint32_t more;			/* findings beyond the limit */
	struct finding *findings;
	size_t n;
};

enum incident_act {
	INCIDENT_OPENED, INCIDENT_FOUND, INCIDENT_CHANGED, INCIDENT_WORSE, INCIDENT_RECOVERED, INCIDENT_REOPENED,
	INCIDENT_ACKNOWLEDGED, INCIDENT_ACK_LIFTED, INCIDENT_ACK_EXPIRED, INCIDENT_HANDLED, INCIDENT_CLOSED,
};
const char *incident_act_name(enum incident_act);	/* "opened", "found", ... */

/* One row. FOUND: a finding is new, back or worse, and the incident is no worse; CHANGED: another change of a finding. */
struct incident_step {
	enum incident_act act;
	int64_t at;
	const char *actor;
	const char *detail;
	const struct finding *finding;
};
/* After each step; both live for the call. On CLOSED: call judge_retire for its findings that are UNKNOWN. */
typedef void incident_told(const struct incident *, const struct incident_step *, void *arg);

struct incidents;
struct incidents *incidents_new(incident_told *, void *arg);
void incidents_free(struct incidents *);
/* The next new incident's number, where larger: closed ones are not restored. */
void incidents_next(struct incidents *, uint64_t id);

/* A change of the judge. `what`: the finding in words, for people. Returns the incident's number; 0: none was
 * concerned; -ENOMEM. */
int64_t incident_feed(struct incidents *, const struct judge_change *, const char *what, int64_t now_wall);
void incident_tick(struct incidents *, int64_t now_wall, int64_t now_boot);	/* acknowledgements that expire */

/* Acts of persons. 0, or -ENOENT; -EINVAL: note or actor missing (an acknowledgement needs no note). All may be
 * repeated. ack: for_ns 0 means until it has recovered. close: -EBUSY while a finding is CRITICAL, or a WARNING of the
 * collector's own; another WARNING is accepted with the note, and opens nothing until it is worse or comes back. */
int incident_ack(struct incidents *, uint64_t id, const char *actor, const char *note, int64_t for_ns, int64_t now_wall,
		 int64_t now_boot);
int incident_handle(struct incidents *, uint64_t id, const char *actor, const char *note, int64_t now_wall);
int incident_close(struct incidents *, uint64_t id, const char *actor, const char *note, int64_t now_wall);

const struct incident *incident_get(const struct incidents *, uint64_t id);
const struct incident *incident_of(const struct incidents *, uint32_t host, const char *kind);
/* Open ones, oldest first: start with NULL. */
const struct incident *incident_next(const struct incidents *, const struct incident *);

/* Takes a stored, open incident (copied). Store ack_until_boot - now_boot and hand back now_boot plus it: the time
 * that the collector was away does not count (the clock may have been wrong); INT64_MAX stays. 0, -EEXIST,
 * -ENOMEM. */
int incident_restore(struct incidents *, const struct incident *);

#endif
