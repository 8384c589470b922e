/*
 * settings.h - watch.yaml: which collectors a server watches, and whom it mails when one does not work.
 *
 *   collector: collector.school.example:7411          or a list
 *   state: /var/lib/beadle/watch
 *   identity: FOLDER                                   kept by somebody else; by default its own, STATE/identity
 *   language: zh-TW
 *   every: 30s
 *   for: 5min                                          it must fail for so long
 *   again: 24h
 *   to: [root@school.example]
 *   mail: {server: ..., from: ..., as in collector.yaml}
 */
#ifndef WATCH_SETTINGS_H
#define WATCH_SETTINGS_H

#include <stdbool.h>

#include "collector/notify/channels.h"

struct texts { VEC(const char *) list; };

struct settings {
	struct texts collectors, to;
	const char *identity, *state;
	char *kept;				/* its own identity, which it renews; NULL: somebody else does */
	bool chinese;
	int64_t every, patience, again;		/* ns */
	struct channels channels;
};

/* Texts belong to the conf. All mistakes are problems. */
void settings_read(const struct conf_node *root, struct settings *ret, struct problems *);
void settings_clear(struct settings *);

#endif
