#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/host.h"
#include "lib/arena.h"
#include "lib/cleanup.h"
#include "lib/frame.h"

#define ARENA_CEILING (8u * 1024 * 1024)
#define INBOX 2048

CLEANUP_FOR(struct arena *, arena_free)

/* What has arrived and is not yet a whole frame. */
struct inbox { uint8_t *at; size_t n, room; };

static void inbox_free(struct inbox *in)
{
	free(in->at);
}

/* 1: some bytes came; 0: the core closed its end; or -errno. */
static int inbox_fill(struct inbox *in, int socket, size_t need)
{
	ssize_t k;

	if (need > in->room || in->room == 0) {
		size_t room = need > INBOX ? need : INBOX;
		uint8_t *bigger = realloc(in->at, room);

		if (!bigger)
			return -ENOMEM;
		in->at = bigger;
		in->room = room;
	}
	do
		k = read(socket, in->at + in->n, in->room - in->n);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return -errno;
	in->n += (size_t)k;
	return k > 0;
}

static void inbox_drop(struct inbox *in, size_t n)
{
	in->n -= n;
	memmove(in->at, in->at + n, in->n);
	if (in->n == 0 && in->room > INBOX)
		inbox_free(in), *in = (struct inbox){0};
}

static void stop_all(struct host *host)
{
	struct beadle_ctx *ctx, *next;

	HASH_ITER(hh, host->instances, ctx, next)
		instance_stop(host, ctx);
}

/* 1: go on; 0: the core said stop; or -errno. */
static int obey(struct host *host, const Host__ToHost *m)
{
	struct beadle_ctx *ctx;
	int r = 0;

	switch (m->message_case) {
	case HOST__TO_HOST__MESSAGE_CONFIGURE:
		r = instance_configure(host, m->configure);
		break;
	case HOST__TO_HOST__MESSAGE_RUN:
		r = instance_run(host, m->run);
		break;
	case HOST__TO_HOST__MESSAGE_STOP:
		if (m->stop->check == 0)
			return 0;
		HASH_FIND(hh, host->instances, &m->stop->check, sizeof(m->stop->check), ctx);
		if (ctx)
			instance_stop(host, ctx);
		break;
	default:
		return -EBADMSG;
	}
	return r < 0 ? r : 1;
}

static int serve_frames(struct host *host, struct inbox *in, struct arena *arena)
{
	int64_t n;
	int r = inbox_fill(in, host->socket, in->n + 1);

	while (r > 0 && (n = frame_size(in->at, in->n, FRAME_MAX)) != 0) {
		Host__ToHost *m;

		if (n < 0)
			return (int)n;
		if ((size_t)n > in->n) {
			r = inbox_fill(in, host->socket, (size_t)n);
			continue;
		}
		m = (Host__ToHost *)frame_unpack(&host__to_host__descriptor, in->at, (size_t)n, arena);
		r = m ? obey(host, m) : -EBADMSG;
		arena_reset(arena);
		inbox_drop(in, (size_t)n);
	}
	return r;
}

/* Waits for the core and for watched descriptors; serves the latter. 1: the core has something; or -errno. */
static int wait_and_listen(struct host *host)
{
	unsigned n = HASH_COUNT(host->instances) + 1, i = 1;
	FREE struct pollfd *pfds = calloc(n, sizeof(*pfds));
	FREE struct beadle_ctx **who = calloc(n, sizeof(*who));
	int r = 0;

	if (!pfds || !who)
		return -ENOMEM;
	pfds[0] = (struct pollfd){.fd = host->socket, .events = POLLIN};
	for (struct beadle_ctx *ctx = host->instances; ctx; ctx = ctx->hh.next, i++) {
		pfds[i] = (struct pollfd){.fd = ctx->watched, .events = POLLIN};
		who[i] = ctx;
	}
	if (poll(pfds, n, -1) < 0)
		return errno == EINTR ? 0 : -errno;
	for (i = 1; i < n && r >= 0; i++) {
		if (pfds[i].revents & POLLNVAL)
			who[i]->watched = -1;
		else if (pfds[i].revents)
			r = instance_listen(who[i]);
	}
	return r < 0 ? r : pfds[0].revents != 0;
}

int host_serve(struct host *host)
{
	bool watches = module_plugin(host->module)->watch != NULL;
	CLEANUP(arena_free_p) struct arena *arena = arena_new(ARENA_CEILING);
	CLEANUP(inbox_free) struct inbox in = {0};
	int r = arena ? 1 : -ENOMEM;

	while (r > 0) {
		if (watches) {
			r = wait_and_listen(host);
			if (r == 0) {
				r = 1;
				continue;
			}
		}
		if (r > 0)
			r = serve_frames(host, &in, arena);
	}
	stop_all(host);
	return r == -ECONNRESET || r == -EPIPE ? 0 : r;	/* the core is gone: so are we */
}
