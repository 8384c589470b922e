/* hosts_inside.h - what hosts.c (their lives) and told.c (what they say) share; nobody else includes it. */
#ifndef HOSTS_INSIDE_H
#define HOSTS_INSIDE_H

#include <stdbool.h>

#include "agent/core/hosts.h"
#include "agent/core/pipe.h"
#include "agent/template.h"
#include "lib/arena.h"

enum host_state {
	HOST_NONE,	/* no process */
	HOST_STARTING,	/* asked of the template */
	HOST_LIVE,
	HOST_STOPPING,	/* told to end, or its pipe is closed */
	HOST_KILLING,	/* the template was asked to kill it */
	HOST_STUCK,	/* killed, and yet it has not ended: nothing more is asked of it */
};

struct host {
	struct hosts *all;
	uint32_t plugin, serial;
	unsigned generation;		/* of the plan it was started under */
	enum host_state state;
	struct pipe pipe;
	bool told;			/* its inventory has come */
	bool served;			/* a round of this process is in */
	bool watches, stale;
	struct check *queue;		/* utlist; the first one runs when `running` */
	bool running;
	uint64_t run;
	int64_t since;			/* of the state, or of the run */
	int64_t deadline;		/* LOOP_NEVER: none */
	unsigned failures;
	int64_t not_before;
	Wire__Outcome outcome;		/* why we ended it: the record of the round that ran */
	char why[256];
	struct { uint32_t check; size_t n; int64_t since, until; } held;	/* events in a pipe that is not read; until 0: none */
	int64_t held_told;
	bool last_words;		/* nothing comes behind: nothing is held */
};

struct hosts {
	struct loop *loop;
	int template;
	struct watch *watch;
	struct checks *checks;
	struct outbox *outbox;
	struct arena *arena;
	uint32_t serial;
	bool lost;
	struct host *by_plugin[PLUGINS_MAX];
};

/* told.c: a frame of the host, as pipe.h wants it. */
int told_frame(void *host, const uint8_t *frame, size_t n);
void told_resume(struct host *, int64_t now);	/* listens again, if there is room or it has waited long enough */
void told_last_words(struct host *);		/* takes what is still in its pipe; it can write no more */

/* hosts.c */
void host_kill(struct host *, Wire__Outcome, const char *format, ...) __attribute__((format(printf, 3, 4)));
void host_done(struct host *, const Wire__Record *);	/* the round that ran is in; takes up the next */
void host_renew(struct host *);				/* the rounds that were asked of it are asked of the next process */
const char *host_name(const struct host *);

#endif
