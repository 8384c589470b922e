#include "collector/ingest/worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "collector/ingest/session.h"
#include "log.h"

#define LINES_A_SECOND 20	/* about peers that are not known: whoever floods us shall not fill the log */
#define AGAIN_MS 10

static struct connection *find(const struct worker *w, const struct reference *from)
{
	const struct slot *s = from->slot < w->slots.n ? &w->slots.at[from->slot] : NULL;

	return s && s->generation == from->generation ? s->connection : NULL;
}

static bool slot_take(struct worker *w, struct reference *ret)
{
	uint32_t slot;

	if (w->free_slots.n)
		slot = w->free_slots.at[--w->free_slots.n];
	else if (vec_push(&w->slots))
		slot = (uint32_t)w->slots.n - 1;
	else
		return false;
	*ret = (struct reference){w->number, slot, ++w->slots.at[slot].generation};
	return true;
}

void worker_slot_free(struct worker *w, struct reference self)
{
	uint32_t *free_slot = vec_push(&w->free_slots);

	w->slots.at[self.slot].connection = NULL;
	if (free_slot)
		*free_slot = self.slot;
}

bool worker_may_log(struct worker *w)
{
	return w->lines++ < LINES_A_SECOND;
}

void worker_wait(struct worker *w)
{
	const struct timeval soon = {.tv_usec = AGAIN_MS * 1000};

	if (!w->waiting)
		event_add(w->again, &soon);
	w->waiting = true;
}

/* ---- messages ---- */

static void arrive(struct worker *w, struct arrival *a)
{
	struct reference self;
	struct connection *c;

	if (slot_take(w, &self)) {
		c = connection_new(w, a->fd, a->visitor, (const struct sockaddr *)&a->address, self);
		w->slots.at[self.slot].connection = c;
		if (!c)
			worker_slot_free(w, self);
	} else {
		gate_leave(w->shared->gate, a->visitor, false);
		close(a->fd);
	}
	free(a);
}

/* The connection ended while its Hello was looked at: it speaks for the host by now, and must be taken back. */
static void take_back(struct worker *w, struct hello *h)
{
	struct gone *g = h->error ? NULL : calloc(1, sizeof(*g));

	if (g) {
		*g = (struct gone){.node.kind = MESSAGE_GONE, .from = h->from, .host = h->host};
		queue_push(w->shared->store, &g->node);
	}
	message_free(&h->node, w->shared->its.in_flight);
}

/* Messages to a connection begin with node and reference. */
struct addressed { struct node node; struct reference from; };

static void look_who_counts(struct worker *w)
{
	for (size_t i = 0; i < w->slots.n; i++)
		if (w->slots.at[i].connection && w->slots.at[i].connection->state != CONNECTION_HANDSHAKE)
			connection_counts(w->slots.at[i].connection);
}

/* Agents keep it: at once, not with the next sign of life (A4). */
static void show(struct worker *w, const struct checkpoint_told *told)
{
	strcpy(w->checkpoint, told->line);
	for (size_t i = 0; i < w->slots.n; i++)
		if (w->slots.at[i].connection && w->slots.at[i].connection->state == CONNECTION_OPEN)
			session_heartbeat(w->slots.at[i].connection);
}

static void name_authority(struct worker *w, struct authority_told *told)
{
	free(w->authority);
	w->authority = told;
	w->named++;
	for (size_t i = 0; i < w->slots.n; i++)
		if (w->slots.at[i].connection && w->slots.at[i].connection->state == CONNECTION_OPEN)
			session_heartbeat(w->slots.at[i].connection);
}

static void handle(struct worker *w, struct node *n)
{
	struct connection *c;

	if (n->kind == MESSAGE_SOCKET) {
		arrive(w, (struct arrival *)n);
		return;
	}
	if (n->kind == MESSAGE_CONTEXT) {
		SSL_CTX_free(w->tls);
		w->tls = ((struct context *)n)->tls;
		free(n);
		return;
	}
	if (n->kind == MESSAGE_CHECKPOINT) {
		show(w, (struct checkpoint_told *)n);
		free(n);
		return;
	}
	if (n->kind == MESSAGE_AUTHORITY) {
		name_authority(w, (struct authority_told *)n);
		return;
	}
	if (n->kind == MESSAGE_STANDING) {
		look_who_counts(w);
		free(n);
		return;
	}
	if (n->kind == MESSAGE_STOP) {
		event_base_loopbreak(w->loop);
		free(n);
		return;
	}
	c = find(w, &((struct addressed *)n)->from);
	if (!c && n->kind == MESSAGE_HELLO) {
		take_back(w, (struct hello *)n);
		return;
	}
	if (c)
		switch ((enum message_kind)n->kind) {
		case MESSAGE_HELLO:
			session_welcome(c, (struct hello *)n);
			return;
		case MESSAGE_SERIES:
			session_series(c, (struct series *)n);
			return;
		case MESSAGE_ACK:
			session_ack(c, (struct ack *)n);
			break;
		case MESSAGE_CLOSE:
			connection_refuse(c, ((struct closing *)n)->why);
			break;
		case MESSAGE_SEND:
			session_send(c, (struct sending *)n);
			break;
		default:
			break;
		}
	message_free(n, w->shared->its.in_flight);
}

