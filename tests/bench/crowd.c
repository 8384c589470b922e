#include "tests/bench/crowd.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "clock.h"
#include "frame.h"
#include "proto/beadle.pb-c.h"
#include "tests/bench/issue.h"

#define CONNECTING_MAX 24u		/* at once, of one address; the collector lets 32 strangers in */
#define LOOK_EVERY (100 * NS_PER_MS)

struct crowd crowd = {.agents_n = 64, .results = 10, .values = 10, .window = 4};
static struct arena *arena;

void die(const char *what)
{
	fprintf(stderr, "load: %s\n", what);
	exit(1);
}

/* ---- in ---- */

static void on_welcome(struct agent *a, const Wire__Welcome *w)
{
	uint64_t held = w->n_held == 1 ? w->held[0]->through : 0;

	if (held < a->acked) {
		fprintf(stderr, "load: agent %u: %llu were acknowledged, %llu are held\n", a->number, (unsigned long long)a->acked,
			(unsigned long long)held);
		die("the collector holds less than it acknowledged");
	}
	crowd.acked_results += held - a->acked;
	a->acked = held;
	a->next = held + 1;
	a->digest = w->n_held == 1 ? w->held[0]->digest : 0;
	crowd.connecting--;
	crowd.ready++;
	a->state = READY;
	if (crowd.series)
		send_definitions(a);
	send_batches(a, clock_boot());
	link_flush(a);
}

static void on_ack(struct agent *a, const Wire__Ack *ack)
{
	if (ack->through < a->acked || ack->through >= a->next)
		die("an acknowledgement of what was not sent");
	crowd.acked_results += ack->through - a->acked;
	a->acked = ack->through;
	a->in_flight = (unsigned)((a->next - 1 - a->acked) / crowd.results);
	send_batches(a, clock_boot());
}

static bool on_frame(struct agent *a, const uint8_t *frame, size_t n)
{
	const Wire__Envelope *e;

	arena_reset(arena);
	e = (const Wire__Envelope *)frame_unpack(&wire__envelope__descriptor, frame, n, arena);
	if (!e)
		die("the collector sent what is no frame");
	if (e->message_case == WIRE__ENVELOPE__MESSAGE_WELCOME)
		on_welcome(a, e->welcome);
	else if (e->message_case == WIRE__ENVELOPE__MESSAGE_ACK)
		on_ack(a, e->ack);
	else if (e->message_case == WIRE__ENVELOPE__MESSAGE_REFUSAL)
		link_break(a, e->refusal->reason);
	return a->state != OFF;
}

static void use_input(struct agent *a)
{
	size_t used = 0;
	int64_t n;

	while ((n = frame_size(a->in + used, a->in_n - used, FRAME_MAX)) > 0 && (size_t)n <= a->in_n - used) {
		if (!on_frame(a, a->in + used, (size_t)n))
			return;
		used += (size_t)n;
	}
	memmove(a->in, a->in + used, a->in_n - used);
	a->in_n -= used;
}

static void receive(struct agent *a)
{
	do {
		size_t k;
		int r;

		if (a->in_n == a->in_room) {
			a->in_room += 4096;
			a->in = realloc(a->in, a->in_room);
		}
		ERR_clear_error();
		r = SSL_read_ex(a->tls, a->in + a->in_n, a->in_room - a->in_n, &k);
		if (r != 1) {
			if (SSL_get_error(a->tls, r) != SSL_ERROR_WANT_READ)
				link_break(a, "read");
			return;
		}
		a->in_n += k;
		use_input(a);
	} while (a->state != OFF && SSL_pending(a->tls));
}

static void on_event(struct agent *a, uint32_t events)
{
	int r;

	if (a->state == CONNECTING) {
		ERR_clear_error();
		r = SSL_do_handshake(a->tls);
		if (r == 1) {
			a->state = GREETED;
			link_watch(a, EPOLLIN, EPOLL_CTL_MOD);
			send_hello(a);
		} else if (SSL_get_error(a->tls, r) != SSL_ERROR_WANT_READ && SSL_get_error(a->tls, r) != SSL_ERROR_WANT_WRITE) {
			link_break(a, "handshake");
		} else {
			link_watch(a, SSL_get_error(a->tls, r) == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
		}
		return;
	}
	if (events & EPOLLOUT && !link_flush(a))
		return;
	if (a->state != OFF && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive(a);
	if (a->state == READY && !a->writing)
		send_batches(a, clock_boot());
}

/* ---- the loop ---- */

static void connect_some(int64_t now)
{
	unsigned most = crowd.spread ? crowd.agents_n : CONNECTING_MAX;

	for (unsigned i = 0; i < crowd.agents_n && crowd.connecting < most; i++)
		if (crowd.agents[i].state == OFF && crowd.agents[i].again <= now)
			link_begin(&crowd.agents[i]);
}

static void measure(int64_t now)
{
	static int64_t looked;

	if (!crowd.every || now - looked < LOOK_EVERY)
		return;
	looked = now;
	for (unsigned i = 0; i < crowd.agents_n; i++)
		if (crowd.agents[i].state == READY)
			send_batches(&crowd.agents[i], now);
}

void crowd_turn(void)
{
	struct epoll_event events[64];
	int64_t now = clock_boot();
	int n;

	if (crowd.ready < crowd.agents_n)
		connect_some(now);
	measure(now);
	n = epoll_wait(crowd.loop, events, 64, 20);
	for (int i = 0; i < n; i++)
		if (((struct agent *)events[i].data.ptr)->state != OFF)
			on_event(events[i].data.ptr, events[i].events);
}

void crowd_make(const char *school)
{
	crowd.loop = epoll_create1(EPOLL_CLOEXEC);
	arena = arena_new(FRAME_MAX);
	crowd.agents = calloc(crowd.agents_n, sizeof(*crowd.agents));
	if (crowd.loop < 0 || !arena || !crowd.agents)
		die("out of memory");
	for (unsigned i = 0; i < crowd.agents_n; i++) {
		struct agent *a = &crowd.agents[i];

		a->number = i;
		a->next = 1;
		a->ctx = issue_agent(school, i, a->uuid);
		/* Not all measure at once. */
		a->due = clock_boot() + (int64_t)((double)crowd.every * NS_PER_S * i / crowd.agents_n);
	}
}
