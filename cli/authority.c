/* beadle authority: the school's certificate authority, and how another takes its place. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "command.h"
#include "document.h"
#include "screen.h"

static void print_left(const json_t *left)
{
	const json_t *name;
	size_t i;

	json_array_foreach(left, i, name)
		screen_line(stdout, "still of the former authority: %s", json_string_value(name));
}

static int print(json_t *d)
{
	const char *former = json_string_value(json_object_get(d, "former"));

	if (command_json)
		return command_print(d);
	printf("authority: %s\n", document_text(d, "authority"));
	if (former)
		printf("former:    %s, %s\n", former, json_is_true(json_object_get(d, "former_over")) ? "over" :
		       "whose certificates still count; when no host is left: beadle authority finish");
	print_left(json_object_get(d, "left"));
	json_decref(d);
	return EXIT_DONE;
}

static int ask(const char *query, json_t *arguments)
{
	json_t *d;
	int r = client_ask(query, arguments, &d);

	return r ? r : print(d);
}

int command_authority(int argc, char **argv)
{
	static const struct option options[] = {{"force", no_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
	bool force = false;
	const char *act;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o != 'f')
			return command_usage_option(argv);
		force = true;
	}
	act = optind + 1 == argc ? argv[optind] : "";
	if (!strcmp(act, "finish"))
		return ask("authority.finish", json_pack("{s:b}", "force", force));
	if (force)
		return command_usage(argv[0], "--force belongs to \"finish\"");
	if (!strcmp(act, "show"))
		return ask("authority.show", NULL);
	if (!strcmp(act, "roll"))
		return ask("authority.roll", NULL);
	return command_usage(argv[0], "needs one of show, roll, finish");
}
