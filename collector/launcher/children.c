#include "children.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "io.h"
#include "launcher.h"
#include "log.h"
#include "launch.h"
#include "text.h"
#include "users.h"

#define BACK_OFF_MIN (NS_PER_S / 2)
#define BACK_OFF_MAX (60 * NS_PER_S)
#define STEADY (60 * NS_PER_S)		/* who lived so long begins again at the shortest back-off */
#define ARGUMENTS 12

enum { COLLECT, SIGNER, NOTIFIER, WEB, CHILDREN };

/* Its pipe is its descriptor 3, its sockets follow. "@" is collector.yaml; "." is the state folder, and begins what is in it. */
static const struct kind {
	const char *program, *user;
	uint32_t pipe;
	const char *arguments[ARGUMENTS];
} kinds[CHILDREN] = {
	[COLLECT] = {"collector/beadle-collect", USER_COLLECTOR, 0, {"beadle-collect", "--config", "@", "--launcher-fd", "3",
		     "--agents-fd", "4", "--enrolment-fd", "5", "--local-fd", "6"}},
	[SIGNER] = {"collector/identity/beadle-signer", USER_SIGNER, LAUNCHER_SIGNER, {"beadle-signer", "--state", ".", "--fd", "3"}},
	[NOTIFIER] = {"collector/notify/beadle-notifier", USER_NOTIFIER, LAUNCHER_NOTIFIER,
		      {"beadle-notifier", "--config", "@", "--queue", "./notify", "--fd", "3"}},
	[WEB] = {"collector/web/beadle-web", USER_WEB, LAUNCHER_WEB,
		 {"beadle-web", "--identity", "./web", "--collector-fd", "3", "--web-fd", "4"}},
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

struct arguments { char *argv[ARGUMENTS + 1], text[ARGUMENTS][512]; };

static void fill_in(const struct children *c, const struct kind *k, struct arguments *a)
{
	for (size_t i = 0; i < ARGUMENTS && k->arguments[i]; i++) {
		const char *pattern = k->arguments[i];

		if (*pattern == '.')
			snprintf(a->text[i], sizeof(a->text[i]), "%s%s", c->settings->state, pattern + 1);
		a->argv[i] = *pattern == '.' ? a->text[i] : (char *)(*pattern == '@' ? c->config : pattern);
	}
}

/* Starts one; returns our end of its pair, or -errno. */
static int start(struct children *c, int which, int64_t now)
{
	const struct kind *k = &kinds[which];
	struct arguments a = {0};
	int pair[2], r = io_pair(which == COLLECT ? SOCK_SEQPACKET : SOCK_STREAM, pair);

	if (r < 0)
		return r;
	fill_in(c, k, &a);
	r = launch(&(struct launch){k->program, a.argv,
				  which == COLLECT ? (int[]){pair[1], c->doors.agents, c->doors.enrolment, c->doors.local}
						   : (int[]){pair[1], c->doors.web},
				  which == COLLECT ? 4 : which == WEB ? 2 : 1, c->separate ? users_become : NULL, k->user});
	close(pair[1]);
	if (r < 0) {
		close(pair[0]);
		return r;
	}
	c->at[which].pid = r;
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
