/* endpoints.c - see endpoints.h. A few at a time, one poll(2) loop, each with its own deadline. */
#define _GNU_SOURCE
#include "plugins/service/endpoints.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000
#define AT_A_TIME 16
#define ANSWER_MAX 4096

enum step { CONNECTING, SENDING, READING, DONE };

struct probe {
	struct endpoint *e;
	const struct addresses *addresses;
	uint32_t next;			/* address to try when this one refuses */
	int fd;
	enum step step;
	int64_t began, until;
	size_t sent, got;
	char answer[ANSWER_MAX];
};

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * SECOND + ts.tv_nsec;
}

static int resolve_path(const char *path, struct addresses *ret)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(un.sun_path))
		return -EHOSTUNREACH;
	strcpy(un.sun_path, path);
	memcpy(&ret->list[0], &un, sizeof(un));
	ret->size[0] = sizeof(un);
	ret->count = 1;
	return 0;
}

int endpoints_resolve(const struct endpoint *e, struct addresses *ret)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_NUMERICSERV | (e->numeric ? AI_NUMERICHOST : 0)};
	struct addrinfo *found, *a;
	char port[8];
	int error;

	memset(ret, 0, sizeof(*ret));
	if (e->path)
		return resolve_path(e->path, ret);
	snprintf(port, sizeof(port), "%u", e->port);
	error = getaddrinfo(e->host, port, &hints, &found);
	if (error)
		return error == EAI_NONAME || error == EAI_NODATA ? -EHOSTUNREACH : -EAGAIN;
	for (a = found; a && ret->count < ADDRESSES_MAX; a = a->ai_next) {
		memcpy(&ret->list[ret->count], a->ai_addr, a->ai_addrlen);
		ret->size[ret->count++] = a->ai_addrlen;
	}
	freeaddrinfo(found);
	return ret->count ? 0 : -EHOSTUNREACH;
}

static void end(struct probe *p, bool up, const char *detail)
{
	p->step = DONE;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	p->e->up = up;
	p->e->response = (double)(now() - p->began) / SECOND;
	snprintf(p->e->detail, sizeof(p->e->detail), "%s", detail);
}

static void connected(struct probe *p)
{
	if (p->e->send)
		p->step = SENDING;
	else if (p->e->expect)
		p->step = READING;
	else
		end(p, true, "connected");
}

/* The next address, until one takes the connection or waits for it. */
static void try_next(struct probe *p)
{
	int error = EHOSTUNREACH;

	while (p->next < p->addresses->count) {
		const struct sockaddr *to = (const struct sockaddr *)&p->addresses->list[p->next];
		socklen_t size = p->addresses->size[p->next++];

		if (p->fd >= 0)
			close(p->fd);
		p->fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (p->fd >= 0 && connect(p->fd, to, size) == 0) {
			connected(p);
			return;
		}
		error = errno;
		if (p->fd >= 0 && error == EINPROGRESS)
			return;
	}
	/* A Unix socket whose queue is full says so at once. */
	end(p, false, error == EAGAIN ? "takes no more connections" : strerrordesc_np(error));
}

static void finish_connect(struct probe *p)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	if (!error)
		connected(p);
	else if (p->next < p->addresses->count)
		try_next(p);
	else
		end(p, false, strerrordesc_np(error));
}

static void send_more(struct probe *p)
{
	ssize_t n = send(p->fd, p->e->send + p->sent, p->e->send_size - p->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		end(p, false, strerrordesc_np(errno));
		return;
	}
	p->sent += (size_t)n;
	if (p->sent < p->e->send_size)
		return;
	if (p->e->expect)
		p->step = READING;
	else
		end(p, true, "connected");
}

static void read_more(struct probe *p)
{
	ssize_t n = recv(p->fd, p->answer + p->got, sizeof(p->answer) - p->got, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		end(p, false, strerrordesc_np(errno));
		return;
	}
	p->got += (size_t)n;
	if (memmem(p->answer, p->got, p->e->expect, p->e->expect_size))
		end(p, true, "answered as expected");
	else if (n == 0)
		end(p, false, p->got ? "answered, but not as expected" : "closed without an answer");
	else if (p->got == sizeof(p->answer))
		end(p, false, "answered, but not as expected");
}

static void step(struct probe *p)
{
	switch (p->step) {
	case CONNECTING: finish_connect(p); break;
	case SENDING: send_more(p); break;
	case READING: read_more(p); break;
	case DONE: break;
	}
}

static void out_of_time(struct probe *p)
{
	static const char *const at[] = {
		"no connection in time", "could not send in time", "no expected answer in time"};

	end(p, false, at[p->step]);
}

/* Waits for what is still under way. Returns false when nothing is. */
static bool turn(struct probe *probes, size_t n)
{
	struct pollfd fds[AT_A_TIME];
	struct probe *of[AT_A_TIME];
	int64_t first = INT64_MAX, t;
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		if (probes[i].step == DONE)
			continue;
		fds[count] = (struct pollfd){probes[i].fd, probes[i].step == READING ? POLLIN : POLLOUT, 0};
		of[count++] = &probes[i];
		first = probes[i].until < first ? probes[i].until : first;
	}
	if (count == 0)
		return false;
	t = first - now();
	if (poll(fds, count, t > 0 ? (int)(t / 1000000) + 1 : 0) < 0 && errno != EINTR)
		memset(fds, 0, sizeof(fds));
	t = now();
	for (size_t i = 0; i < count; i++) {
		if (fds[i].revents)
			step(of[i]);
		if (of[i]->step != DONE && t >= of[i]->until)
			out_of_time(of[i]);
	}
	return true;
}

int endpoints_run(struct endpoint *list, const struct addresses *addresses, size_t n)
{
	struct probe *probes = calloc(AT_A_TIME, sizeof(*probes));

	if (!probes)
		return -ENOMEM;
	for (size_t i = 0; i < n; ) {
		size_t wave = 0;

		for (; i < n && wave < AT_A_TIME; i++) {
			struct probe *p = &probes[wave];

			if (addresses[i].count == 0)
				continue;
			*p = (struct probe){.e = &list[i], .addresses = &addresses[i], .fd = -1, .began = now()};
			p->until = p->began + list[i].timeout;
			try_next(p);
			wave++;
		}
		while (turn(probes, wave))
			;
	}
	free(probes);
	return 0;
}
