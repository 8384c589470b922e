#include "collector/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"

static struct addrinfo *resolve(const char *address)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	const char *colon = strrchr(address, ':');
	char host[64] = "";
	size_t n = colon ? (size_t)(colon - address) : 0;

	if (!colon || n >= sizeof(host))
		return NULL;
	if (n >= 2 && address[0] == '[' && address[n - 1] == ']')
		snprintf(host, sizeof(host), "%.*s", (int)n - 2, address + 1);
	else
		snprintf(host, sizeof(host), "%.*s", (int)n, address);
	return getaddrinfo(host, colon + 1, &hints, &found) ? NULL : found;
}

static void tell(int fd)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);
	char host[64] = "", port[16] = "";

	if (!getsockname(fd, (struct sockaddr *)&a, &n))
		getnameinfo((struct sockaddr *)&a, n, host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	log_info(a.ss_family == AF_INET6 ? "listening for agents on [%s]:%s" : "listening for agents on %s:%s", host, port);
}

int listen_open(const char *address)
{
	struct addrinfo *a = resolve(address);
	const int on = 1;
	int fd;

	if (!a) {
		log_error("--listen %s: expected ADDRESS:PORT", address);
		return -1;
	}
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, 4096) < 0) {
		log_error("cannot listen on %s: %m", address);
		if (fd >= 0)
			close(fd);
		fd = -1;
	} else {
		tell(fd);
	}
	freeaddrinfo(a);
	return fd;
}

bool listen_adopt(int fd)
{
	int listening = 0, flags = fcntl(fd, F_GETFL);
	socklen_t n = sizeof(listening);

	if (flags < 0 || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) < 0 || !listening) {
		log_error("--agents-fd %d: not a listening socket", fd);
		return false;
	}
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

unsigned listen_port(int fd)
{
	struct sockaddr_storage a = {0};
	socklen_t n = sizeof(a);

	if (fd < 0 || getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		return 0;
	return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port : ((struct sockaddr_in *)&a)->sin_port);
}
