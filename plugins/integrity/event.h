/* event.h - a change as an event: what, and every field before and after. */
#ifndef EVENT_H
#define EVENT_H

#include <stdint.h>

#include "plugins/integrity/object.h"

struct beadle_ctx;

/* Either may be NULL. */
void event_tell(struct beadle_ctx *, const struct object *before, const struct object *after, unsigned differences);

#define EVENT_HEX 65
const char *event_hex(const uint8_t digest[32], char buffer[EVENT_HEX]);

#endif
