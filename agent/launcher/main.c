/* beadle-agent: the launcher. Runs in the foreground and logs to stderr. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/launcher/launcher.h"
#include "installed.h"
#include "lib/capability.h"
#include "lib/clock.h"
#include "lib/confine.h"
#include "lib/log.h"
#include "lib/ready.h"

#define BACK_OFF_FIRST NS_PER_S
#define BACK_OFF_MAX (60 * NS_PER_S)
#define SETTLED (60 * NS_PER_S)		/* having run so long, the next death is a new matter */
#define CORE_USER "beadle"

struct launcher {
	const char *config, *user;
	uid_t uid;		/* the core's; 0: ours */
	gid_t gid;
	struct reading reading;
	struct children children;
	int signals;
	bool running, ending;
	int64_t started, start_at, back_off, watchdog, watchdog_at;	/* boot clock, ns */
};

static int help(void)
{
	puts("usage: beadle-agent [--config FILE] [--user NAME]\n"
	     "       beadle-agent --check-config [--config FILE]\n"
	     "\n"
	     "  --config FILE   default " SYSCONFDIR "/agent.yaml, and agent.d/*.yaml beside it\n"
	     "  --check-config  tell every error of every file, and end\n"
	     "  --user NAME     as root: the user of the core (default " CORE_USER ", where there is one)\n"
	     "  --version, --help\n"
	     "\n"
	     "SIGHUP reads the configuration again; a wrong one leaves the old one in force. SIGTERM ends.");
	return 0;
}

static int choose_user(struct launcher *l)
{
	const char *name = l->user ? l->user : CORE_USER;
	const struct passwd *user;

	if (geteuid() != 0) {
		if (l->user)
			return log_error("--user needs root"), -EPERM;
		log_notice("not root: plugins share this user, and see only what it may see");
		return 0;
	}
	errno = 0;
	user = getpwnam(name);
	if (!user && l->user)
		return log_error("no user is called %s", name), -ENOENT;
	if (!user)
		log_warning("no user " CORE_USER ": the core, which speaks with the network, runs as root");
	l->uid = user ? user->pw_uid : 0;
	l->gid = user ? user->pw_gid : 0;
	return 0;
}

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

/* Template and core live and die together: a new core would know nothing of the hosts, a new template of no core. */
static void start(struct launcher *l)
{
	int r = children_start(&l->children, &l->reading, l->uid, l->gid);

	l->started = clock_boot();
	l->running = r == 0;
	if (r < 0) {
		log_error("cannot start: %s", strerror(-r));
		children_end(&l->children);
		l->start_at = l->started + l->back_off;
	}
}

static void restart(struct launcher *l)
{
	children_end(&l->children);
	l->running = false;
	if (clock_boot() - l->started > SETTLED)
		l->back_off = BACK_OFF_FIRST;
	l->start_at = clock_boot() + l->back_off;
	log_notice("starting again in %lld s", (long long)(l->back_off / NS_PER_S));
	l->back_off = l->back_off * 2 < BACK_OFF_MAX ? l->back_off * 2 : BACK_OFF_MAX;
}

static void reload(struct launcher *l)
{
	struct reading reading;
	int r = reader_run(l->config, l->uid, l->gid, &reading);

	if (r < 0) {
		log_error("the new configuration is not accepted (see above); the old one goes on");
		return;
	}
	reader_free(&l->reading);
	l->reading = reading;
	descriptors_keep(&l->reading);
	if (!l->running)
		return;		/* the next start takes it */
	r = children_reload(&l->children, &l->reading);
	if (r < 0) {
		log_error("reloading: %s", strerror(-r));
		restart(l);
		return;
	}
	log_notice("configuration read again: %u plugins", l->reading.n);
}

static void take_signals(struct launcher *l)
{
	struct signalfd_siginfo info;
	bool again = false;

	while (read(l->signals, &info, sizeof(info)) == sizeof(info)) {
		again |= info.ssi_signo == SIGHUP;
		l->ending |= info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT;
	}
	if (children_reap(&l->children) && !l->ending)
		restart(l);
	if (again && !l->ending)
		reload(l);
}

static int64_t next_wake(const struct launcher *l)
{
	int64_t at = INT64_MAX;

	if (!l->running)
		at = l->start_at;
	if (l->watchdog && l->watchdog_at < at)
		at = l->watchdog_at;
	return at;
}

static void serve(struct launcher *l)
{
	while (!l->ending) {
		struct pollfd pfds[2] = {{.fd = l->signals, .events = POLLIN}, {.fd = l->children.wishes, .events = POLLIN}};
		int64_t now = clock_boot(), at = next_wake(l);
		int64_t wait = at == INT64_MAX ? -1 : at <= now ? 0 : (at - now) / NS_PER_MS + 1;

		poll(pfds, 2, (int)wait);
		if (pfds[1].revents)
			descriptors_hear(&l->children, &l->reading);
		if (pfds[0].revents)
			take_signals(l);
		now = clock_boot();
		if (l->watchdog && now >= l->watchdog_at) {
			ready_tell("WATCHDOG=1");
			l->watchdog_at = now + l->watchdog;
		}
		if (!l->running && !l->ending && now >= l->start_at)
			start(l);
	}
}

static int run(struct launcher *l)
{
	l->signals = open_signals();
	if (l->signals < 0 || choose_user(l) < 0)
		return 1;
	umask(022);
	if (geteuid() == 0 && capability_keep(CAPABILITY_AGENT_MOST) < 0)
		log_warning("it keeps capabilities that it has no use for");
	if (reader_run(l->config, l->uid, l->gid, &l->reading) < 0) {
		log_error("not started: mend the configuration (beadle-agent --check-config tells its mistakes)");
		return 1;
	}
	descriptors_keep(&l->reading);
	log_notice("started: %u plugins", l->reading.n);
	start(l);
	l->watchdog = ready_watchdog();
	l->watchdog_at = clock_boot();
	ready_tell("READY=1");
	serve(l);
	ready_tell("STOPPING=1");
	children_end(&l->children);
	reader_free(&l->reading);
	log_notice("ended");
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"check-config", no_argument, NULL, 'k'},
		{"user", required_argument, NULL, 'u'}, {"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'}, {0}};
	struct launcher l = {.config = SYSCONFDIR "/agent.yaml", .back_off = BACK_OFF_FIRST, .reading = {.plan = -1},
			     .children = {.to_template = -1, .to_core = -1, .wishes = -1}};
	char why[CONFINE_WHY];
	bool check = false;
	int o, nothing;

	while ((nothing = open("/dev/null", O_RDWR)) >= 0 && nothing <= 2)
		;	/* 0 to 2 exist, whoever started us */
	dup2(nothing, 0);
	close(nothing);
	log_open("agent");
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'c')
			l.config = optarg;
		else if (o == 'k')
			check = true;
		else if (o == 'u')
			l.user = optarg;
		else if (o == 'V')
			return puts("beadle-agent " PACKAGE_VERSION), 0;
		else
			return o == 'h' ? help() : 2;
	}
	if (optind != argc)
		return log_error("unknown argument %s", argv[optind]), 2;
	if (confine_enter(CONFINE_AGENT, NULL, 0, why) < 0)
		return log_error("%s", why), 1;
	return check ? reader_check(l.config) : run(&l);
}
