/* clock.c - may the collector's clock be believed, and a person's word that it is right. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "clock.h"
#include "command.h"
#include "document.h"
#include "screen.h"
#include "text.h"

static void print_time(const char *what, long long ns)
{
	time_t s = (time_t)(ns / NS_PER_S);
	struct tm tm;
	char text[64] = "?";

	if (localtime_r(&s, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &tm);
	printf("%-27s %s\n", what, text);
}

static void print_apart(const char *what, long long ns)
{
	char buf[24];

	printf("%-27s %s %s\n", what, text_put_duration(llabs(ns), buf), ns < 0 ? "behind" : "ahead");
}

static void print_suspect(const json_t *clock)
{
	const json_t *theirs = json_object_get(clock, "agents_apart_ns");
	const bool stepped = json_is_true(json_object_get(clock, "stepped"));

	print_time(stepped ? "without its step it would be" : "and was last kept as", document_number(clock, "reckoned_at"));
	print_apart("it is", document_number(clock, "apart_ns"));
	if (json_is_integer(theirs))
		print_apart("of the median of the agents", json_integer_value(theirs));
	else
		printf("%-27s %lld on other machines, too few to say\n", "agents connected", document_number(clock, "agents"));
	puts("\nIt is suspect: until it is right, agents agree or you confirm it, nothing is deleted for its age and no certificate ends.\n"
	     "If what it says is the right time: beadle clock confirm");
}

static int show(void)
{
	const json_t *clock;
	json_t *d;
	int r = client_ask("status", NULL, &d);

	if (r)
		return r;
	clock = json_object_get(d, "clock");
	r = json_is_true(json_object_get(clock, "suspect")) ? EXIT_FAILED : EXIT_DONE;
	if (command_json)
		return command_print(json_pack("{s:I, s:O}", "now_at", (json_int_t)document_number(d, "now_at"), "clock", clock)), json_decref(d), r;
	print_time("the collector's clock says", document_number(d, "now_at"));
	if (r)
		print_suspect(clock);
	else
		puts("It is believed.");
	json_decref(d);
	return r;
}

static int confirm(const char *note)
{
	json_t *d;
	int r = client_ask("clock.confirm", json_pack("{s:s}", "note", note), &d);

	if (r)
		return r;
	if (command_json)
		return command_print(d);
	puts("the collector's clock is believed as it is now");
	json_decref(d);
	return EXIT_DONE;
}

int command_clock(int argc, char **argv)
{
	static const struct option options[] = {{"note", required_argument, NULL, 'n'}, {NULL, 0, NULL, 0}};
	const char *note = NULL;
	bool sure;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o != 'n')
			return command_usage_option(argv);
		note = optarg;
	}
	sure = optind < argc && !strcmp(argv[optind], "confirm");
	if (optind + sure < argc)
		return command_usage(argv[0], "does not know \"%s\"", argv[optind + sure]);
	if (note && !sure)
		return command_usage(argv[0], "--note belongs to confirm");
	return sure ? confirm(note ? note : "") : show();
}
