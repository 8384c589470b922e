/*
 * beadle-setup - what is done before a collector serves: its files are checked, its folders and identities made. beadle-collector runs it,
 * as whoever it is itself; where collector.yaml is parsed, it first takes leave of every right.
 */
#include "config.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capability.h"
#include "collector/launcher/doors.h"
#include "collector/launcher/settings.h"
#include "collector/launcher/users.h"
#include "confine.h"
#include "folders.h"
#include "installed.h"
#include "io.h"
#include "log.h"
#include "secret.h"
#include "settings_file.h"
#include "launch.h"

/* Runs a program of ours to its end, as `user` if one is named. Returns its exit code. */
static int run(const char *room_and_name, char *const *arguments, const char *user)
{
	fflush(stdout);
	return launch_wait(launch(&(struct launch){room_and_name, arguments, NULL, 0, user ? users_become : NULL, user}));
}

/* ---- reading, with no right but that ---- */

static int confine(const char *config)
{
	const struct confine_path file = {config, LANDLOCK_READ};
	char why[CONFINE_WHY];
	int r = users_separate() ? users_become(USER_COLLECTOR) : geteuid() == 0 ? capability_keep(0) : 0;

	if (r < 0)
		fprintf(stderr, "beadle-setup: the rights of root could not be given up: %s\n", strerror(-r));
	else if ((r = confine_enter(CONFINE_SETUP, &file, 1, why)) < 0)
		fprintf(stderr, "beadle-setup: %s\n", why);
	return r;
}

static int read_doors(const char *config)
{
	struct settings s = {0};

	return confine(config) == 0 && settings_parse(config, true, &s) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int read_settings(const char *config)
{
	struct settings s = {0};

	return confine(config) == 0 && settings_parse(config, false, &s) == 0 && io_send(SETTINGS_FD, &s, sizeof(s), -1) == 0
		       ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- checking ---- */

/* Each as who it will be: what root may read is not enough. */
static bool programs_check(const char *config)
{
	char *collect[] = {"beadle-collect", "--check-config", "--config", (char *)config, NULL};
	char *notifier[] = {"beadle-notifier", "--check-config", "--config", (char *)config, NULL};
	bool separate = users_separate();
	int bad = run("collector/beadle-collect", collect, separate ? USER_COLLECTOR : NULL);

	bad |= run("collector/notify/beadle-notifier", notifier, separate ? USER_NOTIFIER : NULL);
	return !bad;
}

static int check(const char *config)
{
	char *doors[] = {"beadle-setup", "--config", (char *)config, "doors", NULL};
	bool good = programs_check(config);

	good &= run("collector/setup/beadle-setup", doors, NULL) == EXIT_SUCCESS;
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- making ---- */

/* Made by us, perhaps as root; from now on each is one process's alone. */
static bool give(const struct settings *s)
{
	if (folders_give(s->state) == 0)
		return true;
	fprintf(stderr, "beadle-collector: %s: what was made could not be given to its users\n", s->state);
	return false;
}

static bool make_identities(const struct settings *s)
{
	char *arguments[8 + 2 * SETTINGS_HOSTS] = {"beadle-authority", "--state", (char *)s->state, "--school",
		(char *)s->school, "--name", (char *)s->name};
	int n = 7;

	for (size_t i = 0; i < s->hosts_n; i++) {
		arguments[n++] = "--host";
		arguments[n++] = (char *)s->hosts[i];
	}
	arguments[n] = NULL;
	return run("collector/authority/beadle-authority", arguments, NULL) == EXIT_SUCCESS;
}

static bool make_folders(const struct settings *s)
{
	int r = folders_make(s->state);

	if (r < 0)
		fprintf(stderr, "beadle-collector: %s: cannot be made: %s\n", s->state, strerror(-r));
	return r == 0;
}

static int init(const char *config, const char *administrator)
{
	char *account[] = {"beadle-collect", "--config", (char *)config, "--init-account", (char *)administrator, NULL};
	struct settings s;
	bool good;

	if (settings_ask(config, "settings", &s) < 0 || !make_folders(&s))
		return EXIT_FAILURE;
	printf("dashboard: https://%s:%u/\n", s.hosts[0], doors_port(&s.web));
	good = make_identities(&s) && run("collector/beadle-collect", account, NULL) == EXIT_SUCCESS;
	good &= give(&s);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool is_there(const struct settings *s, const char *file)
{
	char path[320];

	snprintf(path, sizeof(path), "%s/identity/%s", s->state, file);
	return access(path, F_OK) == 0;
}

/* Before each start. A mistake ends here, with its line; not the collector proper again and again. */
static int start(const char *config)
{
	struct settings s;

	if (settings_ask(config, "settings", &s) < 0 || !programs_check(config) || !make_folders(&s))
		return EXIT_FAILURE;
	if (!is_there(&s, "cert.pem")) {
		fprintf(stderr, "beadle-collector: %s/identity/cert.pem is not there: run beadle-collector init first\n", s.state);
		return EXIT_FAILURE;
	}
	/* The journal's key is younger than some installations. */
	if (!is_there(&s, "checkpoint.pem") && (!make_identities(&s) || !give(&s)))
		return EXIT_FAILURE;
	return io_send(SETTINGS_FD, &s, sizeof(s), -1) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int usage(void)
{
	fputs("usage: beadle-setup [--config FILE] start | settings     what the launcher must know, to descriptor 3\n"
	      "       beadle-setup [--config FILE] check | doors        tell mistakes\n"
	      "       beadle-setup [--config FILE] [--name WHO] init\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {"name", required_argument, NULL, 'n'}, {0}};
	const char *config = SYSCONFDIR "/collector.yaml", *administrator = "admin", *command;
	int o;

	log_open("collector: setup");
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'c')
			config = optarg;
		else if (o == 'n')
			administrator = optarg;
		else
			return usage();
	}
	umask(0077);
	secret_keep();		/* init has the first password, from its child; and no child leaves a core file */
	fcntl(SETTINGS_FD, F_SETFD, FD_CLOEXEC);
	command = optind + 1 == argc ? argv[optind] : "";
	if (!strcmp(command, "settings"))
		return read_settings(config);
	if (!strcmp(command, "doors"))
		return read_doors(config);
	if (!strcmp(command, "check"))
		return check(config);
	if (!strcmp(command, "init"))
		return init(config, administrator);
	return !strcmp(command, "start") ? start(config) : usage();
}
