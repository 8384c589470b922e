#include "config.h"

#include "plughost.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "frame.h"
#include "io.h"
#include "program.h"

#define HOST_SOCKET 3		/* where beadle-host expects it */
#define PATIENCE (2 * NS_PER_S)	/* with a host that was asked to end */

struct arguments { const char *at[24]; char numbers[5][24]; size_t n, n_numbers; };

static void add(struct arguments *a, const char *option, const char *value)
{
	a->at[a->n++] = option;
	if (value)
		a->at[a->n++] = value;
}

static void add_number(struct arguments *a, const char *option, uint64_t value)
{
	char *text = a->numbers[a->n_numbers++];

	snprintf(text, sizeof(a->numbers[0]), "%llu", (unsigned long long)value);
	add(a, option, text);
}

static void list_arguments(const struct plughost_options *o, struct arguments *a)
{
	add(a, "beadle-host", "one");
	add(a, "--name", o->name);
	add(a, "--module", o->module);
	if (o->state)
		add(a, "--state", o->state);
	if (o->uid) {
		add_number(a, "--uid", o->uid);
		add_number(a, "--gid", o->gid);
	}
	if (o->memory)
		add_number(a, "--memory", o->memory);
	if (o->capabilities)
		add_number(a, "--capabilities", o->capabilities);
	if (o->procscan)
		add(a, "--procscan", NULL);
	if (o->descriptors)
		add_number(a, "--descriptors", o->descriptors);
	if (o->grants && *o->grants)
		add(a, "--grants", o->grants);
	a->at[a->n] = NULL;
}

static int spawn(const char *path, const struct arguments *a, int socket, pid_t *ret_pid)
{
	posix_spawn_file_actions_t files;
	int r;

	posix_spawn_file_actions_init(&files);
	if (socket == HOST_SOCKET)	/* a duplicate onto itself would stay close-on-exec */
		socket = dup(socket);
	posix_spawn_file_actions_adddup2(&files, socket, HOST_SOCKET);
	posix_spawn_file_actions_addclosefrom_np(&files, HOST_SOCKET + 1);
	r = posix_spawn(ret_pid, path, &files, NULL, (char *const *)a->at, program_environment());
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

int plughost_start(const struct plughost_options *o, struct plughost *ret)
{
	struct arguments arguments = {0};
	char path[PROGRAM_PATH];
	int pair[2], r;

	*ret = (struct plughost){.pid = -1, .socket = -1};
	r = program_path("agent/host/beadle-host", path);
	if (r == 0)
		r = io_pair(SOCK_STREAM, pair);
	if (r < 0)
		return r;
	list_arguments(o, &arguments);
	ret->socket = pair[0];
	r = spawn(path, &arguments, pair[1], &ret->pid);
	close(pair[1]);
	if (r < 0)
		ret->pid = -1;
	return r;
}

int plughost_send(struct plughost *h, const Host__ToHost *m)
{
	FREE uint8_t *buf = NULL;
	size_t room = 0;
	int64_t n = frame_pack(&m->base, &buf, &room);

	if (n < 0)
		return (int)n;
	for (int64_t sent = 0; sent < n;) {
		ssize_t k = send(h->socket, buf + sent, (size_t)(n - sent), MSG_NOSIGNAL);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		sent += k;
	}
	return 0;
}

static int wait_readable(int fd, int64_t deadline)
{
	for (;;) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		int64_t left = deadline - clock_boot();

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&pfd, 1, (int)(left / NS_PER_MS < 1000 ? left / NS_PER_MS + 1 : 1000)) > 0)
			return 0;
	}
}

/* 1: n bytes; 0: the end came first; or -errno. */
static int receive_all(int fd, uint8_t *to, size_t n, int64_t deadline)
{
	size_t got = 0;

	while (got < n) {
		int r = wait_readable(fd, deadline);
		ssize_t k;

		if (r < 0)
			return r;
		k = recv(fd, to + got, n - got, 0);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k < 0 && errno != ECONNRESET ? -errno : 0;
		got += (size_t)k;
	}
	return 1;
}

int plughost_receive(struct plughost *h, int64_t deadline, struct arena *arena, Host__FromHost **ret)
{
	uint8_t head[FRAME_HEAD];
	FREE uint8_t *frame = NULL;
	int64_t n;
	int r = receive_all(h->socket, head, sizeof(head), deadline);

	if (r <= 0)
		return r;
	n = frame_size(head, sizeof(head), FRAME_MAX);
	if (n < 0)
		return (int)n;
	frame = malloc((size_t)n);
	if (!frame)
		return -ENOMEM;
	memcpy(frame, head, sizeof(head));
	r = receive_all(h->socket, frame + FRAME_HEAD, (size_t)n - FRAME_HEAD, deadline);
	if (r <= 0)
		return r;
	*ret = (Host__FromHost *)frame_unpack(&host__from_host__descriptor, frame, (size_t)n, arena);
	return *ret ? 1 : -EBADMSG;
}

int plughost_end(struct plughost *h)
{
	int64_t patience = clock_boot() + PATIENCE;
	int status = -1, signals = 0;

	if (h->socket >= 0)
		close(TAKE_FD(h->socket));
	while (h->pid > 0 && waitpid(h->pid, &status, WNOHANG) == 0) {
		if (clock_boot() > patience) {
			kill(h->pid, signals++ ? SIGKILL : SIGTERM);	/* it ends its host and that one's children */
			patience = clock_boot() + PATIENCE;
		}
		poll(NULL, 0, 2);
	}
	h->pid = -1;
	return status;
}

char *plughost_words(int status, char buf[64])
{
	if (WIFSIGNALED(status) && sigabbrev_np(WTERMSIG(status)))
		snprintf(buf, 64, "was killed by SIG%s", sigabbrev_np(WTERMSIG(status)));
	else if (WIFSIGNALED(status))
		snprintf(buf, 64, "was killed by signal %d", WTERMSIG(status));
	else
		snprintf(buf, 64, "ended with status %d", WEXITSTATUS(status));
	return buf;
}
