#include <stdio.h>
#include <string.h>

#include "client.h"
#include "command.h"
#include "document.h"
#include "screen.h"

static void print_status(const json_t *d)
{
	static const char *const heads[] = {"what", "now"};
	const json_t *hosts = json_object_get(d, "hosts"), *states = json_object_get(d, "states");
	const json_t *incidents = json_object_get(d, "incidents"), *procedure = json_object_get(d, "procedure");
	const long long gone = document_number(hosts, "gone"), warning = document_number(states, "warning");
	const long long critical = document_number(states, "critical");
	const long long unacknowledged = document_number(incidents, "unacknowledged");
	struct screen_table *t = screen_table(heads, 2);
	char ago[32];

	screen_cell(t, SCREEN_PLAIN, "site");
	screen_cell(t, SCREEN_PLAIN, "%s, collector up since %s", document_text(d, "school"),
		    screen_ago(document_number(d, "started_at"), ago));
	screen_cell(t, SCREEN_PLAIN, "procedure");
	screen_cell(t, SCREEN_PLAIN, "%s v%s", document_text(procedure, "document"),
		    document_text(procedure, "version"));
	screen_cell(t, SCREEN_PLAIN, "hosts");
	screen_cell(t, gone ? SCREEN_BAD : SCREEN_GOOD, "%lld, %lld connected, %lld gone",
		    document_number(hosts, "total"), document_number(hosts, "connected"), gone);
	screen_cell(t, SCREEN_PLAIN, "checks");
	screen_cell(t, critical ? SCREEN_BAD : warning ? SCREEN_WARN : SCREEN_GOOD,
		    "%lld ok, %lld warning, %lld critical, %lld unknown", document_number(states, "ok"), warning,
		    critical, document_number(states, "unknown"));
	screen_cell(t, SCREEN_PLAIN, "incidents");
	screen_cell(t, unacknowledged ? SCREEN_BAD : SCREEN_GOOD, "%lld open, %lld not acknowledged",
		    document_number(incidents, "open"), unacknowledged);
	screen_cell(t, SCREEN_PLAIN, "last result");
	screen_cell(t, SCREEN_PLAIN, "%s", screen_ago(document_number(json_object_get(d, "intake"), "last_at"), ago));
	if (json_is_true(json_object_get(json_object_get(d, "clock"), "suspect"))) {
		screen_cell(t, SCREEN_PLAIN, "clock");
		screen_cell(t, SCREEN_BAD, "suspect: see beadle clock");
	}
	screen_print(t);
}

int command_status(int argc, char **argv)
{
	json_t *d;
	int r;

	if (argc > 1)
		return command_usage(argv[0], "takes no arguments");
	r = client_ask("status", NULL, &d);
	if (r)
		return r;
	if (document_number(json_object_get(d, "states"), "critical") ||
	    document_number(json_object_get(d, "hosts"), "gone"))
		r = EXIT_FAILED;
	if (command_json)
		return command_print(d), r;
	print_status(d);
	json_decref(d);
	return r;
}
