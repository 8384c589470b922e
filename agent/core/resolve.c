#include "config.h"

#include "agent/core/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"

struct resolve {
	pid_t child;
	int fd;
	struct watch *watch;
	void (*found)(void *, const struct resolve_answer *);
	void *arg;
};

/* "host:port" or "[::1]:port". */
static bool split(const char *text, char host[256], char port[8])
{
	const char *colon = strrchr(text, ':'), *end = colon;

	if (!colon || colon == text || strlen(colon + 1) > 5 || colon - text > 255)
		return false;
	if (*text == '[' && colon[-1] == ']')
		text++, end--;
	memcpy(host, text, (size_t)(end - text));
	host[end - text] = 0;
	strcpy(port, colon + 1);
	return true;
}

static int look_up(const char *host, const char *port, int flags, struct resolve_answer *ret)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags}, *list;
	int r = getaddrinfo(host, port, &hints, &list);

	if (r)
		return r;
	for (struct addrinfo *a = list; a && ret->n < RESOLVE_MOST; a = a->ai_next) {
		if (a->ai_addrlen > sizeof(ret->at[0].address))
			continue;
		memcpy(&ret->at[ret->n].address, a->ai_addr, a->ai_addrlen);
		ret->at[ret->n++].n = a->ai_addrlen;
	}
	freeaddrinfo(list);
	return 0;
}

static void on_answer(void *arg, int events)
{
	struct resolve *r = arg;
	struct resolve_answer answer = {0};
	ssize_t k = read(r->fd, &answer, sizeof(answer));	/* less than a pipe takes at once */

	if (k != sizeof(answer) || answer.n > RESOLVE_MOST)
		answer.n = 0;
	loop_change(r->watch, 0);
	r->found(r->arg, &answer);
}

__attribute__((noreturn)) static void child(const char *host, const char *port, int fd)
{
	struct resolve_answer answer = {0};

	alarm(10);
	signal(SIGALRM, SIG_DFL);
	look_up(host, port, AI_ADDRCONFIG, &answer);
	_exit(write(fd, &answer, sizeof(answer)) != sizeof(answer));
}

struct resolve *resolve_begin(struct loop *loop, const char *host_port, void (*found)(void *, const struct resolve_answer *), void *arg)
{
	struct resolve_answer answer = {0};
	char host[256], port[8];
	CLOSE int to = -1;
	struct resolve *r;
	int fds[2];

	if (!split(host_port, host, port) || look_up(host, port, AI_NUMERICHOST, &answer) == 0) {
		found(arg, &answer);
		return NULL;
	}
	r = calloc(1, sizeof(*r));
	if (!r || pipe2(fds, O_CLOEXEC) < 0) {
		free(r);
		found(arg, &answer);
		return NULL;
	}
	to = fds[1];
	*r = (struct resolve){.fd = fds[0], .found = found, .arg = arg};
	r->watch = loop_watch(loop, r->fd, LOOP_READ, on_answer, r);
	r->child = r->watch ? fork() : -1;
	if (r->child == 0)
		child(host, port, to);
	if (r->child > 0)
		return r;
	resolve_free(r);
	found(arg, &answer);
	return NULL;
}

void resolve_free(struct resolve *r)
{
	if (!r)
		return;
	if (r->child > 0) {
		kill(r->child, SIGKILL);
		waitpid(r->child, NULL, 0);
	}
	loop_unwatch(r->watch);
	close(r->fd);
	free(r);
}
