/*
 * host.h - one plugin's process: its module, its instances (one for each configured check), and the loop that serves
 * the core. Single thread; calls of the plugin are made from the loop and never overlap. The core, or the template,
 * ends us when a call takes too long.
 */
#ifndef HOST_H
#define HOST_H

#include <uthash.h>

#include "agent/host/guard.h"
#include "agent/host/module.h"
#include "agent/host/options.h"
#include "agent/host/report.h"
#include "lib/grant.h"
#include "lib/vec.h"

#define HOST_PRINTED 4096	/* bytes kept of what a round prints and logs */

struct host {
	int socket;		/* frames from and to the core */
	int scan;		/* to the template, for process scans; -1 when not granted */
	int descriptors[GRANT_DESCRIPTORS];	/* that the launcher has opened, or -errno */
	int printed;		/* memfd behind stdout and stderr; -1: none */
	const char *state;	/* the plugin's private directory, or "" */
	struct guards *guards;
	int64_t looked;		/* at the landmarks; 0: no round was made yet */
	struct module *module;
	struct beadle_ctx *instances;	/* uthash by check */
};

/* An instance: what a plugin's functions see as their context. */
struct origin { char *name, *file; unsigned line; bool item; };

struct beadle_ctx {
	struct host *host;
	uint32_t check;
	char *name;
	char **granted;
	size_t n_granted;
	struct options options;
	struct origin *origins;	/* of the options' texts, for beadle_refuse */
	size_t n_origins;
	VEC(char *) paths;	/* handed out by beadle_state_path */
	void *state;
	bool opened, dead;	/* dead: close, and forget */
	bool asked;		/* inside an open() that only asks: what it refuses is a Problem */
	bool listening;		/* inside a watcher's ready(): reports are Events */
	int watched;		/* descriptor to poll, or -1 */
	struct report report;
	UT_hash_handle hh;
};

/* Serves until the core says stop or closes its end: 0; or -errno when its bytes make no sense. */
int host_serve(struct host *);

/* instance.c: the answers to Configure, Run and Stop, and to a watched descriptor that can be read. Errors go to the
 * core as Problems and Rounds; only a failing socket is returned. */
int instance_configure(struct host *, const Host__Configure *);
int instance_run(struct host *, const Host__Run *);
int instance_listen(struct beadle_ctx *);
void instance_stop(struct host *, struct beadle_ctx *);

/* send.c */
int send_problem(struct host *, uint32_t check, const char *file, unsigned line, const char *text);
int send_round(struct beadle_ctx *, uint64_t run, int result, int64_t took_ns);
int send_renew(struct host *);		/* "start me again": what the walls leave open is no longer there */
int send_events(struct beadle_ctx *);	/* what has gathered; nothing when there is none */

/* beadle_log without an instance. */
void host_print(struct host *, const char *text, size_t n);

#endif
