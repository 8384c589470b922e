/*
 * beat.h - the heartbeat: somebody outside alarms when he does not hear it (SECURITY R13). Before each one the collector is asked, and only
 * when it answers within the interval, its engine running and its store writable, is the beat sent: that this process lives says nothing.
 */
#ifndef BEAT_H
#define BEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "post.h"

struct beat;

struct beat_setup {
	const struct heartbeat *its;		/* every 0: none is configured, and nothing ever due */
	const char *title;			/* of the school */
	bool chinese;
	struct post *post;
	void (*ask)(uint64_t id, void *arg);
	void (*told)(const char *trouble, void *arg);	/* why nobody hears it, "" when somebody does: when that changes */
	void *arg;
};

struct beat *beat_new(const struct beat_setup *);	/* copied; its texts are not. NULL: no memory */
void beat_free(struct beat *);
int64_t beat_due(const struct beat *);			/* boot clock: when to look */
void beat_look(struct beat *);
void beat_working(struct beat *, uint64_t id, const char *trouble);	/* the collector's answer; "": it works */
void beat_done(struct beat *, const char *error);	/* of post_once */

#endif
