/* beadle person: accounts, while the collector runs. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "command.h"
#include "document.h"
#include "screen.h"

static const struct act { const char *name, *query; bool roles; const char *done; } acts[] = {
	{"add", "person.add", true, "added"}, {"roles", "person.roles", true, "has other roles now"},
	{"disable", "person.disable", false, "is disabled; every session has ended"}, {"enable", "person.enable", false, "is enabled"},
	{"password", "person.password", false, "has a one-time password; every session has ended"},
	{"factor", "person.factor", false, "has no second factor now; every session has ended"},
};

static void join(const json_t *names, char *ret, size_t n)
{
	const json_t *name;
	size_t i, at = 0;

	ret[0] = 0;
	json_array_foreach(names, i, name)
		if (at < n)
			at += (size_t)snprintf(ret + at, n - at, "%s%s", i ? "," : "", json_string_value(name));
}

static json_t *split(const char *text)
{
	json_t *list = json_array();

	while (*text) {
		size_t n = strcspn(text, ",");

		json_array_append_new(list, json_stringn(text, n));
		text += n + (text[n] == ',');
	}
	return list;
}

static int list_people(void)
{
	static const char *const heads[] = {"account", "roles", "second factor", "state"};
	struct screen_table *t;
	json_t *d;
	const json_t *p;
	size_t i;
	int r = client_ask("person.list", NULL, &d);

	if (r)
		return r;
	if (command_json)
		return command_print(d);
	t = screen_table(heads, 4);
	json_array_foreach(json_object_get(d, "people"), i, p) {
		char names[128];

		join(json_object_get(p, "roles"), names, sizeof(names));
		screen_cell(t, SCREEN_PLAIN, "%s", document_text(p, "name"));
		screen_cell(t, SCREEN_PLAIN, "%s", names);
		screen_cell(t, SCREEN_FAINT, "%s", json_is_true(json_object_get(p, "factor")) ? "yes" : "-");
		screen_cell(t, SCREEN_FAINT, "%s", json_is_true(json_object_get(p, "disabled")) ? "disabled" :
			    json_is_true(json_object_get(p, "must_change")) ? "one-time password" : "-");
	}
	screen_print(t);
	json_decref(d);
	return EXIT_DONE;
}

static int run(const struct act *act, const char *name, const char *roles)
{
	json_t *arguments = json_pack("{s:s}", "name", name), *d;
	const char *password;
	int r;

	if (roles)
		json_object_set_new(arguments, "roles", split(roles));
	r = client_ask(act->query, arguments, &d);
	if (r)
		return r;
	if (command_json)
		return command_print(d);
	screen_line(stdout, "%s: %s", document_text(d, "name"), act->done);
	password = json_string_value(json_object_get(d, "password"));
	if (password)
		printf("one-time password: %s\n", password);
	json_decref(d);
	return EXIT_DONE;
}

int command_person(int argc, char **argv)
{
	static const struct option options[] = {{"roles", required_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
	const struct act *act = NULL;
	const char *roles = NULL;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o != 'r')
			return command_usage_option(argv);
		roles = optarg;
	}
	if (optind + 1 == argc && !strcmp(argv[optind], "list"))
		return list_people();
	for (size_t i = 0; optind < argc && i < sizeof(acts) / sizeof(acts[0]); i++)
		if (!strcmp(acts[i].name, argv[optind]))
			act = &acts[i];
	if (!act)
		return command_usage(argv[0], "needs one of list, add, roles, disable, enable, password, factor");
	if (optind + 2 != argc)
		return command_usage(argv[0], "%s needs the name of one account", act->name);
	if (act->roles != (roles != NULL))
		return command_usage(argv[0], act->roles ? "%s needs --roles" : "%s takes no --roles", act->name);
	return run(act, argv[optind + 1], roles);
}
