/* beadle-host: the template of plugin hosts, or a single host. Run by the launcher and by `beadle check`. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host/lives.h"
#include "lib/grant.h"
#include "lib/log.h"
#include "lib/text.h"

static const struct option long_options[] = {
	{"name", required_argument, NULL, 'n'}, {"module", required_argument, NULL, 'm'},
	{"state", required_argument, NULL, 's'}, {"uid", required_argument, NULL, 'u'},
	{"gid", required_argument, NULL, 'g'}, {"memory", required_argument, NULL, 'M'},
	{"processes", required_argument, NULL, 'P'}, {"capabilities", required_argument, NULL, 'c'},
	{"procscan", no_argument, NULL, 'p'}, {"grants", required_argument, NULL, 'G'},
	{"descriptors", required_argument, NULL, 'd'}, {0},
};

static int usage(void)
{
	fputs("usage: beadle-host template\n"
	      "       beadle-host one --name NAME --module PATH [--state DIR] [--uid N --gid N] [--memory BYTES]\n"
	      "                   [--processes N] [--capabilities MASK] [--procscan] [--descriptors MASK] [--grants LINES]\n", stderr);
	return 2;
}

static int copy(char *to, size_t room, const char *from)
{
	return (size_t)snprintf(to, room, "%s", from) < room;
}

static int take(struct plugin_record *r, int option, const char *text)
{
	int64_t n = 0;
	int is_number = text && text_int(text, &n) == 0 && n >= 0;

	switch (option) {
	case 'n':
		return copy(r->name, sizeof(r->name), text);
	case 'm':
		return copy(r->module, sizeof(r->module), text);
	case 's':
		return copy(r->state, sizeof(r->state), text);
	case 'u':
		r->uid = (uint32_t)n;
		return is_number;
	case 'g':
		r->gid = (uint32_t)n;
		return is_number;
	case 'M':
		r->memory = (uint64_t)n;
		return is_number;
	case 'P':
		r->processes = (uint32_t)n;
		return is_number;
	case 'c':
		r->capabilities = (uint64_t)n;
		return is_number;
	case 'd':
		r->descriptors = (uint32_t)n;
		return is_number && n >> GRANT_DESCRIPTORS == 0;
	case 'G':
		return copy(r->grants, sizeof(r->grants), text);
	case 'p':
		return r->procscan = 1;
	default:
		return 0;
	}
}

int main(int argc, char **argv)
{
	struct plugin_record record = {.files = 256};
	int option;

	log_open("agent: host");
	if (argc == 2 && strcmp(argv[1], "template") == 0)
		return template_serve();
	if (argc < 2 || strcmp(argv[1], "one") != 0)
		return usage();
	argc--, argv++;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (!take(&record, option, optarg))
			return usage();
	if (optind != argc || !record.name[0] || !record.module[0])
		return usage();
	return one_serve(&record);
}
