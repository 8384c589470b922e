/* round.h - what one run of a plugin brought, and how `beadle check` shows it. */
#ifndef ROUND_H
#define ROUND_H

#include <stddef.h>

#include "bound.h"
#include "proto/host.pb-c.h"
#include "vec.h"

struct round {
	const Host__Inventory *inventory;
	const Host__Round *round;
	VEC(const Host__Events *) events;
	VEC(struct bound) warning, critical;
};

enum { ROUND_OK, ROUND_WARNING, ROUND_CRITICAL, ROUND_UNKNOWN };	/* Nagios' exit statuses */

/* Each of these looks at outcome and bounds, prints, and returns the state. */
int round_print_text(const struct round *);
int round_print_json(const struct round *);
int round_print_nagios(const struct round *);
int round_state(const struct round *);

const Wire__Metric *round_metric(const struct round *,
				 const Host__Value *); /* NULL: the host names one that is not there */
/* "mount=/ state=used", made harmless. Returns buf. */
char *round_labels(Wire__Label *const *, size_t n, char *buf, size_t room);

#endif
