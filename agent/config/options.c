#include "config.h"

#include "agent/config/options.h"

#include <string.h>

#define OPTIONS_MAX 4096	/* texts of one check, list members counted */

/* How many texts: an empty list is an empty text. */
static size_t count(const struct conf_node *option)
{
	return conf_count(option) ? conf_count(option) : 1;
}

/* What holds the i-th of them, or NULL when that is none. */
static const struct conf_node *text_at(const struct conf_node *option, size_t i)
{
	const struct conf_node *n = conf_count(option) ? conf_at(option, i) : option;

	if (conf_type(option) == CONF_MAP || (n != option && conf_type(n) != CONF_TEXT))
		return NULL;
	return n;
}

static void check_one(const struct conf_node *option, struct problems *p)
{
	static const char expected[] = "an option is a text or a list of texts";

	if (conf_type(option) == CONF_MAP)
		return problem(p, conf_file(option), conf_line(option), conf_key(option), "%s", expected);
	for (size_t i = 0; i < conf_count(option); i++)
		if (!text_at(option, i))
			problem(p, conf_file(option), conf_line(conf_at(option, i)), conf_key(option), "%s", expected);
}

void options_check(const struct conf_node *options, struct problems *p)
{
	size_t texts = 0;

	for (size_t i = 0; i < conf_count(options) && texts <= OPTIONS_MAX; i++) {
		const struct conf_node *option = conf_at(options, i);

		check_one(option, p);
		texts += count(option);
		if (texts > OPTIONS_MAX)
			problem(p, conf_file(option), conf_line(option), conf_key(option), "more than %d values of options", OPTIONS_MAX);
	}
}

static Host__Option *new_option(const struct conf_node *option, const struct conf_node *text, struct arena *arena)
{
	const char *value = conf_value(text) ? conf_value(text) : "";
	Host__Option *o = arena_take(arena, sizeof(*o));

	if (!o)
		return NULL;
	host__option__init(o);
	o->name = (char *)conf_key(option);
	o->value = (ProtobufCBinaryData){.data = (uint8_t *)value, .len = strlen(value)};
	o->file = (char *)conf_file(text);
	o->line = conf_line(text);
	o->item = text != option;
	return o;
}

Host__Option **options_of(const struct conf_node *options, struct arena *arena, size_t *ret_n)
{
	Host__Option **ret;
	size_t room = 0, n = 0;

	for (size_t i = 0; i < conf_count(options); i++)
		room += count(conf_at(options, i));
	ret = arena_take(arena, (room + 1) * sizeof(*ret));
	for (size_t i = 0; ret && i < conf_count(options); i++)
		for (size_t k = 0; k < count(conf_at(options, i)); k++) {
			const struct conf_node *text = text_at(conf_at(options, i), k);

			if (text && !(ret[n++] = new_option(conf_at(options, i), text, arena)))
				return NULL;
		}
	*ret_n = n;
	return ret;
}
