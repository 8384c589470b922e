/*
 * beadle-collector - the launcher: opens the sockets, starts signer, notifier, web and the collector proper, starts again what ends.
 * It parses nothing (beadle-setup does) and, as root, holds nothing but the right to become its children's users.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capability.h"
#include "children.h"
#include "cleanup.h"
#include "clock.h"
#include "config.h"
#include "confine.h"
#include "doors.h"
#include "installed.h"
#include "log.h"
#include "ready.h"
#include "settings.h"
#include "launch.h"
#include "users.h"

#define STOP_PATIENCE (30 * NS_PER_S)

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void reap(struct children *c)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		children_ended(c, pid, status, clock_boot());
}

/* True: an end was asked for. */
static bool read_signals(int signals, struct children *c)
{
	struct signalfd_siginfo info;
	bool end = false;

	while (read(signals, &info, sizeof(info)) == sizeof(info)) {
		end |= info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT;
		if (info.ssi_signo == SIGHUP)
			log_notice("SIGHUP: the collector reads its files at start; restart it to take new ones");
	}
	reap(c);
	return end;
}

static void wait_a_while(int signals, struct children *c, int64_t ns)
{
	struct pollfd fds[2] = {{signals, POLLIN, 0}, {children_collector(c), POLLIN, 0}};
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

static int supervise(int signals, struct children *c)
{
	int64_t give_up;
	bool end = false;

	while (!end) {
		wait_a_while(signals, c, children_start(c, clock_boot()));
		end = read_signals(signals, c);
	}
	ready_tell("STOPPING=1");
	give_up = clock_boot() + STOP_PATIENCE;
	for (int signal = SIGTERM; children_stop(c, signal); reap(c)) {
		wait_a_while(signals, c, NS_PER_S / 10);
		read_signals(signals, c);
		if (clock_boot() > give_up)
			signal = SIGKILL;
	}
	log_info("ended");
	return EXIT_SUCCESS;
}

static void keep(uint64_t capabilities)
{
	if (geteuid() == 0 && capability_keep(capabilities) < 0)
		log_warning("it keeps capabilities that it has no use for");
}

/* One collector a state folder: the lock is held while the descriptor is open. */
static int lock_state(const char *state)
{
	char path[300];
	CLOSE int fd = -1;

	snprintf(path, sizeof(path), "%s/lock", state);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return TAKE_FD(fd);
	log_error("%s: %s", state, errno == EWOULDBLOCK ? "another collector is at work here" : strerror(errno));
	return -1;
}

static int serve(const char *config)
{
	bool separate = users_separate();
	struct children_doors doors;
	CLOSE int signals = -1;
	CLOSE int lock = -1;
	CLOSE int agents = -1;
	CLOSE int enrolment = -1;
	CLOSE int web = -1;
	CLOSE int local = -1;
	struct settings s;
	struct children *c;
	int r;

	if (settings_ask(config, "start", &s) < 0)
		return EXIT_FAILURE;
	lock = lock_state(s.state);
	if (lock < 0)
		return EXIT_FAILURE;
	agents = doors_open(&s.agents, "listening for agents on %s");
	enrolment = doors_bind(&s.enrolment, "enrolment at %s, while there is a token");
	web = doors_open(&s.web, "dashboard on https://%s/");
	local = doors_local(s.state);
	signals = open_signals();
	if (agents < 0 || enrolment < 0 || web < 0 || local < 0 || signals < 0)
		return EXIT_FAILURE;
	if (!separate)
		log_notice("all processes run as one user, so the separation between them is not in force: run as root, with the "
			   "users of beadle.conf (systemd-sysusers) made");
	keep(CAPABILITY_LAUNCHER);
	doors = (struct children_doors){agents, enrolment, web, local};
	c = children_new(&s, config, &doors, separate);
	r = c ? supervise(signals, c) : EXIT_FAILURE;
	children_free(c);
	return r;
}

/* What is not serving. */
static int run_setup(const char *config, const char *command, const char *administrator)
{
	char *arguments[] = {(char *)"beadle-setup", (char *)"--config", (char *)config, (char *)"--name", (char *)administrator,
			     (char *)command, NULL};
	int status = launch_wait(launch(&(struct launch){"collector/setup/beadle-setup", arguments, NULL, 0, NULL, NULL}));

	return status < 0 ? EXIT_FAILURE : status;
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
	char why[CONFINE_WHY];
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
	if (confine_enter(CONFINE_COLLECTOR, NULL, 0, why) < 0)
		return log_error("%s", why), EXIT_FAILURE;
	keep(CAPABILITY_LAUNCHER | CAPABILITY(CAP_NET_BIND_SERVICE));	/* its doors may be low ones */
	if (check || optind < argc)
		return run_setup(config, check ? "check" : "init", administrator);
	return serve(config);
}
