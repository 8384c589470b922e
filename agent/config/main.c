/* beadle-config: reads the agent's configuration for the launcher, and tells every error of every file. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config/metrics.h"
#include "agent/config/plan.h"
#include "installed.h"
#include "lib/cleanup.h"
#include "lib/confine.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/text.h"

CLEANUP_FOR(struct problems *, problems_free)

struct arguments { const char *path; bool check, inventory; int64_t uid, gid; };

static int usage(void)
{
	fputs("usage: beadle-config [--config FILE] [--uid N --gid N]   records to descriptor 3, plan to memfd 4\n"
	      "       beadle-config [--config FILE] --check\n"
	      "       beadle-config --inventory MODULE...\n", stderr);
	return 2;
}

static int parse_arguments(struct arguments *a, int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'k'},
		{"inventory", no_argument, NULL, 'i'}, {"uid", required_argument, NULL, 'u'},
		{"gid", required_argument, NULL, 'g'}, {0}};
	int o, bad = 0;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'c')
			a->path = optarg;
		else if (o == 'k')
			a->check = true;
		else if (o == 'i')
			a->inventory = true;
		else if (o == 'u')
			bad |= text_int(optarg, &a->uid);
		else if (o == 'g')
			bad |= text_int(optarg, &a->gid);
		else
			bad = 1;
	}
	return bad || (optind < argc && !a->inventory) ? -EINVAL : 0;
}

/* STATE is ours, STATE/core the core's, STATE/plugins/NAME each plugin's (made by the template). */
static int make_folders(const char *state, const struct arguments *a)
{
	char path[512];
	int r = io_make_folders(state, 0711);

	if (r < 0 || snprintf(path, sizeof(path), "%s/plugins", state) >= (int)sizeof(path))
		return r < 0 ? r : -ENAMETOOLONG;
	r = io_make_folders(path, 0711);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/core", state);
	r = io_make_folders(path, 0700);
	if (r == 0 && geteuid() == 0 && lchown(path, (uid_t)a->uid, (gid_t)a->gid) < 0)
		r = -errno;
	return r;
}

/* What an administrator copied here as root is the core's to read: it speaks to the collector, nobody else does. */
static int give_identity(const char *folder, const struct arguments *a)
{
	static const char *const names[] = {".", "ca.pem", "cert.pem", "key.pem", NULL};

	return io_give(folder, names, (uid_t)a->uid, (gid_t)a->gid);	/* the core says what it misses */
}

static int hand_over(const struct config *config, const struct plugins *plugins, const struct arguments *a,
		     struct problems *p)
{
	FREE uint8_t *plan = NULL;
	size_t n;
	int r = plan_pack(config, plugins, &plan, &n, p);

	if (r < 0)
		return r;
	return a->check || problems_count(p) ? 0 : plan_hand_over(plugins, plan, n);
}

static int read_config(const struct arguments *a, struct problems *p)
{
	struct config config = {0};
	struct plugins plugins = {0};
	int r = 0;

	config_read(a->path, &config, p);
	if (!a->check && config.state && problems_count(p) == 0 && (r = make_folders(config.state, a)) < 0)
		problem(p, a->path, 0, "state", "%s: %s", config.state, strerror(-r));
	if (!a->check && config.identity && problems_count(p) == 0 && (r = give_identity(config.identity, a)) < 0)
		problem(p, a->path, 0, "identity", "%s: %s", config.identity, strerror(-r));
	plugins_ask(&plugins, &config, a->check, p);
	r = config.state && plugins.arena ? hand_over(&config, &plugins, a, p) : 0;
	plugins_free(&plugins);
	config_free(&config);
	return r;
}

int main(int argc, char **argv)
{
	struct arguments a = {.path = SYSCONFDIR "/agent.yaml"};
	CLEANUP(problems_free_p) struct problems *p = problems_new();
	char why[CONFINE_WHY];
	int r = 0;

	log_open("agent: config");
	if (!p || parse_arguments(&a, argc, argv) < 0)
		return usage();
	umask(022);
	if (confine_enter(CONFINE_CONFIG, NULL, 0, why) < 0)
		return log_error("%s", why), 1;
	if (a.inventory)
		metrics_print(argv + optind, (size_t)(argc - optind), stdout, p);
	else
		r = read_config(&a, p);
	if (r < 0)
		problem(p, NULL, 0, NULL, "%s", strerror(-r));
	problems_print(p);
	return problems_count(p) ? 1 : 0;
}
