#include "children.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capability.h"
#include "cleanup.h"
#include "clock.h"
#include "io.h"
#include "launcher.h"
#include "log.h"
#include "program.h"
#include "text.h"

#define BACK_OFF_MIN (NS_PER_S / 2)
#define BACK_OFF_MAX (60 * NS_PER_S)
#define STEADY (60 * NS_PER_S)		/* who lived so long begins again at the shortest back-off */
#define ARGUMENTS 32

enum { COLLECT, SIGNER, NOTIFIER, WEB, CHILDREN };

static const struct kind { const char *program, *user; uint32_t pipe; } kinds[CHILDREN] = {
	[COLLECT] = {"collector/beadle-collect", "beadle-collector", 0},
	[SIGNER] = {"collector/identity/beadle-signer", "beadle-signer", LAUNCHER_SIGNER},
	[NOTIFIER] = {"collector/notify/beadle-notifier", "beadle-notify", LAUNCHER_NOTIFIER},
	[WEB] = {"collector/web/beadle-web", "beadle-web", LAUNCHER_WEB},
};

struct child { pid_t pid; int64_t started, due, back_off; };

struct children {
	const struct settings *settings;
	const char *config;
	struct children_doors doors;
	bool separate, stopping;
	int collector;			/* our end of the collector's pair */
	struct child at[CHILDREN];
};

struct children *children_new(const struct settings *s, const char *config, const struct children_doors *doors, bool separate)
{
	struct children *c = calloc(1, sizeof(*c));

	if (c)
		*c = (struct children){.settings = s, .config = config, .doors = *doors, .separate = separate, .collector = -1};
	return c;
}

void children_free(struct children *c)
{
	if (!c)
		return;
	if (c->collector >= 0)
		close(c->collector);
	free(c);
}

int children_collector(const struct children *c)
{
	return c->collector;
}

/* ---- in the child, before exec ---- */

struct arguments { char *argv[ARGUMENTS], text[ARGUMENTS][512]; int n; };

static void add(struct arguments *a, const char *name, const char *value)
{
	if (a->n + 3 > ARGUMENTS)
		_exit(126);
	a->argv[a->n++] = (char *)name;
	if (value) {
		snprintf(a->text[a->n], sizeof(a->text[0]), "%s", value);
		a->argv[a->n] = a->text[a->n];
		a->n++;
	}
	a->argv[a->n] = NULL;
}

/* A descriptor that the program may keep. */
static void add_fd(struct arguments *a, const char *name, int fd)
{
	char number[16];

	fcntl(fd, F_SETFD, 0);
	snprintf(number, sizeof(number), "%d", fd);
	add(a, name, number);
}

static void add_folder(struct arguments *a, const char *name, const char *state, const char *folder)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", state, folder);
	add(a, name, path);
}

static void arguments_of(const struct children *c, int which, int pipe, struct arguments *a)
{
	switch (which) {
	case COLLECT:
		add(a, "--config", c->config);
		add_fd(a, "--agents-fd", c->doors.agents);
		add_fd(a, "--enrolment-fd", c->doors.enrolment);
		add_fd(a, "--local-fd", c->doors.local);
		add_fd(a, "--launcher-fd", pipe);
		break;
	case SIGNER:
		add(a, "--state", c->settings->state);
		add_fd(a, "--fd", pipe);
		break;
	case NOTIFIER:
		add(a, "--config", c->config);
		add_folder(a, "--queue", c->settings->state, "notify");
		add_fd(a, "--fd", pipe);
		break;
	default:
		add_folder(a, "--identity", c->settings->state, "web");
		add_fd(a, "--web-fd", c->doors.web);
		add_fd(a, "--collector-fd", pipe);
	}
}

int children_become(const char *name)
{
	const struct passwd *user = getpwnam(name);

	if (!user)
		return -ENOENT;
	return initgroups(user->pw_name, user->pw_gid) < 0 || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
	       setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0 ? -errno : 0;
}

