/* The template: small, loads nothing itself, and forks a host per plugin when the core asks. */
#include "config.h"

#include "agent/host/lives.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/host/start.h"
#include "agent/host/strays.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/log.h"

/* What the template knows of one plugin. Lives from the first record that names it until the template ends. */
struct slot {
	struct plugin_record record;
	struct guards *guards;
	pid_t host;		/* 0: none */
	uint32_t serial;
	int scan;		/* -1: none */
	pid_t scanner;
};

static struct slot *slots[PLUGINS_MAX];

static int tell(uint32_t what, uint32_t plugin, uint32_t serial, const struct template_tell *more, int fd)
{
	struct template_tell t = more ? *more : (struct template_tell){0};

	t.what = what;
	t.plugin = plugin;
	t.serial = serial;
	return io_send(FD_CORE, &t, sizeof(t), fd);
}

static int refuse(const struct template_ask *ask, const char *why)
{
	struct template_tell t = {0};

	snprintf(t.why, sizeof(t.why), "%s", why);
	return tell(TEMPLATE_REFUSED, ask->plugin, ask->serial, &t, -1);
}

/* Whatever is our child but is no living host, scanner or guarded call was left behind by a host that is gone. */
static void end_strays(void)
{
	pid_t known[2 * PLUGINS_MAX + 256];
	size_t n = 0;

	for (size_t i = 0; i < PLUGINS_MAX; i++) {
		struct slot *s = slots[i];

		if (!s)
			continue;
		if (s->host)
			known[n++] = s->host;
		if (s->scanner)
			known[n++] = s->scanner;
		for (size_t k = 0; s->guards && k < GUARD_SLOTS && n < sizeof(known) / sizeof(*known); k++)
			if (s->guards->slots[k].pid)
				known[n++] = s->guards->slots[k].pid;
	}
	strays_kill(known, n, NULL);
}

static int start(const struct template_ask *ask, struct slot *s)
{
	char why[START_WHY];
	struct template_tell t = {0};
	struct started started;
	int r;

	if (s->host) {
		snprintf(why, sizeof(why), "its last process (%d) has not ended yet", (int)s->host);
		return refuse(ask, why);
	}
	if (!s->guards)
		s->guards = guard_new();
	if (start_host(&s->record, s->guards, -1, &started, why) < 0)
		return refuse(ask, why);
	s->host = t.pid = started.pid;
	s->scan = started.scan;
	s->serial = ask->serial;
	r = tell(TEMPLATE_STARTED, ask->plugin, ask->serial, &t, started.socket);
	close(started.socket);
	return r;
}

/* 0: the core is gone; else go on. */
static int hear_core(void)
{
	struct template_ask ask;
	ssize_t k = io_receive(FD_CORE, &ask, sizeof(ask), NULL);
	struct slot *s;

	if (k <= 0)
		return 0;
	if (k != sizeof(ask) || ask.plugin >= PLUGINS_MAX)
		return 1;
	s = slots[ask.plugin];
	if (ask.what == TEMPLATE_START && s)
		return start(&ask, s) == 0;
	if (ask.what == TEMPLATE_START)
		return refuse(&ask, "no such plugin in the configuration") == 0;
	if (ask.what == TEMPLATE_KILL && s && s->host && s->serial == ask.serial)
		start_kill(s->host, s->record.uid, s->record.gid);
	return 1;
}

static void take_record(const struct plugin_record *r)
{
	if (r->index >= PLUGINS_MAX)
		return;
	if (!slots[r->index]) {
		slots[r->index] = calloc(1, sizeof(struct slot));
		if (!slots[r->index])
			return;
		slots[r->index]->scan = -1;
	}
	slots[r->index]->record = *r;
}

/* 0: the launcher is gone; else go on. */
static int hear_launcher(void)
{
	struct template_load load;
	struct plugin_record record;

	if (io_receive(FD_LAUNCHER, &load, sizeof(load), NULL) != sizeof(load) || load.count > PLUGINS_MAX)
		return 0;
	for (uint32_t i = 0; i < load.count; i++) {
		if (io_receive(FD_LAUNCHER, &record, sizeof(record), NULL) != sizeof(record))
			return 0;
		take_record(&record);
	}
	return io_send(FD_LAUNCHER, &load, sizeof(load), -1) == 0;
}

