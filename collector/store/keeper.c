#include "collector/store/keeper.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "collector/message.h"
#include "collector/reckoning.h"
#include "collector/store/registrar.h"
#include "log.h"
#include "vec.h"

#define GROUP_BYTES (16u * 1024 * 1024)		/* of one transaction */
#define RETIRE_EVERY (3600 * NS_PER_S)
#define AGAIN_MS 1000

typedef VEC(struct batch *) batches;
typedef VEC(struct node *) nodes;

struct keeper {
	struct keeper_setup its;
	struct queue *queue;
	struct registrar *registrar;
	pthread_t thread;
	batches waiting;			/* taken from the queue, not yet stored */
	nodes names, changes;
	VEC(struct ack *) acks;			/* of the group just stored */
	struct node **to;			/* by thread: its acks */
	VEC(uint32_t) *place;			/* by thread and slot: where its ack is in acks */
	int64_t retire_at;
	bool stop, full, broken;
	int unhealed;				/* why it could not be opened anew, last time */
};

/* ---- what is queued, by what is done with it ---- */

static bool sort_in(struct keeper *k, struct node *n)
{
	struct batch **b;
	struct node **other;

	if (n->kind == MESSAGE_STOP) {
		k->stop = true;
		free(n);
		return true;
	}
	if (n->kind == MESSAGE_BATCH) {
		b = vec_push(&k->waiting);
		if (b)
			*b = (struct batch *)n;
		return b;
	}
	other = n->kind == MESSAGE_CHANGE ? vec_push(&k->changes) : vec_push(&k->names);
	if (other)
		*other = n;
	return other;
}

static void take(struct keeper *k)
{
	struct node *n = queue_take(k->queue), *next;

	for (; n; n = next) {
		next = n->next;
		if (!sort_in(k, n)) {
			log_error("out of memory: the collector ends, agents will send again");
			abort();
		}
	}
}

/* ---- acknowledgements: one for each connection and epoch of a group ---- */

static struct ack *ack_for(struct keeper *k, const struct batch *b)
{
	__typeof__(k->place) place = &k->place[b->from.thread];
	struct ack *a;

	while (place->n <= b->from.slot)
		if (!vec_push(place))
			return NULL;
	if (place->at[b->from.slot] < k->acks.n) {
		a = k->acks.at[place->at[b->from.slot]];
		if (reference_same(&a->from, &b->from) && a->epoch == b->epoch)
			return a;
	}
	a = calloc(1, sizeof(*a));
	if (!a || !vec_push(&k->acks)) {
		free(a);
		return NULL;
	}
	k->acks.at[k->acks.n - 1] = a;
	place->at[b->from.slot] = (uint32_t)(k->acks.n - 1);
	*a = (struct ack){.node.kind = MESSAGE_ACK, .from = b->from, .epoch = b->epoch};
	return a;
}

static void acknowledge(struct keeper *k, struct batch *const *stored, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct ack *a = stored[i]->parted ? NULL : ack_for(k, stored[i]);

		if (!a)
			continue;	/* it will be acknowledged with the next one, or sent again */
		a->batches++;
		a->bytes += stored[i]->bytes;
		a->through = stored[i]->through;
	}
	/* Sorted before the first is handed on: what was handed on may be gone. */
	while (k->acks.n) {
		struct ack *a = k->acks.at[--k->acks.n];

		a->node.next = k->to[a->from.thread];
		k->to[a->from.thread] = &a->node;
	}
	for (size_t t = 0; t < k->its.threads; t++)
		queue_push_list(k->its.ingest[t], TAKE(k->to[t]));
}

static void close_connection(struct keeper *k, const struct reference *from, const char *why)
{
	struct closing *c = calloc(1, sizeof(*c));

	if (!c)
		return;
	c->node.kind = MESSAGE_CLOSE;
	c->from = *from;
	strncpy(c->why, why, sizeof(c->why) - 1);
	queue_push(k->its.ingest[from->thread], &c->node);
}

/* The next Welcome tells the agent what is held under these numbers, and it gives its own records new ones. */
static void tell_parted(struct keeper *k, const struct batch *b)
{
	close_connection(k, &b->from, "other records are held under these numbers");
	message_tell(k->its.engine, TROUBLE_PARTED, b->host, "", "records came under numbers that are other records': they are set apart");
}

