/* words.h - what a notice says, in the person's language. Asset, state, clause, title and link; nothing that a record holds (ACC-12,
 * SECURITY M2): no labels, no paths, no texts of hosts or people. */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/procedure/escalation.h"
#include "site.h"

struct words { char subject[256]; char text[2048]; char *json; };	/* json: the caller frees; NULL: no memory */

/* more_events: those of its checks that the agent only counted. */
void words_of(const struct site *, const struct due *, const struct incident *, const char *host, uint64_t more_events,
	      int64_t now_wall, struct words *ret);

/* The journal's last checkpoint, as the line that is kept (doc/journal-format.md), for who keeps it. No json. */
void words_checkpoint(const struct site *, bool chinese, uint64_t number, int64_t signed_wall, const char *line, struct words *ret);

/* A finding for the screen of people who have logged in: "mount=/srv: 91.2 %". Returns buf. */
struct curve;
char *words_finding(const struct curve *, double value, const char *why, char *buf, size_t room);

#endif
