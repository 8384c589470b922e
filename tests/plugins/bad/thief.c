/* thief.c - a plugin with a switch: each try to get what it was not granted once (SECURITY P6). It tells the error number that it got. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <arpa/inet.h>

#include <beadle/plugin.h>

struct thief { const char *misdeed, *target; int64_t port; };

static const struct beadle_option options[] = {
	BEADLE_OPTION(struct thief, misdeed, "none", "what to try in collect"),
	BEADLE_OPTION(struct thief, target, "/", "the file, or the process"),
	BEADLE_OPTION(struct thief, port, "0", "where to connect to"),
	{0}
};
static const struct beadle_metric got = {"thief_errno", "count", "0 when it got what it wanted", BEADLE_GAUGE};
static const struct beadle_metric *const metrics[] = {&got, NULL};

static int error_of(long r)
{
	return r < 0 ? errno : 0;
}

static int opened(int fd)
{
	int error = error_of(fd);

	if (fd >= 0)
		close(fd);
	return error;
}

static int read_file(struct beadle_ctx *ctx, const struct thief *t)
{
	return opened(open(t->target, O_RDONLY | O_CLOEXEC));
}

static int write_file(struct beadle_ctx *ctx, const struct thief *t)
{
	return opened(open(t->target, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int remove_file(struct beadle_ctx *ctx, const struct thief *t)
{
	return error_of(unlink(t->target));
}

static int list_folder(struct beadle_ctx *ctx, const struct thief *t)
{
	return opened(open(t->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int connect_tcp(struct beadle_ctx *ctx, const struct thief *t)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)t->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return s < 0 ? errno : error_of(connect(s, (struct sockaddr *)&to, sizeof(to)));
}

static int connect_unix(struct beadle_ctx *ctx, const struct thief *t)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", t->target);
	return s < 0 ? errno : error_of(connect(s, (struct sockaddr *)&to, sizeof(to)));
}

static int raw_socket(struct beadle_ctx *ctx, const struct thief *t)
{
	return opened(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
}

static int packet_socket(struct beadle_ctx *ctx, const struct thief *t)
{
	return opened(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int trace(struct beadle_ctx *ctx, const struct thief *t)
{
	return error_of(ptrace(PTRACE_ATTACH, (pid_t)atoi(t->target), NULL, NULL));
}

static int memory(struct beadle_ctx *ctx, const struct thief *t)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", atoi(t->target));
	return opened(open(path, O_RDWR | O_CLOEXEC));
}

static int send_signal(struct beadle_ctx *ctx, const struct thief *t)
{
	return error_of(kill((pid_t)atoi(t->target), SIGTERM));
}

static int set_user(struct beadle_ctx *ctx, const struct thief *t)
{
	return error_of(syscall(SYS_setuid, 0));	/* not setuid(3): threads are not what is tried */
}

static int mount_something(struct beadle_ctx *ctx, const struct thief *t)
{
	return error_of(mount("none", t->target, "tmpfs", 0, NULL));
}

static int new_namespace(struct beadle_ctx *ctx, const struct thief *t)
{
	return error_of(unshare(CLONE_NEWUSER | CLONE_NEWNS));
}

static int execute(struct beadle_ctx *ctx, const struct thief *t)
{
	return error_of(execl(t->target, t->target, "-c", ":", NULL));
}

/* A library of its own making: a copy of one, where it may write. */
static int library(struct beadle_ctx *ctx, const struct thief *t)
{
	const char *path = beadle_state_path(ctx, "mine.so");
	int from = open(t->target, O_RDONLY | O_CLOEXEC), to = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700) : -1;
	struct stat st;

	if (from < 0 || to < 0 || fstat(from, &st) < 0 || sendfile(to, from, NULL, (size_t)st.st_size) != st.st_size)
		return EIO;
	close(from);
	close(to);
	return dlopen(path, RTLD_NOW) ? 0 : EPERM;
}

/* Would be deaf to what its walls say. */
static int deaf(struct beadle_ctx *ctx, const struct thief *t)
{
	return signal(SIGSYS, SIG_IGN) == SIG_ERR ? errno : 0;
}

static const struct { const char *name; int (*fn)(struct beadle_ctx *, const struct thief *); } misdeeds[] = {
	{"read", read_file},
	{"write", write_file},
	{"remove", remove_file},
	{"list", list_folder},
	{"connect", connect_tcp},
	{"connect_unix", connect_unix},
	{"raw", raw_socket},
	{"packet", packet_socket},
	{"ptrace", trace},
	{"memory", memory},
	{"signal", send_signal},
	{"setuid", set_user},
	{"mount", mount_something},
	{"namespace", new_namespace},
	{"exec", execute},
	{"library", library},
	{"deaf", deaf},
};

static int collect(struct beadle_ctx *ctx, void *state)
{
	const struct thief *t = state;

	for (size_t i = 0; i < sizeof(misdeeds) / sizeof(*misdeeds); i++)
		if (strcmp(misdeeds[i].name, t->misdeed) == 0) {
			int error = misdeeds[i].fn(ctx, t);

			beadle_put(ctx, &got, error);
			if (error)
				beadle_skip(ctx, error, t->target);
			return 0;
		}
	return strcmp(t->misdeed, "none") == 0 ? 0 : -EINVAL;
}

BEADLE_PLUGIN(thief, .version = "1", .help = "Takes what it is not given", .state_size = sizeof(struct thief), .options = options,
	      .metrics = metrics, .collect = collect);
