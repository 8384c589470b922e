#include "unit.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "text.h"

static const char *const units[] = {"bytes", "seconds", "ratio", "count", "boolean", "celsius", "per_second"};

bool unit_known(const char *unit)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(unit, units[i]))
			return true;
	return false;
}

static int seconds(const char *text, double *ret)
{
	bool negative = *text == '-';	/* days to the end of support may lie behind us */
	int64_t ns;
	int r = text_duration(text + negative, &ns);

	if (r == 0)
		*ret = (negative ? -1 : 1) * (double)ns / (double)NS_PER_S;
	return r;
}

static int with_suffix(const char *text, const char *suffix, double *ret)
{
	size_t n = strlen(text), k = strlen(suffix);
	char number[64];

	if (n <= k || n - k >= sizeof(number) || strcmp(text + n - k, suffix))
		return -EINVAL;
	memcpy(number, text, n - k);
	for (n -= k; n && number[n - 1] == ' '; n--)
		;
	number[n] = 0;
	return text_double(number, ret);
}

int unit_parse(const char *text, const char *unit, double *ret)
{
	uint64_t bytes;
	bool b;
	int r;

	if (!strcmp(unit, "seconds"))
		return seconds(text, ret);
	if (!strcmp(unit, "bytes")) {
		r = text_size(text, &bytes);
		if (r == 0)
			*ret = (double)bytes;
		return r;
	}
	if (!strcmp(unit, "ratio")) {
		r = with_suffix(text, "%", ret);
		if (r == 0)
			*ret /= 100;
		return r < 0 ? text_double(text, ret) : 0;
	}
	if (!strcmp(unit, "boolean") && text_bool(text, &b) == 0) {
		*ret = b;
		return 0;
	}
	if (!strcmp(unit, "celsius") && with_suffix(text, "°C", ret) == 0)
		return 0;
	if (!strcmp(unit, "per_second") && with_suffix(text, "/s", ret) == 0)
		return 0;
	return text_double(text, ret);
}

char *unit_put(double value, const char *unit, char *buf, size_t room)
{
	char short_form[24];

	if (!strcmp(unit, "seconds") && fabs(value) < 9e9)
		snprintf(buf, room, "%s", text_put_duration((int64_t)(value * (double)NS_PER_S), short_form));
	else if (!strcmp(unit, "bytes"))
		snprintf(buf, room, "%s", text_put_size(value, short_form));
	else if (!strcmp(unit, "ratio"))
		snprintf(buf, room, "%.4g %%", value * 100);
	else if (!strcmp(unit, "boolean"))
		snprintf(buf, room, "%s", value != 0 ? "yes" : "no");
	else if (!strcmp(unit, "celsius"))
		snprintf(buf, room, "%.4g °C", value);
	else if (!strcmp(unit, "per_second"))
		snprintf(buf, room, "%.4g/s", value);
	else
		snprintf(buf, room, "%.10g", value);
	return buf;
}
