/*
 * loop.h - waits for descriptors and for a moment of the boot clock. The one file that knows libevent is loop.c.
 * One timer serves all: whoever waits says until when, and the loop wakes at the earliest (core.c), so an idle agent sleeps.
 */
#ifndef LOOP_H
#define LOOP_H

#include <stdint.h>

#define LOOP_NEVER INT64_MAX

struct loop;
struct watch;
enum { LOOP_READ = 1, LOOP_WRITE = 2 };

struct loop *loop_new(void);
void loop_free(struct loop *);		/* after all of its watches */

/* Calls back whenever the descriptor, which stays the caller's, is ready. A callback may free its own watch, or another. */
struct watch *loop_watch(struct loop *, int fd, int events, void (*ready)(void *arg, int events), void *arg);
int loop_change(struct watch *, int events);	/* 0: do not wait at present */
void loop_unwatch(struct watch *);		/* NULL is fine */

/* Waits until something is ready, or `wake` (clock_boot) has come, and serves it. 0 or -errno. */
int loop_once(struct loop *, int64_t wake);

#endif
