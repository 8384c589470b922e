/* health.h - what `mdatp health --output json` says. */
#ifndef HEALTH_H
#define HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct health {
	bool realtime;
	int64_t updated;	/* age of the definitions in seconds; -1: not said */
	char engine[64], definitions[64];	/* versions; "" not said */
};

/* Returns 0 or -EBADMSG. `now` is in seconds since 1970. */
int health_parse(const char *json, size_t size, int64_t now, struct health *ret);
#endif
