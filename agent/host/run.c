/* beadle_run: a program by absolute path, without a shell. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/host/host.h"
#include "agent/host/strays.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#define PIECE 4096

static int spawn(const char *const argv[], int output, pid_t *ret_pid)
{
	static char *environment[] = {(char *)"LC_ALL=C.UTF-8", (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
				      (char *)"HOME=/", (char *)"DEBIAN_FRONTEND=noninteractive", NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", 0, 0);
	posix_spawn_file_actions_adddup2(&files, output, 1);
	posix_spawn_file_actions_addclosefrom_np(&files, 3);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	r = posix_spawn(ret_pid, argv[0], &files, &attributes, (char *const *)argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

/* 1: fd can be read; 0: the deadline came. */
static int wait_for(int fd, int64_t deadline)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	for (;;) {
		int64_t left = deadline - clock_boot();
		struct timespec ts = {.tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S};

		if (left <= 0)
			return 0;
		if (ppoll(&pfd, 1, &ts, NULL) > 0)
			return 1;
	}
}

/* All that comes, up to limit, NUL-terminated. */
static int read_output(int fd, size_t limit, int64_t deadline, char **ret)
{
	FREE char *buf = NULL;
	size_t n = 0, room = 0;

	for (;;) {
		ssize_t k;

		if (room - n < 2) {
			size_t more = room ? room * 2 : PIECE;
			char *bigger;

			if (more > limit + 2)
				more = limit + 2;
			bigger = realloc(buf, more);
			if (!bigger)
				return -ENOMEM;
			buf = bigger;
			room = more;
		}
		if (!wait_for(fd, deadline))
			return -ETIMEDOUT;
		k = read(fd, buf + n, room - n - 1);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		n += (size_t)k;
		if (n > limit)
			return -EFBIG;
		if (k == 0)
			break;
	}
	buf[n] = 0;
	*ret = TAKE(buf);
	return 0;
}

/* Its exit status, -EINTR when a signal ended it, or -ETIMEDOUT. */
static int wait_end(pid_t pid, int pidfd, int64_t deadline)
{
	int status;

	if (!wait_for(pidfd, deadline) || waitpid(pid, &status, WNOHANG) != pid)
		return -ETIMEDOUT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

/* Kills the program and what it has started; one that hangs in the kernel is left to the template. */
static void end(struct host *host, pid_t pid, int pidfd)
{
	kill(pid, SIGKILL);
	wait_end(pid, pidfd, clock_boot() + NS_PER_S);
	strays_kill(NULL, 0, host->guards);
}

int beadle_run(struct beadle_ctx *ctx, const char *const argv[], size_t limit, struct beadle_duration deadline,
	       char **ret_out)
{
	int64_t by = clock_boot() + deadline.ns;
	FREE char *output = NULL;
	CLOSE int pidfd = -1;
	int fds[2], r;
	pid_t pid;

	if (!argv[0] || argv[0][0] != '/')
		return -EINVAL;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	r = spawn(argv, fds[1], &pid);
	close(fds[1]);
	if (r < 0) {
		close(fds[0]);
		return r;
	}
	pidfd = pidfd_open(pid, 0);
	r = pidfd < 0 ? -errno : read_output(fds[0], limit, by, &output);
	close(fds[0]);
	if (r == 0)
		r = wait_end(pid, pidfd, by);
	if (r < 0 && r != -EINTR)
		end(ctx->host, pid, pidfd);
	if (r >= 0 && ret_out)
		*ret_out = TAKE(output);
	return r;
}
