#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "clock.h"
#include "command.h"
#include "document.h"
#include "screen.h"
#include "text.h"
#include "unit.h"

#define LIST_MAX 1000
#define CLOCK_FAR (5 * NS_PER_S)	/* the doctor warns from here on */

static void print_hosts(const json_t *d)
{
	static const char *const heads[] = {"host", "state", "seen", "incidents", "owner", "deputy", "clock"};
	struct screen_table *t = screen_table(heads, 7);
	const json_t *h;
	size_t i;
	char ago[32], off[24];

	json_array_foreach(json_object_get(d, "hosts"), i, h) {
		long long incidents = document_number(h, "incidents"), offset = document_number(h, "clock_offset_ns");
		bool far = llabs(offset) > CLOCK_FAR;

		screen_cell(t, SCREEN_PLAIN, "%s", document_text(h, "name"));
		screen_cell(t, screen_of_state(document_text(h, "state")), "%s", document_text(h, "state"));
		if (json_is_true(json_object_get(h, "revoked")))
			screen_cell(t, SCREEN_FAINT, "revoked");
		else if (json_is_true(json_object_get(h, "watches")))
			screen_cell(t, SCREEN_PLAIN, "watcher, %s", screen_ago(document_number(h, "seen_at"), ago));
		else if (json_is_true(json_object_get(h, "never_connected")))
			screen_cell(t, SCREEN_WARN, "never connected");
		else if (json_is_true(json_object_get(h, "connected")))
			screen_cell(t, json_is_true(json_object_get(h, "events_held")) ? SCREEN_WARN : SCREEN_GOOD, "connected%s",
				    json_is_true(json_object_get(h, "events_held")) ? ", no room for events" : "");
		else
			screen_cell(t, SCREEN_BAD, "%s", screen_ago(document_number(h, "seen_at"), ago));
		screen_cell(t, incidents ? SCREEN_BAD : SCREEN_PLAIN, "%lld", incidents);
		screen_cell(t, SCREEN_PLAIN, "%s", document_text(h, "owner"));
		screen_cell(t, SCREEN_PLAIN, "%s", document_text(h, "deputy"));
		text_put_duration(offset, off);
		screen_cell(t, far ? SCREEN_WARN : SCREEN_PLAIN, "%s%s", offset > 0 ? "+" : "", off);
	}
	screen_print(t);
}

/* mount=/srv,state=used */
static const char *labels_of(const json_t *series, char *buf, size_t room)
{
	json_t *labels = json_object_get(series, "labels"), *value;
	const char *key;
	size_t at = 0;

	buf[0] = 0;
	json_object_foreach(labels, key, value)
		if (at < room)
			at += (size_t)snprintf(buf + at, room - at, "%s%s=%s", at ? "," : "", key,
					       json_string_value(value));
	return buf;
}

static void print_given_up(const json_t *host)
{
	const json_t *c;
	size_t i;
	char from[32], to[32];

	json_array_foreach(json_object_get(host, "checks"), i, c) {
		const json_t *g = json_object_get(c, "given_up");

		if (json_is_object(g))
			screen_line(stdout, "%s: the agent's spool was full: %lld results were given up, the first of %s, the last of %s",
				    document_text(c, "name"), document_number(g, "results"), screen_ago(document_number(g, "from_at"), from),
				    screen_ago(document_number(g, "to_at"), to));
	}
}

static void print_gaps(const json_t *host)
{
	const json_t *g;
	size_t i;
	char ago[32];

	json_array_foreach(json_object_get(host, "gaps"), i, g)
		printf("lost when a backup was restored: %lld records that were acknowledged, the last %s, and that the agent keeps no longer "
		       "(epoch %s, %lld to %lld)\n", document_number(g, "records"), screen_ago(document_number(g, "before_at"), ago), document_text(g, "epoch"),
		       document_number(g, "from"), document_number(g, "to"));
}

static void print_row(struct screen_table *t, const json_t *check, const char *what, const char *text, const char *state)
{
	char ago[32];

	screen_cell(t, SCREEN_PLAIN, "%s", document_text(check, "name"));
	screen_cell(t, SCREEN_FAINT, "%s", what);
	screen_cell(t, SCREEN_PLAIN, "%s", text);
	screen_cell(t, SCREEN_PLAIN, "-");
	screen_cell(t, screen_of_state(state), "%s", state);
	screen_cell(t, SCREEN_FAINT, "%s", screen_ago(document_number(check, "at"), ago));
}

