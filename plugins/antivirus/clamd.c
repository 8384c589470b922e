/* clamd.c - see clamd.h */
#define _GNU_SOURCE
#include "plugins/antivirus/clamd.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "plugins/antivirus/dates.h"

#define COMMAND "zVERSION"	/* ends with NUL, as does the answer */
#define REPLY_MAX 256

int clamd_parse(const char *reply, struct clamd *ret)
{
	static const char name[] = "ClamAV ";
	struct clamd c = {0};
	const char *slash;
	char *end;
	unsigned long version;

	if (strncmp(reply, name, strlen(name)) != 0)
		return -EBADMSG;
	reply += strlen(name);
	slash = strchrnul(reply, '/');
	if (slash == reply || (size_t)(slash - reply) >= sizeof(c.engine))
		return -EBADMSG;
	memcpy(c.engine, reply, (size_t)(slash - reply));
	if (*slash) {
		if (slash[1] < '0' || slash[1] > '9')
			return -EBADMSG;
		version = strtoul(slash + 1, &end, 10);
		if (version > UINT32_MAX || *end != '/' || dates_ctime(end + 1, &c.built) < 0)
			return -EBADMSG;
		c.version = (uint32_t)version;
		c.dated = true;
	}
	*ret = c;
	return 0;
}

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int wait_for(int fd, short events, int64_t until)
{
	struct pollfd p = {fd, events, 0};
	int64_t left = until - now();
	int n = left > 0 ? poll(&p, 1, (int)(left / 1000000) + 1) : 0;

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return n == 0 ? -ETIMEDOUT : 0;
}

static int talk(int fd, int64_t until, char reply[REPLY_MAX])
{
	size_t got = 0;
	int error = 0;

	if (send(fd, COMMAND, sizeof(COMMAND), MSG_NOSIGNAL) != sizeof(COMMAND))
		return errno ? -errno : -EIO;
	while (!error && got < REPLY_MAX - 1 && !memchr(reply, '\0', got)) {
		ssize_t n = recv(fd, reply + got, REPLY_MAX - 1 - got, MSG_DONTWAIT);

		if (n == 0)
			break;
		if (n > 0)
			got += (size_t)n;
		else if (errno == EAGAIN)
			error = wait_for(fd, POLLIN, until);
		else if (errno != EINTR)
			error = -errno;
	}
	reply[got] = '\0';
	return error;
}

static int ask(const struct sockaddr *to, socklen_t size, int64_t timeout, struct clamd *ret)
{
	int64_t until = now() + timeout;
	char reply[REPLY_MAX] = "";
	int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = 0;
	socklen_t error_size = sizeof(error);

	if (fd < 0)
		return -errno;
	if (connect(fd, to, size) < 0)
		error = errno == EAGAIN ? -ETIMEDOUT : -errno;	/* its queue is full: it does not take connections */
	if (error == -EINPROGRESS) {
		error = wait_for(fd, POLLOUT, until);
		if (!error && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size) == 0)
			error = -error;
	}
	if (!error)
		error = talk(fd, until, reply);
	close(fd);
	return error ? error : clamd_parse(reply, ret);
}

int clamd_ask_unix(const char *path, int64_t timeout, struct clamd *ret)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(un.sun_path))
		return -ENAMETOOLONG;
	strcpy(un.sun_path, path);
	return ask((const struct sockaddr *)&un, sizeof(un), timeout, ret);
}

int clamd_ask_tcp(const char *address, const char *port, int64_t timeout, struct clamd *ret)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *found;
	int error = -ECONNREFUSED;

	if (!strcmp(address, "localhost"))
		address = "127.0.0.1";
	if (getaddrinfo(address, port, &hints, &found) != 0)
		return -EINVAL;
	error = ask(found->ai_addr, found->ai_addrlen, timeout, ret);
	freeaddrinfo(found);
	return error;
}