static void run(const struct children *c, int which, int pipe)
{
	struct arguments a = {0};
	char path[PROGRAM_PATH];
	sigset_t none;
	int r;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	r = program_path(kinds[which].program, path);
	if (r == 0 && c->separate)
		capability_bound(0);
	if (r == 0 && c->separate)
		r = children_become(kinds[which].user);
	if (r < 0) {
		log_error("%s: %s", kinds[which].program, strerror(-r));
		_exit(126);
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);	/* after the change of user, which takes it back */
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	add(&a, strrchr(path, '/') + 1, NULL);
	arguments_of(c, which, pipe, &a);
	execve(path, a.argv, program_environment());
	log_error("%s: %s", path, strerror(errno));
	_exit(127);
}

/* ---- in the launcher ---- */

/* Starts one; returns our end of its pair, or -errno. */
static int start(struct children *c, int which, int64_t now)
{
	int pair[2], r = io_pair(which == COLLECT ? SOCK_SEQPACKET : SOCK_STREAM, pair);
	pid_t pid;

	if (r < 0)
		return r;
	pid = fork();
	if (pid == 0)
		run(c, which, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return -errno;
	}
	c->at[which].pid = pid;
	c->at[which].started = now;
	return pair[0];
}

static void start_one(struct children *c, int which, int64_t now)
{
	const struct launcher_tell tell = {kinds[which].pipe};
	int fd = start(c, which, now), r;

	if (fd < 0) {
		log_error("%s cannot be started: %s", kinds[which].program, strerror(-fd));
		c->at[which].due = now + BACK_OFF_MAX;
		return;
	}
	if (which == COLLECT) {
		c->collector = fd;
		return;
	}
	r = io_send(c->collector, &tell, sizeof(tell), fd);
	close(fd);
	if (r < 0)	/* it is ending; what was just started sees its pipe close, and all begin anew */
		log_debug("the collector does not take the pipe of %s: %s", kinds[which].program, strerror(-r));
}

int64_t children_start(struct children *c, int64_t now)
{
	int64_t soonest = INT64_MAX;

	for (int i = 0; i < CHILDREN && !c->stopping; i++) {
		struct child *child = &c->at[i];

		if (child->pid)
			continue;
		if (i != COLLECT && !c->at[COLLECT].pid)
			continue;	/* nobody is there to take its pipe */
		if (child->due <= now)
			start_one(c, i, now);
		if (!child->pid && child->due - now < soonest)
			soonest = child->due - now;
	}
	return soonest < 0 ? 0 : soonest;
}

static void say_end(const char *program, int status, int64_t wait)
{
	char again[24];

	text_put_duration(wait, again);
	if (WIFSIGNALED(status))
		log_error("%s was ended by signal %d (%s); again in %s", program, WTERMSIG(status), strsignal(WTERMSIG(status)), again);
	else
		log_error("%s ended with exit code %d; again in %s", program, WEXITSTATUS(status), again);
}

void children_ended(struct children *c, pid_t pid, int status, int64_t now)
{
	for (int i = 0; i < CHILDREN; i++) {
		struct child *child = &c->at[i];

		if (child->pid != pid)
			continue;
		child->pid = 0;
		child->back_off = now - child->started > STEADY || !child->back_off ? BACK_OFF_MIN : child->back_off * 2;
		if (child->back_off > BACK_OFF_MAX)
			child->back_off = BACK_OFF_MAX;
		/* A helper of the collector that went with it did nothing wrong. */
		if (i != COLLECT && !c->at[COLLECT].pid)
			child->back_off = 0;
		child->due = now + child->back_off;
		if (!c->stopping && child->back_off)
			say_end(kinds[i].program, status, child->back_off);
		if (i != COLLECT)
			return;
		close(c->collector);
		c->collector = -1;
		/* Their pipes are closed now; who does not notice is told. */
		for (int k = SIGNER; k < CHILDREN; k++)
			if (c->at[k].pid)
				kill(c->at[k].pid, SIGTERM);
		return;
	}
}

bool children_read(struct children *c)
{
	struct launcher_tell tell;
	ssize_t n = io_receive(c->collector, &tell, sizeof(tell), NULL);

	return n == (ssize_t)sizeof(tell) && tell.what == LAUNCHER_READY;
}

bool children_stop(struct children *c, int signal)
{
	bool left = false;

	c->stopping = true;
	if (c->at[COLLECT].pid && signal == SIGTERM)
		return kill(c->at[COLLECT].pid, SIGTERM), true;
	for (int i = 0; i < CHILDREN; i++)
		if (c->at[i].pid) {
			kill(c->at[i].pid, signal);
			left = true;
		}
	return left;
}
