/* bound.h - bounds of `beadle check`, as Nagios writes ranges: "85%" (alert above, or below 0), "10:" (below 10),
 * "10:20" (outside),
 * "@10:20" (inside), "~:5" (above 5); numbers may carry the metric's units. */
#ifndef BOUND_H
#define BOUND_H

#include <stdbool.h>
#include <stddef.h>

struct bound { char metric[64]; char text[64]; double from, to; bool inside; };

/* "metric=range" -> metric and text; the range itself when the unit is known. 0 or -EINVAL. */
int bound_take(const char *argument, struct bound *ret);
int bound_parse(struct bound *, const char *unit);
bool bound_alerts(const struct bound *, double value);
char *bound_put(const struct bound *, char *buf, size_t room);	/* as performance data has it, in base units */

#endif
