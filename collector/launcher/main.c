/*
 * beadle-collector - the launcher: opens the sockets, starts signer, notifier, web and the collector proper, starts again what ends.
 * It parses nothing that comes from the network and, as root, holds nothing but the right to become its children's users.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capability.h"
#include "children.h"
#include "cleanup.h"
#include "clock.h"
#include "config.h"
#include "doors.h"
#include "folders.h"
#include "installed.h"
#include "log.h"
#include "program.h"
#include "ready.h"
#include "secret.h"
#include "settings.h"

#define STOP_PATIENCE (30 * NS_PER_S)

static int signal_pipe[2] = {-1, -1};

static void on_signal(int signal)
{
	unsigned char byte = (unsigned char)signal;
	int saved = errno;

	if (write(signal_pipe[1], &byte, 1) < 0)
		(void)0;	/* the pipe is full: a wake-up is on its way already */
	errno = saved;
}

static int catch_signals(void)
{
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, ignore = {.sa_handler = SIG_IGN};

	if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	sigaction(SIGCHLD, &act, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	return 0;
}

static void reap(struct children *c)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		children_ended(c, pid, status, clock_boot());
}

/* True: an end was asked for. */
static bool read_signals(struct children *c)
{
	unsigned char bytes[64];
	ssize_t n = read(signal_pipe[0], bytes, sizeof(bytes));
	bool end = false;

	for (ssize_t i = 0; i < n; i++) {
		if (bytes[i] == SIGTERM || bytes[i] == SIGINT)
			end = true;
		if (bytes[i] == SIGHUP)
			log_notice("SIGHUP: the collector reads its files at start; restart it to take new ones");
	}
	reap(c);
	return end;
}

static void wait_a_while(struct children *c, int64_t ns)
{
	struct pollfd fds[2] = {{signal_pipe[0], POLLIN, 0}, {children_collector(c), POLLIN, 0}};
	int64_t watchdog = ready_watchdog();

	if (watchdog && watchdog < ns)
		ns = watchdog;
	poll(fds, 2, ns > 3600 * NS_PER_S ? 3600000 : (int)(ns / NS_PER_MS) + 1);
	if ((fds[1].revents & POLLIN) && children_read(c)) {
		log_notice("serving agents");
		ready_tell("READY=1");
	} else if (fds[1].revents & POLLHUP)
		poll(fds, 1, 100);	/* its end follows as SIGCHLD */
	ready_tell("WATCHDOG=1");
}

static int supervise(struct children *c)
{
	int64_t give_up;
	bool end = false;

	while (!end) {
		wait_a_while(c, children_start(c, clock_boot()));
		end = read_signals(c);
	}
	ready_tell("STOPPING=1");
	give_up = clock_boot() + STOP_PATIENCE;
	for (int signal = SIGTERM; children_stop(c, signal); reap(c)) {
		wait_a_while(c, NS_PER_S / 10);
		read_signals(c);
		if (clock_boot() > give_up)
			signal = SIGKILL;
	}
	log_info("ended");
	return EXIT_SUCCESS;
}

/* ---- commands ---- */