static void hand_on(struct keeper *k, struct batch *const *stored, size_t n)
{
	struct node *first = NULL, **end = &first;

	for (size_t i = 0; i < n; i++) {
		if (stored[i]->parted)
			tell_parted(k, stored[i]);
		if (!stored[i]->results) {
			message_free(&stored[i]->node, k->its.in_flight);
			continue;
		}
		stored[i]->backlog = k->its.backlog;
		budget_take(k->its.backlog, stored[i]->bytes);
		*end = &stored[i]->node;
		end = &stored[i]->node.next;
	}
	*end = NULL;
	queue_push_list(k->its.engine, first);
}

/* ---- intake ---- */

/* Nothing that came with the failed write is acknowledged: its connections end, the agents send it again. */
static void give_up(struct keeper *k, int error)
{
	log_error("store: a write failed (%s): connections concerned end, the store is opened anew", strerror(-error));
	message_tell(k->its.engine, TROUBLE_STORE, 0, "", "a write of the store failed: %s", strerror(-error));
	for (size_t i = 0; i < k->waiting.n; i++) {
		close_connection(k, &k->waiting.at[i]->from, "the collector could not store");
		message_free(&k->waiting.at[i]->node, k->its.in_flight);
	}
	k->waiting.n = 0;
	k->broken = true;
}

static void tell_damage(struct keeper *k)
{
	struct store_damage d;

	while (store_take_damage(k->its.store, &d)) {
		char what[200];

		if (!d.readable)
			snprintf(what, sizeof(what), "raw results of %u: the file is damaged and nothing of it can be read; it is set aside as %s",
				 d.day, d.aside);
		else
			snprintf(what, sizeof(what), "raw results of %u: the file is damaged and set aside as %s; %" PRIu64 " results are kept, %s%"
				 PRIu64 " are lost", d.day, d.aside, d.kept, d.exact ? "" : "at least ", d.lost);
		log_error("store: %s", what);
		message_tell(k->its.engine, TROUBLE_DAMAGED, 0, "", "%s", what);
	}
}

static void heal(struct keeper *k)
{
	int r = store_reopen(k->its.store);

	if (r && r != k->unhealed)
		log_error("store: cannot be opened anew (%s), trying again", strerror(-r));
	k->unhealed = r;
	tell_damage(k);
	if (r)
		return;
	k->broken = false;
	log_notice("store: open again");
}

static void look_after(struct keeper *k)
{
	if (k->broken || !store_sick(k->its.store))
		return;
	log_error("store: a log could not be folded into its file: the store is opened anew");
	k->broken = true;
}

static void tell_disk(struct keeper *k)
{
	if (k->full)
		message_tell(k->its.engine, TROUBLE_DISK_FULL, 0, "", "the collector's disk is full");
	else
		message_tell(k->its.engine, TROUBLE_DISK_FREE, 0, "", "the collector's disk has room");
}

static void tell_full(struct keeper *k, bool full)
{
	if (full == k->full)
		return;
	k->full = full;
	if (full)
		log_error("store: the disk is full: nothing is acknowledged until there is room again");
	else
		log_notice("store: there is room on the disk again");
	tell_disk(k);
}

static size_t group_size(const struct keeper *k)
{
	size_t n = 0, bytes = 0;

	while (n < k->waiting.n && (n == 0 || bytes < GROUP_BYTES))
		bytes += k->waiting.at[n++]->bytes;
	return n;
}

/* Welcome's word of what is held is the last: what an older connection of the host still sent comes again by the new one. */
static void drop_silenced(struct keeper *k)
{
	size_t kept = 0;

	for (size_t i = 0; i < k->waiting.n; i++) {
		struct batch *b = k->waiting.at[i];

		if (registrar_speaks(k->registrar, b->host, &b->from))
			k->waiting.at[kept++] = b;
		else
			message_free(&b->node, k->its.in_flight);
	}
	k->waiting.n = kept;
}

static void intake(struct keeper *k)
{
	drop_silenced(k);
	while (k->waiting.n && !k->full) {
		size_t n = group_size(k);
		int r;

		budget_wait(k->its.backlog);
		r = store_intake(k->its.store, k->waiting.at, n, clock_wall());
		if (r == -ENOSPC)
			break;
		if (r) {
			give_up(k, r);
			return;
		}
		acknowledge(k, k->waiting.at, n);
		hand_on(k, k->waiting.at, n);
		k->waiting.n -= n;
		memmove(k->waiting.at, k->waiting.at + n, k->waiting.n * sizeof(*k->waiting.at));
	}
	tell_full(k, store_full(k->its.store));
}

/* ---- names and changes ---- */

