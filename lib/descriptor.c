#include "config.h"

#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/icmpv6.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <beadle/plugin.h>

#include "capability.h"
#include "cleanup.h"
#include "grant.h"
#include "io.h"
#include "log.h"

#define PATIENCE_MS 10000

/* ---- fanotify ---- */

/* Made, gone, renamed, written, changed in owner or mode. Not who opens or reads what. */
#define HAPPENS (FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_CLOSE_WRITE | FAN_ATTRIB | FAN_DELETE_SELF | FAN_MOVE_SELF)

/* A folder with what stands in it, or a file. */
static int mark_itself(int fd, const char *path)
{
	if (fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_ONLYDIR, HAPPENS | FAN_ONDIR | FAN_EVENT_ON_CHILD, AT_FDCWD, path) == 0)
		return 0;
	if (errno != ENOTDIR)
		return -errno;
	return fanotify_mark(fd, FAN_MARK_ADD, FAN_CLOSE_WRITE | FAN_ATTRIB | FAN_DELETE_SELF | FAN_MOVE_SELF, AT_FDCWD, path) < 0 ? -errno : 0;
}

/* No link on the way: it would choose another file system than the one that the administrator read in the configuration. */
static int mark_filesystem(int fd, const char *path)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
	CLOSE int folder = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	if (folder < 0)
		return -errno;
	return fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, HAPPENS | FAN_ONDIR, folder, ".") < 0 ? -errno : 0;
}

/* What is not there (any more) is left out, as walls do; the rest of what cannot be watched is told. */
static int mark_all(int fd, int (*mark)(int fd, const char *path), const struct descriptor_owner *o, const char *name)
{
	const char *at = o->grants;
	char path[512];
	int kind, r, first = -ENOENT;
	size_t marked = 0;

	while ((kind = grant_next(&at, path, sizeof(path))) >= 0) {
		if (kind != BEADLE_NEED_READ || path[0] != '/')
			continue;
		r = mark(fd, path);
		marked += r == 0;
		if (r == 0 || r == -ENOENT || (r == -ENOTDIR && mark == mark_filesystem))
			continue;
		first = first == -ENOENT ? r : first;
		log_error("plugin %s: %s: %s: %s", o->plugin, name, path, strerror(-r));
	}
	return marked ? 0 : first;
}

/* Events name files and open none: whoever reads them gets nothing that it could not open by itself. */
static int open_fanotify(int (*mark)(int fd, const char *path), const struct descriptor_owner *o, const char *name)
{
	CLOSE int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_REPORT_DFID_NAME | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : mark_all(fd, mark, o, name);

	return r < 0 ? r : TAKE_FD(fd);
}

/* ---- ICMP ---- */

/* Answers to echoes, and errors. Behind the header of the packet, of which IPv6 shows none. */
static struct sock_filter hear_icmp[] = {
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
	BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP_ECHOREPLY, 3, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP_DEST_UNREACH, 2, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP_TIME_EXCEEDED, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP_PARAMETERPROB, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	BPF_STMT(BPF_RET | BPF_K, 0),
};
static struct sock_filter hear_icmp6[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMPV6_ECHO_REPLY, 2, 0),
	BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, ICMPV6_PARAMPROB, 2, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static int open_icmp(int family, int protocol, struct sock_filter *filter, size_t n)
{
	CLOSE int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	const struct sock_fprog hear = {(unsigned short)n, filter};
	char byte;

	/* Locked: who has the socket could take its filter off, or another. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &hear, sizeof(hear)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &(int){1}, sizeof(int)) < 0)
		return -errno;
	while (recv(fd, &byte, 1, MSG_DONTWAIT) >= 0)
		;	/* what came in before the filter stood */
	return TAKE_FD(fd);
}

/* ---- the list ---- */

static int open_it(unsigned which, const struct descriptor_owner *o)
{
	switch (which) {
	case GRANT_FANOTIFY:
		return open_fanotify(mark_itself, o, grant_descriptor_name(which));
	case GRANT_FANOTIFY_FILESYSTEM:
		return open_fanotify(mark_filesystem, o, grant_descriptor_name(which));
	case GRANT_ICMP:
		return open_icmp(AF_INET, IPPROTO_ICMP, hear_icmp, sizeof(hear_icmp) / sizeof(*hear_icmp));
	case GRANT_ICMP6:
		return open_icmp(AF_INET6, IPPROTO_ICMPV6, hear_icmp6, sizeof(hear_icmp6) / sizeof(*hear_icmp6));
	}
	return -EINVAL;
}

uint64_t descriptor_capability(unsigned which)
{
	if (which == GRANT_FANOTIFY_FILESYSTEM)
		return CAPABILITY(CAP_SYS_ADMIN);
	return which == GRANT_ICMP || which == GRANT_ICMP6 ? CAPABILITY(CAP_NET_RAW) : 0;
}

__attribute__((noreturn)) static void become_opener(int to, unsigned which, const struct descriptor_owner *o)
{
	struct descriptor_gift gift = {.which = which};
	int fd;

	/* Whoever waits for the end of who has started us is not to wait for us. */
	if (dup2(to, 3) < 0 || close_range(4, ~0U, 0) < 0)
		_exit(1);
	fd = o->uid ? capability_become(o->uid, o->gid, descriptor_capability(which) | (o->capabilities & CAPABILITY(CAP_DAC_READ_SEARCH))) : 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (fd == 0)
		fd = open_it(which, o);
	if (fd < 0) {
		gift.error = -fd;
		log_error("plugin %s: %s cannot be opened: %s", o->plugin, grant_descriptor_name(which), strerror(-fd));
	}
	io_send(3, &gift, sizeof(gift), fd);	/* a host that is gone needs none */
	_exit(0);
}

pid_t descriptor_give(int to, unsigned which, const struct descriptor_owner *o)
{
	pid_t pid = which < GRANT_DESCRIPTORS ? fork() : -1;

	if (pid == 0)
		become_opener(to, which, o);
	return pid > 0 ? pid : which < GRANT_DESCRIPTORS ? -errno : -EINVAL;
}

int descriptor_take(int from, unsigned which)
{
	struct pollfd pfd = {.fd = from, .events = POLLIN};
	struct descriptor_gift gift;
	CLOSE int fd = -1;
	ssize_t k;

	if (poll(&pfd, 1, PATIENCE_MS) <= 0)
		return -ETIMEDOUT;
	k = io_receive(from, &gift, sizeof(gift), &fd);
	if (k != sizeof(gift) || gift.which != which || gift.error < 0 || gift.error > 4095)
		return k < 0 ? (int)k : -EPROTO;
	if (gift.error)
		return -gift.error;
	return fd < 0 ? -EPROTO : TAKE_FD(fd);
}