static void ended(struct slot *s, int status, const struct rusage *used)
{
	struct template_tell t = {.pid = s->host, .status = status, .peak_bytes = (uint64_t)used->ru_maxrss * 1024,
		.cpu_ns = ((uint64_t)used->ru_utime.tv_sec + (uint64_t)used->ru_stime.tv_sec) * 1000000000u +
			  ((uint64_t)used->ru_utime.tv_usec + (uint64_t)used->ru_stime.tv_usec) * 1000u};

	/* What it started has become our child, and ends as a stray; all of its user's processes only when it did not
	 * end well. */
	start_kill(s->host, status ? s->record.uid : 0, s->record.gid);
	s->host = 0;
	if (s->scan >= 0)
		close(TAKE_FD(s->scan));
	end_strays();
	tell(TEMPLATE_ENDED, s->record.index, s->serial, &t, -1);
}

static void reap(int signals)
{
	struct signalfd_siginfo info;
	struct rusage used;
	pid_t pid;
	int status;

	while (read(signals, &info, sizeof(info)) > 0)
		;
	while ((pid = wait4(-1, &status, WNOHANG, &used)) > 0)
		for (size_t i = 0; i < PLUGINS_MAX; i++) {
			if (slots[i] && slots[i]->host == pid)
				ended(slots[i], status, &used);
			else if (slots[i] && slots[i]->scanner == pid)
				slots[i]->scanner = 0;
		}
}

static void hear_scan(struct slot *s)
{
	pid_t pid;

	if (s->scanner)
		return;		/* one at a time: the wish waits in the socket */
	pid = start_scan(s->scan, s->record.uid, s->record.gid);
	if (pid > 0)
		s->scanner = pid;
	else
		close(TAKE_FD(s->scan));
}

static void serve(int signals)
{
	struct pollfd pfds[3 + PLUGINS_MAX];
	struct slot *who[3 + PLUGINS_MAX];
	bool go_on = true;

	while (go_on) {
		nfds_t n = 3;

		pfds[0] = (struct pollfd){.fd = FD_LAUNCHER, .events = POLLIN};
		pfds[1] = (struct pollfd){.fd = FD_CORE, .events = POLLIN};
		pfds[2] = (struct pollfd){.fd = signals, .events = POLLIN};
		for (size_t i = 0; i < PLUGINS_MAX; i++)
			if (slots[i] && slots[i]->scan >= 0 && !slots[i]->scanner) {
				who[n] = slots[i];
				pfds[n++] = (struct pollfd){.fd = slots[i]->scan, .events = POLLIN};
			}
		if (poll(pfds, n, -1) < 0)
			continue;
		for (nfds_t i = 3; i < n; i++)
			if (pfds[i].revents)
				hear_scan(who[i]);
		if (pfds[2].revents)
			reap(signals);
		if (pfds[0].revents)
			go_on = hear_launcher();
		if (go_on && pfds[1].revents)
			go_on = hear_core();
	}
}

/* A host ends by itself when the core has closed its pipe; killed sooner it would not look for leaks. */
static void let_end(pid_t host)
{
#ifdef SANITIZED
	for (int i = 0; host && i < 100 && waitpid(host, NULL, WNOHANG) == 0; i++)
		poll(NULL, 0, 20);
#endif
}

static void end_all(void)
{
	for (size_t i = 0; i < PLUGINS_MAX; i++) {
		if (!slots[i])
			continue;
		let_end(slots[i]->host);
		if (slots[i]->host)
			start_kill(slots[i]->host, slots[i]->record.uid, slots[i]->record.gid);
		slots[i]->host = slots[i]->scanner = 0;
	}
	end_strays();
	for (size_t i = 0; i < PLUGINS_MAX; i++) {
		if (slots[i])
			guard_free(slots[i]->guards);
		free(TAKE(slots[i]));
	}
}

int template_serve(void)
{
	sigset_t set;
	int signals;

	setsid();
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0) {
		log_error("signalfd: %s", strerror(errno));
		return 1;
	}
	serve(signals);
	end_all();
	return 0;
}
