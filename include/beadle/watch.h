/*
 * watch.h - for plugins that listen: fanotify, a log, a socket.
 *
 * A plugin that sets .watch hands the host a descriptor after open; the host polls it and calls ready() whenever it
 * can be read. Inside ready() the plugin may call beadle_event, beadle_fact, beadle_skip and beadle_log; they are
 * delivered when ready() returns. Measurements still come from collect(). Calls never overlap with collect().
 */
#ifndef BEADLE_WATCH_H
#define BEADLE_WATCH_H

#include <beadle/plugin.h>

struct beadle_watch {
	/* The descriptor to poll, still the plugin's own; or -errno: then only collect() is called. Asked again after
	 * each collect(), so a plugin may reconnect. */
	int (*fd)(void *state);
	/* Takes what is there without blocking. An error stops the watching until fd() is asked again. */
	int (*ready)(struct beadle_ctx *, void *state);
};

#endif
