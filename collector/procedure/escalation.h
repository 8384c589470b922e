/*
 * escalation.h - who is told of an incident, and when: at once those whom the kind names, in parallel with the
 * delayed chain (owner -> deputy -> computer-room manager -> as the kind says), until somebody acknowledges. Pure:
 * time and rows are arguments; delays are elapsed time on the boot clock, kept as "already waited" over a restart.
 *
 * Nobody gets more than one notice about one incident in `quiet` (15 min, 5.10.5): what comes sooner is grouped into
 * one at its end, and dropped where it no longer holds by then (a recovery that did not last). Only a worse state
 * goes at once, and one more critical finding after a minute.
 *
 * Nobody's silence ends it: whoever was told, and still holds the role, is told again every `again` until somebody
 * acknowledges or it is over. Who comes to hold a role whose step is past (the people were read anew) is told then.
 */
#ifndef ESCALATION_H
#define ESCALATION_H

#include "collector/judge/incident.h"
#include "people.h"

#define ESCALATION_STEPS 32	/* in one kind with the chain */

struct step {
	const char *role;
	int64_t after_ns;	/* 0: at once */
	int64_t every_ns;	/* again so often until recovered, acknowledged or not (5.10.8.2); 0: once */
	enum state from;	/* only when the incident is at least so bad: "主管 when severe" */
	const char *clause;
};
struct kind {			/* a row of CLAUSES.md's table of incident kinds */
	const char *id;		/* "INC-A" */
	const char *title_zh, *title_en;
	/* Those at once first, then the chain, then what the kind adds; at most ESCALATION_STEPS. */
	const struct step *steps; size_t n;
	/* Whom a person decides to tell (provider, vendor, authorities): for the screen. */
	const struct step *by_hand; size_t by_hand_n;
};

struct escalation_times {
	int64_t quiet_ns;	/* at most one notice to a person about an incident in so long */
	int64_t again_ns;	/* not acknowledged: told again after so long; 0: never */
};

enum escalation_reason { ESCALATION_NEW, ESCALATION_CHAIN, ESCALATION_WORSE, ESCALATION_MORE, ESCALATION_REPEAT,
	ESCALATION_ACK_OVER, ESCALATION_BACK, ESCALATION_RECOVERED };
const char *escalation_reason_name(enum escalation_reason);	/* "new", "chain", ... */

/* A notice that is due now; lives for the call. */
struct due {
	uint64_t incident;
	const char *role;		/* the first that calls for it */
	const struct person *person;	/* NULL: nobody holds the role; to be recorded (once a step), not sent */
	const char *channel;		/* "mail", "webhook" */
	enum escalation_reason reason;
	const char *clause;
	bool fallback;			/* the host has no owner or deputy: a finding by 5.1.3 */
	const char *id;			/* stable over a crash: "12.18d75b8423f30000-chen-2-new-mail", with the incident's `at`; without that "12-chen-2-new-mail" */
};
typedef void escalation_due(const struct due *, void *arg);

struct escalation;
/* Kinds and people are kept by the caller, or until escalation_use. */
struct escalation *escalation_new(const struct kind *kinds, size_t n, const struct people *,
				  const struct escalation_times *, escalation_due *, void *arg);
void escalation_free(struct escalation *);
void escalation_use(struct escalation *, const struct kind *kinds, size_t n, const struct people *,
		    const struct escalation_times *);

/* Each step of an incident (call it from incident_told), with the host's name. Notes what happened; notices come out
 * of the tick, so that what one batch brought goes out together. Only closing hands out at once who is still owed a
 * recovery. 0, -ENOMEM. */
int escalation_step(struct escalation *, const struct incident *, const struct incident_step *, const char *host,
		    int64_t now_boot);
/* Hands out what is due. About once a second. */
void escalation_tick(struct escalation *, int64_t now_boot);

/* As text for a column: how long it has waited, which steps are done, who was told what. */

/* Which incidents to save: changed, or waiting for a minute since they were saved. The first one after `after` (0:
 * from the beginning); 0: no more. */
uint64_t escalation_unsaved(const struct escalation *, uint64_t after, int64_t now_boot);
/* NULL: no such incident (any more). The caller frees. */
char *escalation_save(struct escalation *, uint64_t incident, int64_t now_boot);
/* Instead of escalation_step when an open incident is restored. text "" or NULL, or not such a text (-EINVAL): it
 * begins anew. */
int escalation_load(struct escalation *, const struct incident *, const char *host, const char *text, int64_t now_boot);

#endif