/* Runs a program of ours to its end, its output on ours, as `user` if one is named. Returns its exit code. */
static int run_to_end(const char *room_and_name, char *const *arguments, const char *user)
{
	char path[PROGRAM_PATH];
	int status;
	pid_t pid;

	if (program_path(room_and_name, path) < 0)
		return EXIT_FAILURE;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (user && children_become(user) < 0)
			_exit(126);
		execve(path, arguments, program_environment());
		fprintf(stderr, "beadle-collector: %s: %s\n", path, strerror(errno));
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return EXIT_FAILURE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

/* Has each process a user of its own? */
static bool is_separate(void)
{
	return geteuid() == 0 && getpwnam("beadle-collector") && getpwnam("beadle-signer") && getpwnam("beadle-notify") &&
	       getpwnam("beadle-web");
}

static int check_config(const char *config)
{
	char *collect[] = {"beadle-collect", "--check-config", "--config", (char *)config, NULL};
	char *notifier[] = {"beadle-notifier", "--check-config", "--config", (char *)config, NULL};
	/* As who it will be: a password that root may read is not enough. */
	const char *user = is_separate() ? "beadle-notify" : NULL;
	int good = run_to_end("collector/beadle-collect", collect, NULL) == EXIT_SUCCESS;

	good &= run_to_end("collector/notify/beadle-notifier", notifier, user) == EXIT_SUCCESS;
	good &= settings_check(config) == 0;
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* What the signer makes: all that is not there yet. */
static int make_identities(const struct settings *s)
{
	char *arguments[9 + 2 * SETTINGS_HOSTS] = {"beadle-signer", "--init", "--state", (char *)s->state, "--school",
		(char *)s->school, "--name", (char *)s->name};
	int n = 8;

	for (size_t i = 0; i < s->hosts_n; i++) {
		arguments[n++] = "--host";
		arguments[n++] = (char *)s->hosts[i];
	}
	arguments[n] = NULL;
	return run_to_end("collector/identity/beadle-signer", arguments, NULL);
}

/* Made by us, perhaps as root; from now on each is one process's alone. */
static int give(const struct settings *s)
{
	int r = folders_give(s->state);

	if (r < 0)
		fprintf(stderr, "beadle-collector: %s: what was made could not be given to its users\n", s->state);
	return r;
}

static int init(const char *config, const struct settings *s, const char *administrator)
{
	char *account[] = {"beadle-collect", "--config", (char *)config, "--init-account", (char *)administrator, NULL};
	int r = folders_make(s->state);

	if (r < 0) {
		fprintf(stderr, "beadle-collector: %s: cannot be made: %s\n", s->state, strerror(-r));
		return EXIT_FAILURE;
	}
	printf("dashboard: https://%s:%u/\n", s->hosts[0], doors_port(&s->web));
	r = make_identities(s);
	if (r == 0)
		r = run_to_end("collector/beadle-collect", account, NULL);
	return give(s) < 0 ? EXIT_FAILURE : r;
}

static int serve(const char *config, const struct settings *s)
{
	bool separate = is_separate();
	CLOSE int lock = -1;
	CLOSE int agents = -1;
	CLOSE int enrolment = -1;
	CLOSE int web = -1;
	CLOSE int local = -1;
	struct children *c;
	char path[300];
	int r = folders_make(s->state);

	if (r < 0) {
		log_error("%s: %s", s->state, strerror(-r));
		return EXIT_FAILURE;
	}
	snprintf(path, sizeof(path), "%s/identity/cert.pem", s->state);
	if (access(path, F_OK) < 0) {
		log_error("%s is not there: run beadle-collector init first", path);
		return EXIT_FAILURE;
	}
	snprintf(path, sizeof(path), "%s/identity/checkpoint.pem", s->state);	/* younger than some installations */
	if (access(path, F_OK) < 0 && (make_identities(s) || give(s) < 0))
		return EXIT_FAILURE;
	lock = folders_lock(s->state);
	if (lock < 0) {
		log_error("%s: %s", s->state, lock == -EWOULDBLOCK ? "another collector is at work here" : strerror(-lock));
		return EXIT_FAILURE;
	}
	agents = doors_open(&s->agents, "listening for agents on %s");
	enrolment = doors_bind(&s->enrolment, "enrolment at %s, while there is a token");
	web = doors_open(&s->web, "dashboard on https://%s/");
	local = doors_local(s->state);
	if (agents < 0 || enrolment < 0 || web < 0 || local < 0)
		return EXIT_FAILURE;
	if (!separate)
		log_notice("all processes run as one user, so the separation between them is not in force: run as root, with the "
			   "users of beadle.conf (systemd-sysusers) made");
	if (geteuid() == 0 && capability_keep(CAPABILITY_LAUNCHER) < 0)
		log_warning("it keeps capabilities that it has no use for");
	c = children_new(s, config, &(struct children_doors){agents, enrolment, web, local}, separate);
	r = c && catch_signals() == 0 ? supervise(c) : EXIT_FAILURE;
	children_free(c);
	return r;
}

static int usage(FILE *out)
{
	fprintf(out, "usage: beadle-collector [--config FILE]                 run in the foreground\n"
		"       beadle-collector [--config FILE] init [--name WHO]  make CA, certificates and the administrator WHO (admin)\n"
		"       beadle-collector [--config FILE] --check-config     tell every mistake of every file\n");
	return out == stdout ? EXIT_SUCCESS : 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {"check-config", no_argument, NULL, 'C'},
		{"name", required_argument, NULL, 'n'}, {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0}};
	const char *config = SYSCONFDIR "/collector.yaml", *administrator = "admin";
	struct settings settings;
	bool check = false;
	int o;

	log_open("collector launcher");
	while ((o = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
		if (o == 'c')
			config = optarg;
		else if (o == 'C')
			check = true;
		else if (o == 'n')
			administrator = optarg;
		else if (o == 'h')
			return usage(stdout);
		else if (o == 'V')
			return puts("beadle-collector " PACKAGE_VERSION), EXIT_SUCCESS;
		else
			return usage(stderr);
	}
	if (optind < argc && strcmp(argv[optind], "init"))
		return usage(stderr);
	umask(0077);
	secret_keep();		/* init has the first password, from its child; and no child leaves a core file */
	if (check)
		return check_config(config);
	if (settings_read(config, &settings) < 0)
		return EXIT_FAILURE;
	if (optind < argc)
		return init(config, &settings, administrator);
	/* A mistake ends us here, with its line; not the collector proper again and again. */
	return check_config(config) == EXIT_SUCCESS ? serve(config, &settings) : EXIT_FAILURE;
}
