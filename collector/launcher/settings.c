#include "settings.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"
#include "log.h"
#include "launch.h"

#define PATIENCE (120 * NS_PER_S)

static bool is_text(const char *text, size_t room)
{
	return *text && memchr(text, 0, room);
}

/* Whatever it says beside its family is an address; of another family it would be a socket that nobody expects. */
static bool is_address(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET || a->ss_family == AF_INET6;
}

const char *settings_wrong(const struct settings *s)
{
	if (!is_text(s->state, sizeof(s->state)) || s->state[0] != '/')
		return "state";
	if (!is_text(s->school, sizeof(s->school)) || !is_text(s->name, sizeof(s->name)))
		return "name";
	if (!s->hosts_n || s->hosts_n > SETTINGS_HOSTS)
		return "number of hosts";
	for (size_t i = 0; i < s->hosts_n; i++)
		if (!is_text(s->hosts[i], sizeof(s->hosts[i])))
			return "host";
	return is_address(&s->agents) && is_address(&s->enrolment) && is_address(&s->web) ? NULL : "address";
}

/* The one record that it leaves; -ENODATA: none, for it has told why. */
static int receive(int from, struct settings *ret)
{
	struct pollfd pfd = {.fd = from, .events = POLLIN};
	int64_t deadline = clock_boot() + PATIENCE, left;
	ssize_t n;

	while ((left = deadline - clock_boot()) > 0)
		if (poll(&pfd, 1, (int)(left / NS_PER_MS) + 1) > 0)
			break;
	if (left <= 0)
		return -ETIMEDOUT;
	n = io_receive(from, ret, sizeof(*ret), NULL);
	if (n <= 0)
		return n == 0 || n == -ECONNRESET ? -ENODATA : (int)n;
	return n == sizeof(*ret) ? 0 : -EPROTO;
}

/* How it ended agrees with what it left: 0 goes with settings, 1 with mistakes. */
static int end_of(pid_t pid, int r)
{
	int status;

	if (r < 0 && r != -ENODATA)
		kill(pid, SIGKILL);
	status = launch_wait(pid);
	if (r == -ENODATA && status == 1)
		return -EINVAL;
	if (r == -ENODATA || (r == 0 && status))
		log_error("beadle-setup ended with %d", status);
	return r == 0 && status ? -EPROTO : r;
}

int settings_ask(const char *file, const char *command, struct settings *ret)
{
	char *arguments[] = {(char *)"beadle-setup", (char *)"--config", (char *)file, (char *)command, NULL};
	const char *wrong = NULL;
	struct settings s = {0};
	int pair[2], r = io_pair(SOCK_SEQPACKET, pair);
	pid_t pid;

	if (r < 0)
		return r;
	pid = launch(&(struct launch){"collector/setup/beadle-setup", arguments, &pair[1], 1, NULL, NULL});
	close(pair[1]);
	r = pid < 0 ? pid : end_of(pid, receive(pair[0], &s));
	close(pair[0]);
	if (r == 0 && (wrong = settings_wrong(&s)))
		r = -EPROTO;
	if (r < 0 && r != -EINVAL)
		log_error("beadle-setup %s: %s%s%s", command, strerror(-r), wrong ? ": impossible " : "", wrong ? wrong : "");
	if (r == 0)
		*ret = s;
	return r;
}
