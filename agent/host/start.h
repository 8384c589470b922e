/* start.h - forks the host of one plugin, walls first; and answers its wishes for a process scan. For the template, and
 * for "beadle-host one". */
#ifndef START_H
#define START_H

#include "agent/host/guard.h"
#include "agent/template.h"

#define START_WHY 160

struct started {
	pid_t pid;	/* also its process group and session */
	int socket;	/* the core's end: the caller's; -1 when the caller has made the pair */
	int scan;	/* our end; -1 when not granted */
};

/* The module and its folders must belong to root or to the user who runs this. In the child it never returns. What
 * fails inside of the child goes to the core as a Problem of check 0, and the child ends with status 1. `socket`: the
 * host's own end of a pair that the caller has made; -1: a pair is made here. */
int start_host(const struct plugin_record *, struct guards *, int socket, struct started *ret, char why[START_WHY]);

/* A byte has come on `scan`: starts beadle-procscan as user `uid` with CAP_SYS_PTRACE alone, and hands its output over.
 * Returns its process, 0 when the host has closed its end, or -errno. */
pid_t start_scan(int scan, uid_t uid, gid_t gid);

/* Ends all processes of a host: its group, and as root all of that user (uid 0: none). */
void start_kill(pid_t host, uid_t uid, gid_t gid);

#endif
