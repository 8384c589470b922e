/*
 * look.h - one look at a collector: is it the school's, and does it work? Over mutual TLS with a watcher's own identity, or an agent's, by a
 * Probe (beadle.proto), which speaks for no host.
 */
#ifndef LOOK_H
#define LOOK_H

#include <stdint.h>

#include "own.h"

enum look {
	LOOK_WORKS,
	LOOK_SILENT,		/* nobody answers, or not to the end */
	LOOK_STRANGER,		/* who answers is not the school's collector */
	LOOK_REFUSED,		/* it does not let us in */
	LOOK_TROUBLE,		/* it says itself that it cannot work */
	LOOK_BLIND,		/* our own identity cannot be used */
};

#define LOOK_WHY 512

/* The identity is read anew each time, whoever renews it: we do, after a look that found all well and that it is time. until: boot clock.
 * Unless it works, why is one harmless line. */
enum look look_at(struct own *, const char *address, int64_t until, char why[LOOK_WHY]);

const char *look_name(enum look);	/* one word in a-z: for files and ids */

#endif
