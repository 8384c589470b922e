#include "bound.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "text.h"
#include "unit.h"

int bound_take(const char *argument, struct bound *ret)
{
	const char *equals = strchr(argument, '=');
	struct bound b = {0};

	if (!equals || (size_t)(equals - argument) >= sizeof(b.metric) || strlen(equals + 1) >= sizeof(b.text) ||
	    !equals[1])
		return -EINVAL;
	memcpy(b.metric, argument, (size_t)(equals - argument));
	strcpy(b.text, equals + 1);
	if (!text_name(b.metric))
		return -EINVAL;
	*ret = b;
	return 0;
}

int bound_parse(struct bound *b, const char *unit)
{
	char from[sizeof(b->text)], *colon;
	const char *to;

	b->inside = b->text[0] == '@';
	strcpy(from, b->text + b->inside);
	b->from = 0;
	b->to = INFINITY;
	colon = strchr(from, ':');
	to = colon ? colon + 1 : from;
	if (colon) {
		*colon = 0;
		if (strcmp(from, "~") == 0)
			b->from = -INFINITY;
		else if (unit_parse(from, unit, &b->from) < 0)
			return -EINVAL;
	}
	if (*to && unit_parse(to, unit, &b->to) < 0)
		return -EINVAL;
	return (*to || colon) && b->from <= b->to ? 0 : -EINVAL;
}

bool bound_alerts(const struct bound *b, double value)
{
	bool within = value >= b->from && value <= b->to;

	return b->inside ? within : !within;
}

char *bound_put(const struct bound *b, char *buf, size_t room)
{
	char from[32] = "", to[32] = "";

	if (isinf(b->from))
		strcpy(from, "~:");
	else if (b->from != 0 || isinf(b->to))
		snprintf(from, sizeof(from), "%.15g:", b->from);
	if (!isinf(b->to))
		snprintf(to, sizeof(to), "%.15g", b->to);
	snprintf(buf, room, "%s%s%s", b->inside ? "@" : "", from, to);
	return buf;
}
