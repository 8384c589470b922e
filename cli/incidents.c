#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "clock.h"
#include "command.h"
#include "document.h"
#include "screen.h"
#include "text.h"
#include "unit.h"

#define LIST_MAX 1000	/* as many as the collector tells at once */

/* What it is about, by its worst finding; else what kind of incident it is. */
static const char *about(const json_t *incident)
{
	const char *text = json_string_value(json_object_get(incident, "about_en"));

	return text && *text ? text : document_text(incident, "title_en");
}

static void print_incidents(const json_t *d)
{
	static const char *const heads[] = {"id", "host", "kind", "severity", "state", "opened", "clause", "title"};
	struct screen_table *t = screen_table(heads, 8);
	const json_t *x;
	size_t i;
	char ago[32];

	json_array_foreach(json_object_get(d, "incidents"), i, x) {
		const char *clause = json_string_value(json_array_get(json_object_get(x, "clauses"), 0));

		screen_cell(t, SCREEN_PLAIN, "%lld", document_number(x, "id"));
		screen_cell(t, SCREEN_PLAIN, "%s", document_text(x, "host_name"));
		screen_cell(t, SCREEN_PLAIN, "%s", document_text(x, "kind"));
		screen_cell(t, screen_of_state(document_text(x, "severity")), "%s", document_text(x, "severity"));
		screen_cell(t, SCREEN_PLAIN, "%s", document_text(x, "state"));
		screen_cell(t, SCREEN_PLAIN, "%s", screen_ago(document_number(x, "opened_at"), ago));
		screen_cell(t, SCREEN_PLAIN, "%s", clause ? clause : "-");
		screen_cell(t, SCREEN_PLAIN, "%s", about(x));
	}
	screen_print(t);
}

static void print_findings(const json_t *incident)
{
	static const char *const heads[] = {"check", "metric", "found", "bound", "state", "since", "clause"};
	struct screen_table *t = screen_table(heads, 7);
	const json_t *f;
	size_t i;
	char bound[64], ago[32];

	json_array_foreach(json_object_get(incident, "findings"), i, f) {
		const json_t *at = json_object_get(f, "bound");

		screen_cell(t, SCREEN_PLAIN, "%s", document_text(f, "check"));
		screen_cell(t, SCREEN_PLAIN, "%s", document_text(f, "metric"));
		screen_cell(t, SCREEN_PLAIN, "%s", document_text(f, "what"));
		if (json_is_number(at))
			screen_cell(t, SCREEN_PLAIN, "%s%s", json_is_true(json_object_get(f, "stated")) ? "" : "≈ ",
				    unit_put(json_number_value(at), document_text(f, "unit"), bound, sizeof(bound)));
		else
			screen_cell(t, SCREEN_PLAIN, "-");
		screen_cell(t, screen_of_state(document_text(f, "state")), "%s", document_text(f, "state"));
		screen_cell(t, SCREEN_PLAIN, "%s", screen_ago(document_number(f, "since_at"), ago));
		screen_cell(t, SCREEN_PLAIN, "%s", document_text(f, "clause"));
	}
	screen_print(t);
}

/* The field that stands beside NAME_before, or NULL. `stem`: NAME. */
static const char *after_of(const json_t *fields, const char *name, char *stem, size_t room)
{
	size_t n = strlen(name);
	char after[128];

	if (n < 8 || n >= room || strcmp(name + n - 7, "_before"))
		return NULL;
	snprintf(stem, room, "%.*s", (int)(n - 7), name);
	snprintf(after, sizeof(after), "%s_after", stem);
	return json_string_value(json_object_get(fields, after));
}

static bool is_told_beside(const json_t *fields, const char *name)
{
	size_t n = strlen(name);
	char before[128];

	if (n < 7 || strcmp(name + n - 6, "_after"))
		return false;
	snprintf(before, sizeof(before), "%.*s_before", (int)(n - 6), name);
	return json_object_get(fields, before);
}

/* What an event's plugin said of it, a row each; before and after in one. What is the same on both sides is left out. */
static void print_fields(struct screen_table *t, const json_t *step)
{
	json_t *fields = json_object_get(step, "fields"), *value;
	const char *name, *after, *text;
	char stem[96];

	json_object_foreach(fields, name, value) {
		text = json_string_value(value);
		after = after_of(fields, name, stem, sizeof(stem));
		if (!text || is_told_beside(fields, name) || (after && !strcmp(text, after)))
			continue;
		screen_cell(t, SCREEN_PLAIN, " ");
		screen_cell(t, SCREEN_PLAIN, " ");
		screen_cell(t, SCREEN_FAINT, "%s", after ? stem : name);
		if (after)
			screen_cell(t, SCREEN_PLAIN, "%s -> %s", text, after);
		else
			screen_cell(t, SCREEN_PLAIN, "%s", text);
	}
}

static void print_steps(const json_t *incident)
{
	static const char *const heads[] = {"when", "who", "what", "detail"};
	struct screen_table *t = screen_table(heads, 4);
	const json_t *s;
	size_t i;
	char ago[32];

	json_array_foreach(json_object_get(incident, "steps"), i, s) {
		screen_cell(t, SCREEN_FAINT, "%s", screen_ago(document_number(s, "at"), ago));
		screen_cell(t, SCREEN_PLAIN, "%s", document_text(s, "actor"));
		screen_cell(t, SCREEN_PLAIN, "%s", document_text(s, "what"));
		if (document_number(s, "more") > 0)
			screen_cell(t, SCREEN_PLAIN, "%s and %lld more", document_text(s, "detail"), document_number(s, "more"));
		else
			screen_cell(t, SCREEN_PLAIN, "%s", document_text(s, "detail"));
		print_fields(t, s);
	}
	screen_print(t);
	if (document_number(incident, "more_steps"))
		printf("%lld older steps are not shown\n", document_number(incident, "more_steps"));
}

