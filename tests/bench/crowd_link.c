#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "tests/bench/crowd.h"

/* As in agent/core/uplink.c. */
#define PAUSE_FIRST NS_PER_S
#define PAUSE_MOST (30 * NS_PER_S)
#define PAUSE_AT_ONCE (50 * NS_PER_MS)	/* who does not spread is in a hurry */

static int64_t pause_of(struct agent *a, bool was_open)
{
	int64_t pause;

	if (!crowd.spread)
		return PAUSE_AT_ONCE;
	if (was_open)
		a->failures = 0;
	pause = PAUSE_FIRST << (a->failures < 6 ? a->failures : 6);
	a->failures++;
	if (pause > PAUSE_MOST)
		pause = PAUSE_MOST;
	return pause / 2 + (int64_t)((double)pause / 2 * rand() / RAND_MAX);
}

void link_break(struct agent *a, const char *why)
{
	bool was_open = a->state == READY;

	if (a->state == CONNECTING || a->state == GREETED)
		crowd.connecting--;
	if (was_open)
		crowd.ready--;
	if (!crowd.retry)
		fprintf(stderr, "load: agent %u: %s (%s)\n", a->number, why, ERR_peek_error() ?
			ERR_reason_error_string(ERR_peek_error()) : strerror(errno));
	SSL_free(a->tls);
	close(a->fd);
	a->tls = NULL;
	a->state = OFF;
	a->in_n = a->out_n = a->out_from = 0;
	a->in_flight = 0;
	a->writing = false;
	a->again = clock_boot() + pause_of(a, was_open);
	crowd.broken++;
	if (!crowd.retry && crowd.broken > 10)
		die("too many connections broke");
}

void link_watch(struct agent *a, uint32_t events, int op)
{
	struct epoll_event e = {.events = events, .data.ptr = a};

	if (epoll_ctl(crowd.loop, op, a->fd, &e) < 0)
		die("epoll_ctl");
}

/* 127.1.0.1 and on. */
static void take_own_address(const struct agent *a)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010000u + a->number / 250 * 256 + a->number % 250 + 1)};
	int on = 1;

	setsockopt(a->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(a->fd, (struct sockaddr *)&own, sizeof(own)) < 0)
		die("an address of 127.1.0.0/16 cannot be had");
}

void link_begin(struct agent *a)
{
	a->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (a->fd < 0)
		die("socket");
	if (crowd.spread)
		take_own_address(a);
	a->state = CONNECTING;
	crowd.connecting++;
	a->tls = SSL_new(a->ctx);
	if (!a->tls)
		die("SSL_new");
	SSL_set_fd(a->tls, a->fd);
	SSL_set_connect_state(a->tls);
	connect(a->fd, (struct sockaddr *)&crowd.to, sizeof(crowd.to));
	link_watch(a, EPOLLIN | EPOLLOUT, EPOLL_CTL_ADD);
}

bool link_flush(struct agent *a)
{
	while (a->out_from < a->out_n) {
		size_t k;
		int r = SSL_write_ex(a->tls, a->out + a->out_from, a->out_n - a->out_from, &k);

		if (r != 1 && SSL_get_error(a->tls, r) == SSL_ERROR_WANT_WRITE) {
			if (!a->writing)
				link_watch(a, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
			a->writing = true;
			return true;
		}
		if (r != 1) {
			link_break(a, "write");
			return false;
		}
		a->out_from += k;
	}
	if (a->writing)
		link_watch(a, EPOLLIN, EPOLL_CTL_MOD);
	a->writing = false;
	a->out_n = a->out_from = 0;
	return true;
}
