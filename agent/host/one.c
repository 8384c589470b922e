/* "beadle-host one": a single host for a caller that is no core. What the template does for many, this does for one. */
#include "config.h"

#include "agent/host/lives.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/host/start.h"
#include "agent/host/strays.h"
#include "lib/cleanup.h"
#include "lib/log.h"

#define SOCKET 3

static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Reaps; *ret_status is set when the host has ended. */
static bool has_ended(pid_t host, int *ret_status)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == host) {
			*ret_status = status;
			return true;
		}
	return false;
}

static int serve(const struct plugin_record *record, struct started *s, int signals)
{
	for (;;) {
		struct pollfd pfds[2] = {{.fd = signals, .events = POLLIN}, {.fd = s->scan, .events = POLLIN}};
		struct signalfd_siginfo info;
		int status;

		if (poll(pfds, 2, -1) < 0)
			continue;
		if (pfds[1].revents && start_scan(s->scan, record->uid, record->gid) <= 0)
			close(TAKE_FD(s->scan));
		if (!pfds[0].revents)
			continue;
		while (read(signals, &info, sizeof(info)) > 0)
			if (info.ssi_signo != SIGCHLD)
				start_kill(s->pid, record->uid, record->gid);
		if (has_ended(s->pid, &status))
			return status;
	}
}

int one_serve(const struct plugin_record *record)
{
	char why[START_WHY];
	struct started started;
	struct guards *guards = guard_new();
	int signals = signals_open(), status;

	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	if (signals < 0 || start_host(record, guards, SOCKET, &started, why) < 0) {
		log_error("%s: %s", record->name, signals < 0 ? strerror(errno) : why);
		return 1;
	}
	close(SOCKET);
	status = serve(record, &started, signals);
	start_kill(started.pid, status ? record->uid : 0, record->gid);
	strays_kill(NULL, 0, guards);
	guard_free(guards);
	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	/* The caller is to see what the host died of. */
	signal(WTERMSIG(status), SIG_DFL);
	sigprocmask(SIG_SETMASK, &(sigset_t){0}, NULL);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	raise(WTERMSIG(status));
	return 1;
}
