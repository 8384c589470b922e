/* beadle - the operator's command. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "command.h"
#include "config.h"
#include "secret.h"
#include "text.h"

bool command_json;

const struct command commands[] = {
	{"check", "MODULE|NAME [-o OPTION=VALUE]... [--nagios] [--warning METRIC=RANGE] [--critical METRIC=RANGE]\n"
	 "                    [--state FOLDER] [--timeout 60s] [--grant procscan|icmp|cap_...] [--user UID]",
	 "run one plugin once", command_check},
	{"status", "", "the site in a few lines; exit code 1 when something is critical", command_status},
	{"hosts", "[HOST]", "all hosts, or one with its checks and values", command_hosts},
	{"incidents", "[--all] [--host HOST]", "open incidents", command_incidents},
	{"incident", "ID", "one incident with its findings, steps and notices", command_incident},
	{"ack", "ID [--for 4h] [--note TEXT]", "acknowledge: escalation pauses until it expires", command_ack},
	{"handle", "ID --note TEXT", "write down what was done", command_handle},
	{"close", "ID --note TEXT", "close an incident", command_close},
	{"clock", "[confirm [--note TEXT]]", "may the collector's clock be believed, and your word that it is right", command_clock},
	{"identity", "new --host NAME --out FOLDER [--replace] | list | revoke HOST",
	 "certificates of the servers' agents", command_identity},
	{"token", "new --host NAME [--replace] [--approve] [--hours N] [--at HOST[:PORT]] | list | revoke ID |\n"
	 "                    approve ID FINGERPRINT", "what lets a server enrol itself, once", command_token},
	{"enroll", "[TOKEN] [--host NAME] [--again] [--identity FOLDER] [--agent-config FILE] [--watcher] [--watch-config FILE]",
	 "on a server: get its identity from the collector that made the token", command_enroll},
	{"person", "list | add NAME --roles ROLE[,ROLE]... | roles NAME --roles ROLE[,ROLE]... |\n"
	 "                     disable NAME | enable NAME | password NAME | factor NAME",
	 "accounts: who may do what", command_person},
	{"authority", "show | roll | finish [--force]", "the school's certificate authority: another takes its place", command_authority},
	{"audit", "export [--out FILE] | verify [--key FILE] [--witness FILE]... | change-key", "the journal of all changes: as a file, or checked; its key", command_audit},
	{"backup", "FILE|FOLDER [--passphrase-file FILE]", "a copy of the collector as it runs: results, incidents, journal, keys, configuration", command_backup},
	{"restore", "FILE [--state FOLDER] [--config FOLDER] [--passphrase-file FILE] [--replace]",
	 "put a backup in place, while no collector runs", command_restore},
	{"doctor", "[--agent-config FILE] [--collector-config FILE]",
	 "find what is wrong with this installation, and the mend", command_doctor},
	{"watch-collector", "[--config FILE] [--check-config]", "on any other server: mail when the collector does not work",
	 command_watch},
	{"completion", "bash", "completion for the shell", command_completion},
	{NULL, NULL, NULL, NULL},
};

int command_print(json_t *document)
{
	/* a terminal would take some of what is no ASCII for orders, or for another direction of reading */
	int r = json_dumpf(document, stdout, JSON_INDENT(2) | (isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0));

	putchar('\n');
	json_decref(document);
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

int command_failed(const char *what, int error)
{
	fprintf(stderr, "beadle: %s: %s\n", what, strerror(-error));
	return EXIT_FAILED;
}

int command_usage(const char *name, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "beadle %s: ", name);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			fprintf(stderr, "usage: beadle %s%s%s\n", c->name, *c->arguments ? " " : "", c->arguments);
	return EXIT_USAGE;
}

int command_usage_option(char **argv)
{
	const char *option = argv[optind - 1][0] == '-' || !argv[optind] ? argv[optind - 1] : argv[optind];

	if (option[0] != '-' || option[1] != '-')	/* all of ours are long */
		return command_usage(argv[0], "%s is no option here", option);
	if (optopt && !strchr(option, '='))	/* getopt knows it */
		return command_usage(argv[0], "%s needs a value", option);
	if (optopt)
		return command_usage(argv[0], "%s: it takes no value", option);
	return command_usage(argv[0], "%s is no option here", option);
}

static int help(FILE *out)
{
	fprintf(out, "usage: beadle [--socket PATH] [--json] COMMAND ...\n\n");
	for (const struct command *c = commands; c->name; c++)
		fprintf(out, "  %-11s%-30s %s\n", c->name, c->arguments, c->help);
	fprintf(out, "\nExit codes: 0 done, 1 failed or something is wrong, 2 usage, 3 no collector answers, "
		"4 not allowed, 5 not found.\n");
	return out == stdout ? EXIT_DONE : EXIT_USAGE;
}

static int unknown(const char *name)
{
	const char *names[sizeof(commands) / sizeof(commands[0])];
	size_t n = 0;
	const char *nearest;

	for (; commands[n].name; n++)
		names[n] = commands[n].name;
	nearest = text_nearest(name, names, n);
	fprintf(stderr, "beadle: no command is named \"%s\"", name);
	if (nearest)
		fprintf(stderr, " (did you mean \"%s\"?)", nearest);
	fprintf(stderr, "; beadle --help lists them\n");
	return EXIT_USAGE;
}

static int wrong_option(const char *option)
{
	if (!strcmp(option, "--socket"))
		fprintf(stderr, "beadle: --socket needs a path\n");
	else
		fprintf(stderr, "beadle: %s is no option; beadle --help lists what there is\n", option);
	return EXIT_USAGE;
}

/* --json may also stand behind the command, where people write it. */
static int take_json(int argc, char **argv)
{
	int kept = 0;

	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			command_json = true;
		else
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	return kept;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"socket", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0}};
	int o;

	secret_keep();	/* keys, tokens, one-time passwords */
	opterr = 0;	/* we have words of our own */
	while ((o = getopt_long(argc, argv, "+hV", options, NULL)) != -1) {
		if (o == 's')
			client_socket(optarg);
		else if (o == 'j')
			command_json = true;
		else if (o == 'h')
			return help(stdout);
		else if (o == 'V')
			return puts("beadle " PACKAGE_VERSION), EXIT_DONE;
		else
			return wrong_option(argv[optind - 1]);
	}
	argc -= optind;
	argv += optind;
	if (argc == 0)
		return help(stderr);
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, argv[0])) {
			argc = take_json(argc, argv);
			optind = 0;	/* the command reads its own options afresh */
			return c->run(argc, argv);
		}
	return unknown(argv[0]);
}