static void print_notices(const json_t *incident)
{
	static const char *const heads[] = {"when", "role", "person", "by", "clause", "state", "tries"};
	struct screen_table *t = screen_table(heads, 7);
	const json_t *n;
	size_t i;
	char ago[32];

	json_array_foreach(json_object_get(incident, "notices"), i, n) {
		screen_cell(t, SCREEN_FAINT, "%s", screen_ago(document_number(n, "at"), ago));
		screen_cell(t, SCREEN_PLAIN, "%s", document_text(n, "role"));
		screen_cell(t, SCREEN_PLAIN, "%s", document_text(n, "person"));
		screen_cell(t, SCREEN_PLAIN, "%s", document_text(n, "channel"));
		screen_cell(t, SCREEN_PLAIN, "%s", document_text(n, "clause"));
		screen_cell(t, SCREEN_PLAIN, "%s", document_text(n, "state"));
		screen_cell(t, SCREEN_PLAIN, "%lld", document_number(n, "tries"));
	}
	screen_print(t);
}

int command_incidents(int argc, char **argv)
{
	static const struct option options[] = {{"all", no_argument, NULL, 'a'}, {"host", required_argument, NULL, 'H'},
		{NULL, 0, NULL, 0}};
	json_t *arguments = json_pack("{s:i}", "limit", LIST_MAX), *d;
	int o, r;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'a')
			json_object_set_new(arguments, "open", json_false());
		else if (o == 'H')
			json_object_set_new(arguments, "host", json_string(optarg));
		else
			return json_decref(arguments), command_usage_option(argv);
	}
	if (optind < argc)
		return json_decref(arguments), command_usage(argv[0], "does not know \"%s\"", argv[optind]);
	r = client_ask("incidents", arguments, &d);
	if (r)
		return r;
	if (json_is_true(json_object_get(d, "more")))
		fprintf(stderr, "beadle: these are the first %d; --host shows those of one host\n", LIST_MAX);
	if (command_json)
		return command_print(d);
	print_incidents(d);
	json_decref(d);
	return EXIT_DONE;
}

static bool read_id(const char *s, int64_t *ret)
{
	return s && text_int(s, ret) == 0 && *ret > 0;
}

int command_incident(int argc, char **argv)
{
	json_t *d;
	int64_t id;
	int r;

	if (argc != 2 || !read_id(argv[1], &id))
		return command_usage(argv[0], "needs the number of one incident");
	r = client_ask("incident", json_pack("{s:I}", "id", (json_int_t)id), &d);
	if (r)
		return r;
	if (command_json)
		return command_print(d);
	screen_line(stdout, "incident %lld on %s: %s (%s), %s", document_number(d, "id"), document_text(d, "host_name"),
		    about(d), document_text(d, "kind"), document_text(d, "state"));
	putchar('\n');
	print_findings(d);
	putchar('\n');
	print_steps(d);
	putchar('\n');
	print_notices(d);
	json_decref(d);
	return EXIT_DONE;
}

#define ACK_SHORTEST (60 * NS_PER_S)
#define ACK_LONGEST (7 * 86400 * NS_PER_S)

/* ack, handle and close differ in their names and in what they must say. */
static int act(int argc, char **argv, const char *query, bool expires, bool needs_note)
{
	static const struct option all[] = {{"for", required_argument, NULL, 'f'},
		{"note", required_argument, NULL, 'n'}, {NULL, 0, NULL, 0}};
	const struct option *options = expires ? all : all + 1;
	const char *note = NULL;
	int64_t id, duration = 4 * 3600 * NS_PER_S;
	json_t *arguments, *d;
	int o, r;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'n')
			note = optarg;
		else if (o != 'f')
			return command_usage_option(argv);
		else if (text_duration(optarg, &duration) < 0 || duration < ACK_SHORTEST || duration > ACK_LONGEST)
			return command_usage(argv[0], "--for %s: expected a duration from 1min to 7d, such as 30min",
					     optarg);
	}
	if (optind + 1 != argc || !read_id(argv[optind], &id))
		return command_usage(argv[0], "needs the number of one incident");
	if (needs_note && !note)
		return command_usage(argv[0], "needs --note: it goes into the record");
	arguments = json_pack("{s:I, s:s}", "id", (json_int_t)id, "note", note ? note : "");
	if (expires)
		json_object_set_new(arguments, "for_ns", json_integer(duration));
	r = client_ask(query, arguments, &d);
	if (r)
		return r;
	if (command_json)
		return command_print(d);
	printf("incident %lld: %s\n", document_number(d, "id"), document_text(d, "state"));
	json_decref(d);
	return EXIT_DONE;
}

int command_ack(int argc, char **argv)
{
	return act(argc, argv, "incident.ack", true, false);
}

int command_handle(int argc, char **argv)
{
	return act(argc, argv, "incident.handle", false, true);
}

int command_close(int argc, char **argv)
{
	return act(argc, argv, "incident.close", false, true);
}
