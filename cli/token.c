/* beadle token: what lets a server enrol itself with beadle enroll, once. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "clock.h"
#include "command.h"
#include "document.h"
#include "screen.h"
#include "text.h"

struct wish { const char *host, *at, *hours; bool replace, approve; };

/* The token alone on standard output: what it is for is told beside it. */
static int make(const struct wish *w)
{
	json_t *arguments = json_pack("{s:s, s:b, s:b}", "host", w->host, "replace", w->replace, "approve", w->approve), *d;
	int64_t hours;
	int r;

	if (w->at)
		json_object_set_new(arguments, "at", json_string(w->at));
	if (w->hours) {
		if (text_int(w->hours, &hours) < 0) {
			json_decref(arguments);
			return command_usage("token", "--hours needs a whole number");
		}
		json_object_set_new(arguments, "hours", json_integer(hours));
	}
	r = client_ask("token.new", arguments, &d);
	if (r)
		return r;
	if (command_json)
		return command_print(d);
	printf("%s\n", document_text(d, "token"));
	fflush(stdout);
	screen_line(stderr, "for %s, once, within %lld h; it leads to %s", document_text(d, "host"),
		    document_number(d, "left_ns") / (3600 * NS_PER_S) + 1, document_text(d, "at"));
	fprintf(stderr, "on that server, as root: beadle enroll, and paste it%s\n",
		w->approve ? "; then compare the fingerprint that it shows: beadle token approve" : "");
	json_decref(d);
	return EXIT_DONE;
}

static enum screen_colour colour_of(const char *state)
{
	return !strcmp(state, "waiting") ? SCREEN_WARN : !strcmp(state, "over") ? SCREEN_FAINT : SCREEN_PLAIN;
}

static int list(void)
{
	static const char *const heads[] = {"token", "host", "state", "left", "wrong proofs", "key"};
	struct screen_table *t;
	const json_t *i;
	json_t *d;
	size_t n;
	int r = client_ask("token.list", NULL, &d);

	if (r)
		return r;
	if (command_json)
		return command_print(d);
	t = screen_table(heads, 6);
	json_array_foreach(json_object_get(d, "tokens"), n, i) {
		const char *state = document_text(i, "state"), *fingerprint = document_text(i, "fingerprint");
		char left[24];

		screen_cell(t, SCREEN_PLAIN, "%s", document_text(i, "id"));
		screen_cell(t, SCREEN_PLAIN, "%s", document_text(i, "host"));
		screen_cell(t, colour_of(state), "%s", state);
		screen_cell(t, SCREEN_FAINT, "%s", document_number(i, "left_ns") ?
			    text_put_duration(document_number(i, "left_ns"), left) : "-");
		screen_cell(t, document_number(i, "failures") ? SCREEN_BAD : SCREEN_FAINT, "%lld", document_number(i, "failures"));
		screen_cell(t, SCREEN_PLAIN, "%s", *fingerprint ? fingerprint : "-");
	}
	screen_print(t);
	json_decref(d);
	return EXIT_DONE;
}

static int change(const char *query, json_t *arguments, const char *done)
{
	json_t *d;
	int r = client_ask(query, arguments, &d);

	if (r)
		return r;
	if (command_json)
		return command_print(d);
	screen_line(stdout, "%s: the token %s", document_text(d, "host"), done);
	json_decref(d);
	return EXIT_DONE;
}

static const struct option options[] = {{"host", required_argument, NULL, 'H'}, {"at", required_argument, NULL, 'A'},
	{"hours", required_argument, NULL, 'h'}, {"replace", no_argument, NULL, 'r'}, {"approve", no_argument, NULL, 'a'},
	{NULL, 0, NULL, 0}};

static bool take_option(int o, struct wish *w)
{
	switch (o) {
	case 'H': w->host = optarg; return true;
	case 'A': w->at = optarg; return true;
	case 'h': w->hours = optarg; return true;
	case 'r': return w->replace = true;
	case 'a': return w->approve = true;
	default: return false;
	}
}

int command_token(int argc, char **argv)
{
	struct wish w = {0};
	const char *act;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!take_option(o, &w))
			return command_usage_option(argv);
	act = optind < argc ? argv[optind] : "";
	if (!strcmp(act, "new") && optind + 1 == argc)
		return w.host ? make(&w) : command_usage(argv[0], "new needs --host");
	if (w.host || w.at || w.hours || w.replace || w.approve)
		return command_usage(argv[0], "options belong to \"new\"");
	if (!strcmp(act, "list") && optind + 1 == argc)
		return list();
	if (!strcmp(act, "revoke"))
		return optind + 2 == argc ? change("token.revoke", json_pack("{s:s}", "id", argv[optind + 1]), "can be used no more") :
		       command_usage(argv[0], "revoke needs the token's number, as the list shows it");
	if (!strcmp(act, "approve"))
		return optind + 3 == argc ? change("token.approve", json_pack("{s:s, s:s}", "id", argv[optind + 1], "fingerprint",
		       argv[optind + 2]), "is approved: its server gets its identity now") :
		       command_usage(argv[0], "approve needs the token's number and the fingerprint that the server shows");
	return command_usage(argv[0], "needs one of new, list, revoke, approve");
}
