/* units.h - what systemd says of its units, over D-Bus. The one file that knows libsystemd. */
#ifndef UNITS_H
#define UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct units;	/* an open connection */

/* The values of the metric service_state: the higher, the worse. */
enum unit_state { UNIT_ACTIVE = 0, UNIT_STARTING, UNIT_STOPPING, UNIT_INACTIVE, UNIT_FAILED, UNIT_MISSING };

struct unit {
	enum unit_state state;
	bool has_restarts;	/* services alone count them */
	uint32_t restarts;
	char detail[128];	/* "active (running), enabled, last result success" */
};

bool units_booted(void);	/* systemd runs this machine */

/* Return 0 or -errno; after an error other than -EINVAL, close and open anew. `bus` is the path of the bus's socket. */
int units_open(const char *bus, struct units **ret);
int units_get(struct units *, const char *name, struct unit *ret);

/* Calls `found` for each unit that is enabled, wanted by something that is active, and neither runs nor has done its
 * work. */
int units_enabled_dead(struct units *, void (*found)(const char *name, void *arg), void *arg);
void units_close(struct units *);
#endif