static void names(struct keeper *k)
{
	int r = k->names.n ? registrar_work(k->registrar, k->names.at, k->names.n) : 0;

	k->names.n = 0;
	if (r && r != -ENOSPC)
		give_up(k, r);
}

static void changes(struct keeper *k)
{
	int bad = 0;

	for (size_t i = 0; i < k->changes.n; i++) {
		struct change_node *c = (struct change_node *)k->changes.at[i];
		int r = bad ? bad : store_apply(k->its.store, (struct store_change *)c);

		c->error = r;
		bad = r == -ENOSPC || r == -ENOMEM ? bad : r;
		queue_push(k->its.engine, &c->node);
	}
	k->changes.n = 0;
	if (bad)
		give_up(k, bad);
}

/* ---- retention ---- */

static void retire(struct keeper *k)
{
	int64_t now = clock_boot();
	struct store_retired gone;
	int r;

	if (now < k->retire_at || k->broken)
		return;
	k->retire_at = now + RETIRE_EVERY;
	if (reckoning_suspect(k->its.reckoning)) {	/* it may make yesterday look a year old (R12) */
		log_warning("store: the clock is suspect: old results are not deleted");
		return;
	}
	r = store_retire(k->its.store, clock_wall(), k->its.retention_days, &gone);
	if (gone.n)
		message_tell(k->its.engine, TROUBLE_RETIRED, 0, "", "raw results of %u days, %u to %u, were deleted: they are older than %u days", gone.n,
			     gone.first, gone.last, k->its.retention_days);
	if (r)
		log_warning("store: old results could not be deleted: %s", strerror(-r));
}

/* ---- the thread ---- */

static int patience(const struct keeper *k)
{
	if (k->broken || k->waiting.n)
		return AGAIN_MS;
	return k->full ? AGAIN_MS : 60 * 1000;
}

static void *run(void *arg)
{
	struct keeper *k = arg;

	tell_damage(k);
	tell_full(k, store_full(k->its.store));
	if (!k->full)
		tell_disk(k);		/* an incident of the last run may still say otherwise */
	while (!k->stop) {
		queue_wait(k->queue, patience(k));
		if (k->broken) {
			nanosleep(&(struct timespec){.tv_nsec = 200 * 1000 * 1000}, NULL);
			heal(k);
		}
		take(k);
		if (k->broken)
			continue;
		if (k->full)
			tell_full(k, store_full(k->its.store));
		intake(k);
		if (!k->broken)
			names(k);
		if (!k->broken)
			changes(k);
		look_after(k);
		retire(k);
	}
	return NULL;
}

static void keeper_free(struct keeper *k)
{
	for (size_t i = 0; k->place && i < k->its.threads; i++)
		vec_free(&k->place[i]);
	free(k->place);
	free(k->to);
	for (size_t i = 0; i < k->waiting.n; i++)
		message_free(&k->waiting.at[i]->node, k->its.in_flight);
	for (size_t i = 0; i < k->names.n; i++)
		message_free(k->names.at[i], k->its.in_flight);
	for (size_t i = 0; i < k->changes.n; i++)
		message_free(k->changes.at[i], k->its.in_flight);
	vec_free(&k->waiting);
	vec_free(&k->names);
	vec_free(&k->changes);
	vec_free(&k->acks);
	if (k->queue)
		message_free_list(queue_take(k->queue), k->its.in_flight);
	queue_free(k->queue);
	registrar_free(k->registrar);
	free(k);
}

int keeper_start(const struct keeper_setup *setup, struct keeper **ret)
{
	struct keeper *k = calloc(1, sizeof(*k));
	int r = -ENOMEM;

	if (!k)
		return r;
	k->its = *setup;
	k->queue = queue_new();
	k->place = calloc(setup->threads, sizeof(*k->place));
	k->to = calloc(setup->threads, sizeof(struct node *));
	k->registrar = registrar_new(&k->its);
	if (k->queue && k->place && k->to && k->registrar)
		r = -pthread_create(&k->thread, NULL, run, k);
	if (r)
		keeper_free(k);
	else
		*ret = k;
	return r;
}

void keeper_stop(struct keeper *k)
{
	struct node *stop;

	if (!k)
		return;
	stop = calloc(1, sizeof(*stop));
	if (!stop)
		abort();
	stop->kind = MESSAGE_STOP;
	queue_push(k->queue, stop);
	pthread_join(k->thread, NULL);
	store_close(k->its.store);
	keeper_free(k);
}

struct queue *keeper_queue(struct keeper *k)
{
	return k->queue;
}

