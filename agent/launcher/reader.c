#include "config.h"

#include "agent/launcher/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/grant.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/launch.h"
#include "lib/text.h"

#define PROGRAM "agent/config/beadle-config"
#define PATIENCE (300 * NS_PER_S)	/* a plugin that hangs when loaded costs the reader 20 s */
#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)
#define FIRST_USER 1000u		/* no host ever runs as root or as a user of the system */

static bool terminated(const char *text, size_t room)
{
	return memchr(text, 0, room) != NULL;
}

/* The reason why a record cannot be, or NULL. */
static const char *wrong(const struct plugin_record *r, const struct reading *sofar)
{
	bool root = geteuid() == 0;

	if (r->index >= PLUGINS_MAX)
		return "index";
	if (!terminated(r->name, sizeof(r->name)) || !text_name(r->name))
		return "name";
	if (!terminated(r->module, sizeof(r->module)) || r->module[0] != '/')
		return "module";
	if (!terminated(r->state, sizeof(r->state)) || r->state[0] != '/')
		return "state";
	if (root ? r->uid < FIRST_USER || r->gid < FIRST_USER : r->uid || r->gid)
		return "user";
	if (!terminated(r->grants, sizeof(r->grants)))
		return "grants";
	if (r->capabilities & ~grant_capabilities())
		return "capabilities";
	if (r->descriptors >> GRANT_DESCRIPTORS)
		return "descriptors";
	if (r->procscan > 1 || r->memory < 1 << 20 || r->files < 8 || !r->processes || !r->file_size)
		return "limits";
	for (uint32_t i = 0; i < sofar->n; i++)
		if (sofar->records[i].index == r->index || (root && sofar->records[i].uid == r->uid))
			return "index or user of another";
	return NULL;
}

/* Takes records until the reader closes its end. */
static int receive(int from, struct reading *to)
{
	int64_t deadline = clock_boot() + PATIENCE;
	struct pollfd pfd = {.fd = from, .events = POLLIN};

	for (;;) {
		int64_t left = (deadline - clock_boot()) / NS_PER_MS;
		struct plugin_record r;
		const char *reason;
		ssize_t k;

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&pfd, 1, (int)left) <= 0)
			continue;
		k = io_receive(from, &r, sizeof(r), NULL);
		if (k == 0 || k == -ECONNRESET)
			return 0;
		if (k != sizeof(r) || to->n == PLUGINS_MAX)
			return k < 0 ? (int)k : -EPROTO;
		reason = wrong(&r, to);
		if (reason) {
			log_error("beadle-config: record %u: impossible %s", to->n, reason);
			return -EPROTO;
		}
		to->records[to->n++] = r;
	}
}

static int run(char **arguments, struct reading *to)
{
	int pair[2], status, r = io_pair(SOCK_SEQPACKET, pair);
	pid_t pid;

	if (r < 0)
		return r;
	pid = launch(&(struct launch){PROGRAM, arguments, (int[]){pair[1], to->plan}, 2, descriptors_none, NULL});
	close(pair[1]);
	r = pid < 0 ? pid : receive(pair[0], to);
	close(pair[0]);
	if (pid > 0 && r < 0)
		kill(pid, SIGKILL);
	status = launch_wait(pid);
	if (r == 0 && status)
		r = status == 1 ? -EINVAL : -ECHILD;
	if (r == 0 && (fcntl(to->plan, F_GET_SEALS) & SEALS) != SEALS)
		r = -EPROTO;
	return r;
}

int reader_run(const char *config, uid_t uid, gid_t gid, struct reading *ret)
{
	struct reading reading = {.records = calloc(PLUGINS_MAX, sizeof(*reading.records)),
				  .plan = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
	char user[16], group[16];
	char *arguments[] = {(char *)"beadle-config", (char *)"--config", (char *)config,
			     (char *)"--uid", user, (char *)"--gid", group, NULL};
	int r;

	snprintf(user, sizeof(user), "%u", uid);
	snprintf(group, sizeof(group), "%u", gid);
	r = reading.records && reading.plan >= 0 ? run(arguments, &reading) : -ENOMEM;
	if (r < 0) {
		if (r != -EINVAL)
			log_error("beadle-config: %s", strerror(-r));
		reader_free(&reading);
		return r;
	}
	*ret = reading;
	return 0;
}

void reader_free(struct reading *r)
{
	free(r->records);
	if (r->plan >= 0)
		close(r->plan);
	*r = (struct reading){.plan = -1};
}

int reader_check(const char *config)
{
	char *arguments[] = {(char *)"beadle-config", (char *)"--config", (char *)config, (char *)"--check", NULL};
	int status = launch_wait(launch(&(struct launch){PROGRAM, arguments, NULL, 0, NULL, NULL}));

	return status < 0 ? 1 : status;
}
