#include "assignment.h"

#include <string.h>

#include "clock.h"
#include "text.h"

#define SHORTEST (NS_PER_S)
#define LONGEST (7 * 86400 * NS_PER_S)

static void check_one(const struct conf_node *check, struct problems *p)
{
	const struct conf_node *options;
	int64_t interval;

	if (conf_type(check) != CONF_MAP) {
		problem(p, conf_file(check), conf_line(check), conf_key(check), "expected a map (interval: 60s)");
		return;
	}
	conf_duration(check, "interval", 0, SHORTEST, LONGEST, &interval, p);
	options = conf_map(check, "options", p);
	for (size_t i = 0; options && i < conf_count(options); i++)
		if (!conf_value(conf_at(options, i)))
			problem(p, conf_file(options), conf_line(conf_at(options, i)), conf_key(conf_at(options, i)),
				"expected a text: an agent takes it as its own file's");
	conf_done(check, p);
}

void assignment_check(const struct conf_node *groups, struct problems *p)
{
	for (size_t i = 0; groups && i < conf_count(groups); i++) {
		const struct conf_node *group = conf_at(groups, i);

		if (conf_type(group) != CONF_MAP) {
			problem(p, conf_file(group), conf_line(group), conf_key(group), "expected a map of checks");
			continue;
		}
		for (size_t k = 0; k < conf_count(group); k++)
			check_one(conf_at(group, k), p);
	}
}

static void *take(struct arena *a, size_t n)
{
	void *p = arena_take(a, n ? n : 1);

	return p ? memset(p, 0, n) : NULL;
}

static bool put_options(Wire__AssignedCheck *out, const struct conf_node *options, struct arena *a)
{
	size_t n = options ? conf_count(options) : 0;

	out->options = take(a, n * sizeof(*out->options));
	for (size_t i = 0; out->options && i < n; i++) {
		const char *value = conf_value(conf_at(options, i));
		Wire__Option *o = take(a, sizeof(*o));

		if (!o)
			return false;
		wire__option__init(o);
		o->name = (char *)conf_key(conf_at(options, i));
		o->value = (ProtobufCBinaryData){strlen(value), (uint8_t *)value};
		out->options[out->n_options++] = o;
	}
	return out->options;
}

static bool is_in(const Wire__Assignment *all, const char *name)
{
	for (size_t i = 0; i < all->n_checks; i++)
		if (!strcmp(all->checks[i]->name, name))
			return true;
	return false;
}

static bool put_check(Wire__Assignment *all, const struct conf_node *check, struct arena *a)
{
	Wire__AssignedCheck *out = take(a, sizeof(*out));
	const char *interval = NULL;
	int64_t ns = 0;

	if (!out)
		return false;
	wire__assigned_check__init(out);
	out->name = (char *)conf_key(check);
	conf_string(check, "interval", NULL, &interval, NULL);
	if (interval && text_duration(interval, &ns) == 0)
		out->interval_ns = (uint64_t)ns;
	if (!put_options(out, conf_get(check, "options"), a))
		return false;
	all->checks[all->n_checks++] = out;
	return true;
}

static size_t count(const struct conf_node *map, const char *const *groups)
{
	size_t n = 0;

	for (; groups && *groups; groups++)
		n += conf_get(map, *groups) ? conf_count(conf_get(map, *groups)) : 0;
	return n;
}

Wire__Assignment *assignment_for(const struct conf_node *map, const char *const *groups, struct arena *a)
{
	Wire__Assignment *all = take(a, sizeof(*all));

	if (!all || !map)
		return NULL;
	wire__assignment__init(all);
	all->checks = take(a, count(map, groups) * sizeof(*all->checks));
	for (; all->checks && groups && *groups; groups++) {
		const struct conf_node *group = conf_get(map, *groups);

		for (size_t i = 0; group && i < conf_count(group); i++)
			if (!is_in(all, conf_key(conf_at(group, i))) && !put_check(all, conf_at(group, i), a))
				return NULL;
	}
	return all->checks && all->n_checks ? all : NULL;
}
