#include "config.h"

#include "agent/host/options.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/text.h"

#define OPTIONS_MAX 256		/* rows of a table */
#define ITEMS_MAX 4096		/* members of one list */

struct beadle_list { size_t n; const char *at[]; };
struct beadle_globs { struct beadle_list list; };

static const struct { const char *name; size_t size; } types[] = {
	[BEADLE_BOOL] = {"yes or no", sizeof(bool)},
	[BEADLE_INT] = {"a whole number", sizeof(int64_t)},
	[BEADLE_DOUBLE] = {"a number", sizeof(double)},
	[BEADLE_STRING] = {"a text", sizeof(const char *)},
	[BEADLE_DURATION] = {"a duration (500ms, 90s, 15min, 24h, 7d)", sizeof(struct beadle_duration)},
	[BEADLE_SIZE] = {"a size (64KiB, 1GiB, 500MB)", sizeof(struct beadle_size)},
	[BEADLE_PATH] = {"an absolute path", sizeof(struct beadle_path)},
	[BEADLE_LIST] = {"a list", sizeof(struct beadle_list *)},
	[BEADLE_GLOBS] = {"a list of patterns", sizeof(struct beadle_globs *)},
	[BEADLE_ENDPOINT] = {"host:port", sizeof(struct beadle_endpoint)},
};

struct fill {
	const struct option_text *texts;
	size_t n;
	struct options *options;
	options_wrong *wrong;
	void *arg;
	int errors;
	bool no_memory;
};

static bool known_type(enum beadle_type type)
{
	return type > 0 && (size_t)type < sizeof(types) / sizeof(*types);
}

const char *options_type_name(enum beadle_type type)
{
	return known_type(type) ? types[type].name : "of an unknown type";
}

static void wrong(struct fill *f, const struct option_text *t, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	f->errors++;
	f->wrong(f->arg, t ? t->file : NULL, t ? t->line : 0, text);
}

/* n bytes that live as long as the options do. */
static void *keep(struct fill *f, const void *data, size_t n)
{
	void **slot = vec_push(&f->options->owned);

	if (slot)
		*slot = malloc(n ? n : 1);
	if (!slot || !*slot) {
		f->no_memory = true;
		return NULL;
	}
	if (data)
		memcpy(*slot, data, n);
	return *slot;
}

static const char *keep_text(struct fill *f, const char *s)
{
	return keep(f, s, strlen(s) + 1);
}

static bool is_list(enum beadle_type type)
{
	return type == BEADLE_LIST || type == BEADLE_GLOBS;
}

/* "a, b" -> "a" and "b", into `to` and from *n on. */
static bool split(struct fill *f, const char *s, const char **to, size_t *n)
{
	while (*s) {
		const char *comma = strchrnul(s, ','), *end = comma;
		char *item;

		while (s < end && (*s == ' ' || *s == '\t'))
			s++;
		while (end > s && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
		if (end > s) {
			if (*n == ITEMS_MAX)
				return false;
			item = keep(f, NULL, (size_t)(end - s) + 1);
			if (!item)
				return true;
			memcpy(item, s, (size_t)(end - s));
			item[end - s] = 0;
			to[(*n)++] = item;
		}
		s = *comma ? comma + 1 : comma;
	}
	return true;
}

static void fill_list(struct fill *f, const struct beadle_option *o, void *field)
{
	const char *items[ITEMS_MAX];
	const struct option_text *first = NULL;
	struct beadle_list *list;
	size_t n = 0;
	bool ok = true;

	for (size_t i = 0; ok && i < f->n; i++) {
		const struct option_text *t = &f->texts[i];

		if (strcmp(t->name, o->name) != 0)
			continue;
		first = first ? first : t;
		if (!t->item)
			ok = split(f, t->value, items, &n);
		else if ((ok = n < ITEMS_MAX))
			items[n++] = keep_text(f, t->value);
	}
	if (!first)
		ok = split(f, o->dflt, items, &n);
	if (!ok)
		return wrong(f, first, "%s: more than %d members", o->name, ITEMS_MAX);
	list = keep(f, NULL, sizeof(*list) + n * sizeof(*items));
	if (!list)
		return;
	list->n = n;
	memcpy(list->at, items, n * sizeof(*items));
	*(struct beadle_list **)field = list;
}

static int parse_path(struct fill *f, const char *s, struct beadle_path *path)
{
	if (*s && *s != '/')
		return -EINVAL;
	path->name = *s ? keep_text(f, s) : NULL;
	return 0;
}

/* "name:123", "192.0.2.1:123", "[2001:db8::1]:123"; empty: no host. */
static int parse_endpoint(struct fill *f, const char *s, struct beadle_endpoint *e)
{
	const char *colon = strrchr(s, ':'), *end = colon;
	int64_t port;
	char *host;

	if (!*s)
		return 0;
	if (!colon || text_int(colon + 1, &port) < 0 || port < 1 || port > 65535)
		return -EINVAL;
	if (*s == '[') {
		if (end[-1] != ']')
			return -EINVAL;
		s++, end--;
	} else if (memchr(s, ':', (size_t)(colon - s))) {
		return -EINVAL;		/* an IPv6 address wants its brackets */
	}
	if (end <= s || end - s > 253)
		return -EINVAL;
	host = keep(f, NULL, (size_t)(end - s) + 1);
	if (!host)
		return 0;
	memcpy(host, s, (size_t)(end - s));
	host[end - s] = 0;
	e->host = host;
	e->port = (uint16_t)port;
	return 0;
}

static int parse(struct fill *f, const struct beadle_option *o, const char *s, void *field)
{
	switch (o->type) {
	case BEADLE_BOOL:
		return text_bool(s, field);
	case BEADLE_INT:
		return text_int(s, field);
	case BEADLE_DOUBLE:
		return text_double(s, field);
	case BEADLE_DURATION:
		return text_duration(s, &((struct beadle_duration *)field)->ns);
	case BEADLE_SIZE:
		return text_size(s, &((struct beadle_size *)field)->bytes);
	case BEADLE_PATH:
		return parse_path(f, s, field);
	case BEADLE_ENDPOINT:
		return parse_endpoint(f, s, field);
	case BEADLE_STRING:
		*(const char **)field = keep_text(f, s);
		return 0;
	default:
		return -EINVAL;
	}
}

static void fill_one(struct fill *f, const struct beadle_option *o, void *field)
{
	const struct option_text *text = NULL;
	char shown[160];
	const char *value;
	int r;

	for (size_t i = 0; i < f->n; i++) {
		const struct option_text *t = &f->texts[i];

		if (strcmp(t->name, o->name) != 0)
			continue;
		if (t->item || text)
			return wrong(f, t, "%s: a list, where one value is expected (%s)", o->name,
				     options_type_name(o->type));
		text = t;
	}
	value = text ? text->value : o->dflt;
	r = parse(f, o, value, field);
	if (r == 0)
		return;
	wrong(f, text, "%s: \"%s\" is %s; expected %s%s", o->name,
	      text_escape(value, strlen(value), shown, sizeof(shown)), r == -ERANGE ? "out of range" : "not right",
	      options_type_name(o->type), text ? "" : " (the plugin's own default: report it to its author)");
}

static bool given(const struct fill *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->texts[i].name, name) == 0)
			return true;
	return false;
}

