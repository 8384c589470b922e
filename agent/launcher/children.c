#include "config.h"

#include "agent/launcher/launcher.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/capability.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/launch.h"

#define CORE_PATIENCE (10 * NS_PER_S)	/* it syncs its spool */
#define TEMPLATE_PATIENCE (3 * NS_PER_S)
#define LOAD_PATIENCE_MS 10000

struct account { uid_t uid; gid_t gid; };

/* The core's user; none was found: it stays who we are, with what the template has. */
static int become_core(const void *who)
{
	const struct account *a = who;

	return a->uid && geteuid() == 0 ? capability_become(a->uid, a->gid, 0) : descriptors_none(who);
}

/* The template goes by these records when it has answered. */
static int load(int template, const struct reading *reading)
{
	struct template_load load = {.count = reading->n}, answer;
	struct pollfd pfd = {.fd = template, .events = POLLIN};
	int r = io_send(template, &load, sizeof(load), -1);

	for (uint32_t i = 0; r == 0 && i < reading->n; i++)
		r = io_send(template, &reading->records[i], sizeof(reading->records[i]), -1);
	if (r < 0)
		return r;
	if (poll(&pfd, 1, LOAD_PATIENCE_MS) <= 0)
		return -ETIMEDOUT;
	if (io_receive(template, &answer, sizeof(answer), NULL) != sizeof(answer) || answer.count != load.count)
		return -EPROTO;
	return 0;
}

int children_start(struct children *c, const struct reading *reading, uid_t uid, gid_t gid)
{
	const struct account account = {uid, gid};
	int template[2] = {-1, -1}, core[2] = {-1, -1}, between[2] = {-1, -1}, wishes[2] = {-1, -1};
	int r = io_pair(SOCK_SEQPACKET, template);

	*c = (struct children){.to_template = -1, .to_core = -1, .wishes = -1, .openers = c->openers};
	r = r < 0 ? r : io_pair(SOCK_SEQPACKET, core);
	r = r < 0 ? r : io_pair(SOCK_SEQPACKET, between);
	r = r < 0 ? r : io_pair(SOCK_SEQPACKET, wishes);
	if (r == 0 && (r = launch(&(struct launch){"agent/host/beadle-host", (char *[]){(char *)"beadle-host", (char *)"template", NULL},
						 (int[]){template[1], between[0], wishes[1]}, 3, descriptors_none, NULL})) > 0) {
		c->template = r;
		r = load(template[0], reading);
	}
	lseek(reading->plan, 0, SEEK_SET);
	if (r == 0 && (r = launch(&(struct launch){"agent/core/beadle-core", (char *[]){(char *)"beadle-core", NULL},
						 (int[]){core[1], between[1], reading->plan}, 3, become_core, &account})) > 0)
		c->core = r;
	c->to_template = TAKE_FD(template[0]);
	c->to_core = TAKE_FD(core[0]);
	c->wishes = TAKE_FD(wishes[0]);
	cleanup_close(&template[1]);
	cleanup_close(&core[1]);
	cleanup_close(&between[0]);
	cleanup_close(&between[1]);
	cleanup_close(&wishes[1]);
	return r < 0 ? r : 0;
}

int children_reload(struct children *c, const struct reading *reading)
{
	struct core_tell tell = {.what = CORE_PLAN};
	int r = load(c->to_template, reading);

	lseek(reading->plan, 0, SEEK_SET);
	return r < 0 ? r : io_send(c->to_core, &tell, sizeof(tell), reading->plan);
}

static void tell_death(const char *who, int status)
{
	if (WIFSIGNALED(status))
		log_error("%s was killed by SIG%s", who,
			  sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?");
	else
		log_error("%s ended with status %d", who, WEXITSTATUS(status));
}

/* Waits for one child, at most so long; then by force. Of two that die together the other may have been seen first: what killed this one is told. */
static void wait_end(const char *who, pid_t *pid, int64_t patience)
{
	int64_t deadline = clock_boot() + patience;
	bool forced = false;
	int status = 0;

	while (*pid && waitpid(*pid, &status, WNOHANG) == 0) {
		if (clock_boot() > deadline) {
			forced = true;
			kill(*pid, SIGKILL);
		}
		poll(NULL, 0, 5);
	}
	if (*pid && WIFSIGNALED(status) && !forced && WTERMSIG(status) != SIGTERM)
		tell_death(who, status);
	*pid = 0;
}

void children_end(struct children *c)
{
	struct core_tell tell = {.what = CORE_STOP};

	if (c->core && io_send(c->to_core, &tell, sizeof(tell), -1) < 0)
		kill(c->core, SIGTERM);
	wait_end("core", &c->core, CORE_PATIENCE);
	cleanup_close(&c->to_core);
	cleanup_close(&c->to_template);		/* the template ends by itself, and its hosts with it */
	cleanup_close(&c->wishes);
	c->to_core = c->to_template = c->wishes = -1;
	wait_end("template", &c->template, TEMPLATE_PATIENCE);
}

bool children_reap(struct children *c)
{
	bool died = false;
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != c->core && pid != c->template) {
			c->openers -= c->openers > 0;
			continue;
		}
		if (pid == c->core || status != 0)	/* the template ends by itself when the core is gone */
			tell_death(pid == c->core ? "core" : "template", status);
		*(pid == c->core ? &c->core : &c->template) = 0;
		died = true;
	}
	return died;
}
