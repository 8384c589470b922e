/* conf.h's typed layer. */
#include "conf.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

static const struct conf_node *of_type(const struct conf_node *map, const char *key, enum conf_type type,
				       const char *expected, struct problems *p)
{
	const struct conf_node *n = conf_get(map, key);

	if (!n || conf_type(n) == type)
		return n;
	/* "key:" with nothing after it is an empty list or map, not a mistake */
	if (conf_type(n) != CONF_TEXT || *conf_value(n))
		problem(p, conf_file(n), conf_line(n), key, "expected %s", expected);
	return NULL;
}

const struct conf_node *conf_map(const struct conf_node *map, const char *key, struct problems *p)
{
	return of_type(map, key, CONF_MAP, "a map (name: value)", p);
}

const struct conf_node *conf_list(const struct conf_node *map, const char *key, struct problems *p)
{
	return of_type(map, key, CONF_LIST, "a list ([a, b] or lines that begin with -)", p);
}

static const struct conf_node *text_member(const struct conf_node *map, const char *key, struct problems *p)
{
	const struct conf_node *n = conf_get(map, key);

	if (n && conf_type(n) != CONF_TEXT) {
		problem(p, conf_file(n), conf_line(n), key, "expected a single value");
		return NULL;
	}
	return n;
}

static void wrong(const struct conf_node *n, const char *expected, struct problems *p)
{
	problem(p, conf_file(n), conf_line(n), conf_key(n), "\"%s\": expected %s", conf_value(n), expected);
}

void conf_string(const struct conf_node *map, const char *key, const char *dflt, const char **ret, struct problems *p)
{
	const struct conf_node *n = text_member(map, key, p);

	*ret = n ? conf_value(n) : dflt;
}

void conf_bool(const struct conf_node *map, const char *key, bool dflt, bool *ret, struct problems *p)
{
	const struct conf_node *n = text_member(map, key, p);

	*ret = dflt;
	if (n && text_bool(conf_value(n), ret) < 0)
		wrong(n, "yes or no", p);
}

void conf_int(const struct conf_node *map, const char *key, int64_t dflt, int64_t min, int64_t max, int64_t *ret,
	      struct problems *p)
{
	const struct conf_node *n = text_member(map, key, p);
	char expected[96];
	int64_t v;

	*ret = dflt;
	if (!n)
		return;
	if (text_int(conf_value(n), &v) == 0 && v >= min && v <= max) {
		*ret = v;
		return;
	}
	snprintf(expected, sizeof(expected), "a whole number from %lld to %lld", (long long)min, (long long)max);
	wrong(n, expected, p);
}

void conf_double(const struct conf_node *map, const char *key, double dflt, double min, double max, double *ret,
		 struct problems *p)
{
	const struct conf_node *n = text_member(map, key, p);
	char expected[96];
	double v;

	*ret = dflt;
	if (!n)
		return;
	if (text_double(conf_value(n), &v) == 0 && v >= min && v <= max) {
		*ret = v;
		return;
	}
	snprintf(expected, sizeof(expected), "a number from %g to %g", min, max);
	wrong(n, expected, p);
}

void conf_duration(const struct conf_node *map, const char *key, int64_t dflt, int64_t min, int64_t max, int64_t *ret_ns,
		   struct problems *p)
{
	const struct conf_node *n = text_member(map, key, p);
	char expected[96], low[24], high[24];
	int64_t v;

	*ret_ns = dflt;
	if (!n)
		return;
	if (text_duration(conf_value(n), &v) == 0 && v >= min && v <= max) {
		*ret_ns = v;
		return;
	}
	snprintf(expected, sizeof(expected), "a duration from %s to %s (500ms, 90s, 15min, 24h, 7d)",
		 text_put_duration(min, low), text_put_duration(max, high));
	wrong(n, expected, p);
}

void conf_size(const struct conf_node *map, const char *key, uint64_t dflt, uint64_t min, uint64_t max, uint64_t *ret,
	       struct problems *p)
{
	const struct conf_node *n = text_member(map, key, p);
	char expected[96], low[24], high[24];
	uint64_t v;

	*ret = dflt;
	if (!n)
		return;
	if (text_size(conf_value(n), &v) == 0 && v >= min && v <= max) {
		*ret = v;
		return;
	}
	snprintf(expected, sizeof(expected), "a size from %s to %s (64KiB, 16MiB, 1GiB)", text_put_size((double)min, low),
		 text_put_size((double)max, high));
	wrong(n, expected, p);
}

void conf_choice(const struct conf_node *map, const char *key, const char *const *names, int dflt, int *ret,
		 struct problems *p)
{
	const struct conf_node *n = text_member(map, key, p);
	char expected[256] = "one of";
	size_t at = strlen(expected);

	*ret = dflt;
	if (!n)
		return;
	for (int i = 0; names[i]; i++)
		if (!strcmp(conf_value(n), names[i])) {
			*ret = i;
			return;
		}
	for (int i = 0; names[i] && at < sizeof(expected); i++)
		at += (size_t)snprintf(expected + at, sizeof(expected) - at, "%s %s", i ? "," : "", names[i]);
	wrong(n, expected, p);
}