static const struct beadle_option *find(const struct beadle_option *table, const char *name)
{
	for (; table && table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

static void unknown(struct fill *f, const struct beadle_option *table, const struct option_text *t)
{
	const char *names[OPTIONS_MAX], *nearest;
	char shown[80];
	size_t n = 0;

	for (; table && table->name && n < OPTIONS_MAX; table++)
		names[n++] = table->name;
	text_escape(t->name, strlen(t->name), shown, sizeof(shown));
	nearest = text_nearest(t->name, names, n);
	if (nearest)
		wrong(f, t, "%s: no such option; did you mean \"%s\"?", shown, nearest);
	else
		wrong(f, t, "%s: no such option%s", shown, n ? "" : "; this plugin has none");
}

int options_fill(const struct beadle_option *table, const struct option_text *texts, size_t n, void *state,
		 struct options *options, options_wrong *tell, void *arg)
{
	struct fill f = {.texts = texts, .n = n, .options = options, .wrong = tell, .arg = arg};

	for (size_t i = 0; i < n; i++) {
		bool repeated = i > 0 && strcmp(texts[i].name, texts[i - 1].name) == 0;

		if (!repeated && !find(table, texts[i].name))
			unknown(&f, table, &texts[i]);
	}
	for (const struct beadle_option *o = table; o && o->name; o++) {
		void *field = (char *)state + o->offset;

		if (!o->dflt && !given(&f, o->name))
			wrong(&f, NULL, "%s: missing; the plugin needs it (%s)", o->name, o->help ? o->help : "");
		else if (is_list(o->type))
			fill_list(&f, o, field);
		else
			fill_one(&f, o, field);
	}
	return f.no_memory ? -ENOMEM : f.errors;
}

void options_free(struct options *options)
{
	for (size_t i = 0; i < options->owned.n; i++)
		free(options->owned.at[i]);
	vec_free(&options->owned);
}

const char *options_unsound(const struct beadle_option *table, size_t state_size, char why[160])
{
	size_t n = 0;

	for (const struct beadle_option *o = table; o && o->name; o++) {
		if (++n > OPTIONS_MAX)
			return snprintf(why, 160, "more than %d options", OPTIONS_MAX), why;
		if (!text_name(o->name))
			return snprintf(why, 160, "\"%.63s\" is no name for an option", o->name), why;
		if (!known_type(o->type))
			return snprintf(why, 160, "option %s is of unknown type %d", o->name, (int)o->type), why;
		if (o->offset > state_size || types[o->type].size > state_size - o->offset)
			return snprintf(why, 160, "option %s lies outside the plugin's state", o->name), why;
		if (find(table, o->name) != o)
			return snprintf(why, 160, "option %s stands twice in the table", o->name), why;
	}
	return NULL;
}

size_t beadle_list_count(const struct beadle_list *list)
{
	return list ? list->n : 0;
}

const char *beadle_list_get(const struct beadle_list *list, size_t i)
{
	return list && i < list->n ? list->at[i] : NULL;
}

bool beadle_globs_match(const struct beadle_globs *globs, const char *name)
{
	for (size_t i = 0; globs && name && i < globs->list.n; i++)
		if (strcmp(globs->list.at[i], "*") == 0 || fnmatch(globs->list.at[i], name, 0) == 0)
			return true;
	return false;
}