static void on_queue(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	struct node *n = queue_take(w->queue), *next;

	for (; n; n = next) {
		next = n->next;
		handle(w, n);
	}
}

/* ---- time ---- */

static void look_after(struct connection *c, int64_t now)
{
	const struct ingest_setup *its = &c->worker->shared->its;

	if (c->state <= CONNECTION_HELLO && now - c->began > its->greeting)
		connection_close(c, LOG_WARNING, "did not say who it is in time");
	else if (c->state == CONNECTION_PROBED && now - c->began > its->silence)
		connection_close(c, LOG_DEBUG, "could not be told in time whether we work");
	else if (c->frame_since && now - c->frame_since > its->frame)
		connection_refuse(c, "a frame was begun and not ended in time");
	else if (c->state == CONNECTION_OPEN && c->reading && now - c->heard > its->silence)
		connection_close(c, LOG_WARNING, "was not heard of any more");
	else if (c->state == CONNECTION_OPEN && now - c->sent > its->heartbeat)
		session_heartbeat(c);
}

static void on_second(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	int64_t now = clock_boot();

	if (w->lines > LINES_A_SECOND)
		log_warning("%u more lines about unknown peers in this second", w->lines - LINES_A_SECOND);
	w->lines = 0;
	for (size_t i = 0; i < w->slots.n; i++)
		if (w->slots.at[i].connection)
			look_after(w->slots.at[i].connection, now);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	w->waiting = false;
	if (budget_full(w->shared->its.in_flight)) {
		worker_wait(w);
		return;
	}
	for (size_t i = 0; i < w->slots.n; i++)
		if (w->slots.at[i].connection)
			connection_resume(w->slots.at[i].connection);
}

/* ---- the thread ---- */

static void *run(void *arg)
{
	struct worker *w = arg;

	event_base_loop(w->loop, EVLOOP_NO_EXIT_ON_EMPTY);
	for (size_t i = 0; i < w->slots.n; i++)
		if (w->slots.at[i].connection)
			connection_close(w->slots.at[i].connection, LOG_DEBUG, NULL);
	return NULL;
}

static bool prepare(struct worker *w)
{
	const struct timeval second = {.tv_sec = 1};

	w->loop = event_base_new();
	w->arena = arena_new(0);
	if (!w->loop || !w->arena)
		return false;
	w->queued = event_new(w->loop, queue_fd(w->queue), EV_READ | EV_PERSIST, on_queue, w);
	w->every_second = event_new(w->loop, -1, EV_PERSIST, on_second, w);
	w->again = event_new(w->loop, -1, 0, on_again, w);
	return w->queued && w->every_second && w->again && !event_add(w->queued, NULL) && !event_add(w->every_second, &second);
}

bool worker_prepare(struct shared *shared, struct worker *w, uint16_t number, struct queue *queue)
{
	w->shared = shared;
	w->number = number;
	w->queue = queue;
	w->tls = shared->its.tls;
	SSL_CTX_up_ref(w->tls);
	return prepare(w);
}

bool worker_start(struct worker *w)
{
	w->running = pthread_create(&w->thread, NULL, run, w) == 0;
	return w->running;
}

void worker_stop(struct worker *w)
{
	struct node *stop = w->running ? calloc(1, sizeof(*stop)) : NULL;

	if (!w->running)
		return;
	if (!stop)
		abort();
	stop->kind = MESSAGE_STOP;
	queue_push(w->queue, stop);
	pthread_join(w->thread, NULL);
	w->running = false;
}

static void drop_rest(struct worker *w)
{
	struct node *n = w->queue ? queue_take(w->queue) : NULL, *next;

	for (; n; n = next) {
		next = n->next;
		if (n->kind == MESSAGE_CONTEXT)
			SSL_CTX_free(((struct context *)n)->tls);
		if (n->kind == MESSAGE_SOCKET)
			gate_leave(w->shared->gate, ((struct arrival *)n)->visitor, false);
		message_free(n, w->shared->its.in_flight);
	}
}

void worker_clear(struct worker *w)
{
	if (w->shared)
		drop_rest(w);
	if (w->queued)
		event_free(w->queued);
	if (w->every_second)
		event_free(w->every_second);
	if (w->again)
		event_free(w->again);
	if (w->loop)
		event_base_free(w->loop);
	SSL_CTX_free(w->tls);
	arena_free(w->arena);
	vec_free(&w->slots);
	vec_free(&w->free_slots);
	free(w->authority);
	free(w->out);
}