/* Sources that the last round left out. */
static void print_skips(struct screen_table *t, const json_t *check)
{
	const json_t *s;
	size_t i;
	char text[640];

	json_array_foreach(json_object_get(check, "skips"), i, s) {
		snprintf(text, sizeof(text), "%s: %s", document_text(s, "what"), document_text(s, "error"));
		print_row(t, check, "(left out)", text, document_text(check, "state"));
	}
	snprintf(text, sizeof(text), "%lld more", document_number(check, "more_skips"));
	if (document_number(check, "more_skips"))
		print_row(t, check, "(left out)", text, document_text(check, "state"));
}

static void print_checks(const json_t *host)
{
	static const char *const heads[] = {"check", "metric", "labels", "value", "state", "at"};
	struct screen_table *t = screen_table(heads, 6);
	const json_t *c, *s;
	size_t i, k;
	char labels[512], value[64], ago[32];

	json_array_foreach(json_object_get(host, "checks"), i, c) {
		if (json_is_string(json_object_get(c, "why")) || json_array_size(json_object_get(c, "series")) == 0)
			print_row(t, c, document_text(c, "why"), "-", document_text(c, "state"));
		print_skips(t, c);
		json_array_foreach(json_object_get(c, "series"), k, s) {
			screen_cell(t, SCREEN_PLAIN, "%s", document_text(c, "name"));
			screen_cell(t, SCREEN_PLAIN, "%s", document_text(s, "metric"));
			screen_cell(t, SCREEN_PLAIN, "%s", labels_of(s, labels, sizeof(labels)));
			unit_put(json_number_value(json_object_get(s, "value")), document_text(s, "unit"), value,
				 sizeof(value));
			screen_cell(t, SCREEN_PLAIN, "%s", value);
			screen_cell(t, screen_of_state(document_text(s, "state")), "%s", document_text(s, "state"));
			screen_cell(t, SCREEN_FAINT, "%s", screen_ago(document_number(s, "at"), ago));
		}
	}
	screen_print(t);
}

static void print_facts(const json_t *host)
{
	static const char *const heads[] = {"check", "fact", "labels", "text"};
	struct screen_table *t = screen_table(heads, 4);
	const json_t *c, *f;
	size_t i, k;
	char labels[512];

	json_array_foreach(json_object_get(host, "checks"), i, c)
		json_array_foreach(json_object_get(c, "facts"), k, f) {
			screen_cell(t, SCREEN_PLAIN, "%s", document_text(c, "name"));
			screen_cell(t, SCREEN_PLAIN, "%s", document_text(f, "name"));
			screen_cell(t, SCREEN_PLAIN, "%s", labels_of(f, labels, sizeof(labels)));
			screen_cell(t, SCREEN_PLAIN, "%s", document_text(f, "value"));
		}
	screen_print(t);
}

/* The collector tells at most LIST_MAX at once. */
static int ask_all(json_t **ret)
{
	json_t *all = json_array(), *d;
	long long after = -1;
	bool more = true;
	int r = EXIT_DONE;

	while (more) {
		json_t *part;

		r = client_ask("hosts", json_pack("{s:i, s:I}", "limit", LIST_MAX, "after", (json_int_t)after), &d);
		if (r)
			break;
		part = json_object_get(d, "hosts");
		json_array_extend(all, part);
		more = json_is_true(json_object_get(d, "more")) && json_array_size(part);
		after = document_number(json_array_get(part, json_array_size(part) - 1), "id");
		json_decref(d);
	}
	if (r)
		json_decref(all);
	else
		*ret = json_pack("{s:o, s:b}", "hosts", all, "more", false);
	return r;
}

int command_hosts(int argc, char **argv)
{
	json_t *d;
	int r;

	if (argc > 2)
		return command_usage(argv[0], "takes at most one host");
	if (argc == 2 && argv[1][0] == '-')
		return command_usage(argv[0], "%s is no option here", argv[1]);
	r = argc == 2 ? client_ask("host", json_pack("{s:s}", "host", argv[1]), &d) : ask_all(&d);
	if (r)
		return r;
	if (command_json)
		return command_print(d);
	if (argc == 2) {
		print_checks(d);
		print_given_up(d);
		print_gaps(d);
		putchar('\n');
		print_facts(d);
	} else
		print_hosts(d);
	json_decref(d);
	return EXIT_DONE;
}
