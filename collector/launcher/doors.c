#include "doors.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

#define BACKLOG 1024

unsigned doors_port(const struct sockaddr_storage *a)
{
	return ntohs(a->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)a)->sin6_port
					      : ((const struct sockaddr_in *)a)->sin_port);
}

static void spell(const struct sockaddr_storage *a, char *buf, size_t room)
{
	char host[64] = "?";

	getnameinfo((const struct sockaddr *)a, sizeof(*a), host, sizeof(host), NULL, 0, NI_NUMERICHOST);
	snprintf(buf, room, a->ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, doors_port(a));
}

static socklen_t size_of(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static int make(const struct sockaddr_storage *a, bool listening)
{
	CLOSE int fd = socket(a->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char name[96];
	int on = 1, off = 0;

	spell(a, name, sizeof(name));
	if (fd < 0) {
		log_error("%s: %s", name, strerror(errno));
		return -errno;
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->ss_family == AF_INET6)	/* [::] takes IPv4 as well */
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (const struct sockaddr *)a, size_of(a)) < 0 || (listening && listen(fd, BACKLOG) < 0)) {
		int error = errno;

		log_error("%s: %s%s", name, strerror(error), error == EADDRINUSE ? ": another program listens here already" : "");
		return -error;
	}
	return TAKE_FD(fd);
}

static void address_of(int fd, struct sockaddr_storage *ret)
{
	socklen_t n = sizeof(*ret);

	memset(ret, 0, sizeof(*ret));
	getsockname(fd, (struct sockaddr *)ret, &n);
}

static void tell(const struct sockaddr_storage *a, const char *format)
{
	char name[96], line[160];

	spell(a, name, sizeof(name));
	snprintf(line, sizeof(line), format, name);
	log_info("%s", line);
}

int doors_open(const struct sockaddr_storage *a, const char *format)
{
	int fd = make(a, true);
	struct sockaddr_storage bound;

	if (fd < 0)
		return fd;
	address_of(fd, &bound);
	tell(&bound, format);
	return fd;
}

/* A port that the kernel chose is lost when such a socket ceases to listen; one that was asked for is not. */
int doors_bind(const struct sockaddr_storage *a, const char *format)
{
	CLOSE int chosen = make(a, false);
	struct sockaddr_storage bound;
	int fd;

	if (chosen < 0)
		return chosen;
	address_of(chosen, &bound);
	fd = make(&bound, false);
	if (fd >= 0)
		tell(&bound, format);
	return fd;
}

int doors_local(const char *state)
{
	CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const struct group *group = geteuid() == 0 ? getgrnam("beadle-operator") : NULL;

	if (fd < 0 || snprintf(a.sun_path, sizeof(a.sun_path), "%s/collector.sock", state) >= (int)sizeof(a.sun_path)) {
		log_error("%s/collector.sock: the name is too long for a socket: at most 107 bytes", state);
		return -ENAMETOOLONG;
	}
	unlink(a.sun_path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 64) < 0 || chmod(a.sun_path, 0660) < 0 ||
	    (group && chown(a.sun_path, 0, group->gr_gid) < 0)) {
		log_error("%s: %s", a.sun_path, strerror(errno));
		return -errno;
	}
	return TAKE_FD(fd);
}
