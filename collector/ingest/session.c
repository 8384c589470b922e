#include "collector/ingest/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "collector/ingest/decode.h"
#include "collector/ingest/digest.h"
#include "collector/ingest/worker.h"
#include "collector/reckoning.h"
#include "frame.h"
#include "log.h"

static enum connection_end refuse(struct connection *c, const char *why)
{
	connection_refuse(c, why);
	return CONNECTION_CLOSED;
}

static enum connection_end no_memory(struct connection *c)
{
	connection_close(c, LOG_ERROR, "out of memory");
	return CONNECTION_CLOSED;
}

/* More than its share (N6): it waits for the next period. */
static bool is_over(struct connection *c)
{
	if (c->state != CONNECTION_OPEN || !credit_over(c->worker->shared->credits, &c->credit, clock_boot()))
		return false;
	if (!c->credit.told)
		log_info("agent %s at %s: sends many times what others send: it is read more slowly", c->agent, c->address);
	c->credit.told = true;
	worker_wait(c->worker);
	return true;
}

bool session_can_read(struct connection *c)
{
	if (c->state != CONNECTION_HELLO && c->state != CONNECTION_OPEN)
		return false;
	if (c->unacked >= SESSION_WINDOW_BATCHES || c->unacked_bytes >= SESSION_WINDOW_BYTES)
		return false;
	if (budget_full(c->worker->shared->its.in_flight)) {
		worker_wait(c->worker);
		return false;
	}
	return !is_over(c);
}

/* Agents judge our certificate, and theirs, by the time that we state: a suspect clock's is no use to them. */
static Wire__Clocks clocks_now(const struct connection *c)
{
	Wire__Clocks now = WIRE__CLOCKS__INIT;

	now.wall = (uint64_t)reckoning_now(c->worker->shared->its.reckoning);
	now.boot = (uint64_t)clock_boot();
	return now;
}

static int64_t offset_of(const Wire__Clocks *theirs)
{
	return theirs ? (int64_t)(theirs->wall - (uint64_t)clock_wall()) : 0;
}

static int64_t told_by(const Wire__Clocks *theirs)
{
	return theirs ? reckoning_told(theirs->wall) : 0;
}

/* ---- what an agent sends ---- */

/* The arena with the message in it goes along; the thread takes a fresh one. */
static struct arena *take_arena(struct worker *w)
{
	struct arena *fresh = arena_new(0), *full = w->arena;

	if (!fresh)
		return NULL;
	w->arena = fresh;
	return full;
}

static enum connection_end on_hello(struct connection *c, const Wire__Hello *hello)
{
	const char *wrong = decode_check_hello(hello);
	struct hello *h;

	if (wrong)
		return refuse(c, wrong);
	if (strcmp(hello->agent, c->agent)) {
		message_tell(c->worker->shared->engine, TROUBLE_IMPOSTOR, 0, c->agent, "from %s, claimed to be %.36s", c->address,
			     hello->agent);
		return refuse(c, "Hello names another agent than the certificate");
	}
	h = calloc(1, sizeof(*h));
	if (h)
		h->arena = take_arena(c->worker);
	if (!h || !h->arena) {
		free(h);
		return no_memory(c);
	}
	if (hello->parted)
		message_tell(c->worker->shared->engine, TROUBLE_PARTED, 0, c->agent, "other records than its own are held under its numbers");
	h->node.kind = MESSAGE_HELLO;
	h->from = c->self;
	h->hello = hello;
	h->offset = offset_of(hello->clocks);
	h->told = told_by(hello->clocks);
	h->generation = c->generation;
	memcpy(h->address, c->address, sizeof(h->address));
	c->state = CONNECTION_WELCOME;
	queue_push(c->worker->shared->store, &h->node);
	return CONNECTION_GOES_ON;
}

static enum connection_end on_probe(struct connection *c, const Wire__Probe *probe)
{
	struct probing *p = calloc(1, sizeof(*p));

	if (!p)
		return no_memory(c);
	p->node.kind = MESSAGE_PROBE;
	p->from = c->self;
	p->own = probe->own;
	p->generation = c->generation;
	memcpy(p->agent, c->agent, sizeof(p->agent));
	memcpy(p->address, c->address, sizeof(p->address));
	c->state = CONNECTION_PROBED;
	queue_push(c->worker->shared->engine, &p->node);
	return CONNECTION_GOES_ON;
}

static enum connection_end on_first(struct connection *c, const Wire__Envelope *e)
{
	switch (e->message_case) {
	case WIRE__ENVELOPE__MESSAGE_HELLO:
		return on_hello(c, e->hello);
	case WIRE__ENVELOPE__MESSAGE_PROBE:
		return on_probe(c, e->probe);
	case WIRE__ENVELOPE__MESSAGE_RENEW:	/* a watcher's, who has no session: the answer is the end */
		c->state = CONNECTION_PROBED;
		return renew_asked(c, e->renew);
	default:
		return refuse(c, "the first frame is not a Hello");
	}
}

/* New series wait for their numbers, and their batch with them; the connection is not read until then. */
static enum connection_end ask_series(struct connection *c, const Wire__Batch *batch, const uint32_t *digests, size_t bytes)
{
	const char *wrong = decode_check_series(batch);
	uint32_t *checks = arena_take(c->worker->arena, batch->n_series * sizeof(*checks));
	struct series *s;

	for (size_t i = 0; i < batch->n_series && !wrong && checks; i++) {
		checks[i] = numbers_get(&c->checks, batch->series[i]->check);
		if (checks[i] == NUMBER_NONE)
			wrong = "a series is of a check that Hello did not name";
	}
	if (wrong)
		return refuse(c, wrong);
	s = checks ? calloc(1, sizeof(*s)) : NULL;
	if (s)
		s->arena = take_arena(c->worker);
	if (!s || !s->arena) {
		free(s);
		return no_memory(c);
	}
	s->node.kind = MESSAGE_SERIES;
	s->from = c->self;
	s->batch = batch;
	s->host = c->host;
	s->checks = checks;
	s->digests = digests;
	s->bytes = bytes;
	c->state = CONNECTION_SERIES;
	queue_push(c->worker->shared->store, &s->node);
	return CONNECTION_GOES_ON;
}

static enum connection_end send_on(struct connection *c, const Wire__Batch *wire, const uint32_t *digests)
{
	struct shared *shared = c->worker->shared;
	const char *why = "";
	struct batch *b;
	int r;

	if (!wire->n_records)
		return CONNECTION_GOES_ON;
	r = decode_batch(wire, digests, &c->checks, &c->series, &b, &why);
	if (r == -ENOMEM)
		return no_memory(c);
	if (r)
		return refuse(c, why);
	b->host = c->host;
	b->from = c->self;
	b->received = clock_boot();
	c->unacked++;
	c->unacked_bytes += b->bytes;
	budget_take(shared->its.in_flight, b->bytes);
	queue_push(shared->store, &b->node);
	return CONNECTION_GOES_ON;
}

static enum connection_end on_batch(struct connection *c, const Wire__Batch *batch, const uint8_t *frame, size_t n)
{
	const uint32_t *digests = NULL;
	int r;

	credit_use(c->worker->shared->credits, &c->credit, n, clock_boot());
	r = batch->digest ? digest_records(frame, n, batch, c->worker->arena, &digests) : 0;

	if (r == -ENOMEM)
		return no_memory(c);
	if (r)
		return refuse(c, "a batch's digest is not that of its records");
	return batch->n_series ? ask_series(c, batch, digests, n) : send_on(c, batch, digests);
}

static void on_heartbeat(struct connection *c, const Wire__Heartbeat *beat)
{
	struct clock_report *report = beat->clocks ? calloc(1, sizeof(*report)) : NULL;

	if (!report)
		return;
	report->node.kind = MESSAGE_CLOCK;
	report->host = c->host;
	report->offset = offset_of(beat->clocks);
	report->told = told_by(beat->clocks);
	report->held = beat->held;
	queue_push(c->worker->shared->engine, &report->node);
}

enum connection_end session_frame(struct connection *c, const uint8_t *frame, size_t n)
{
	struct arena *arena = c->worker->arena;
	const Wire__Envelope *e;

	if (connection_counts(c) == CONNECTION_CLOSED)
		return CONNECTION_CLOSED;
	arena_reset(arena);
	arena_limit(arena, frame_ceiling(n));
	e = (const Wire__Envelope *)frame_unpack(&wire__envelope__descriptor, frame, n, arena);
	if (!e)
		return refuse(c, "a frame is malformed, or costs too much to decode");
	if (c->state == CONNECTION_HELLO)
		return on_first(c, e);
	switch (e->message_case) {
	case WIRE__ENVELOPE__MESSAGE_BATCH:
		return on_batch(c, e->batch, frame, n);
	case WIRE__ENVELOPE__MESSAGE_RENEW:
		return renew_asked(c, e->renew);
	case WIRE__ENVELOPE__MESSAGE_HEARTBEAT:
		on_heartbeat(c, e->heartbeat);
		return CONNECTION_GOES_ON;
	case WIRE__ENVELOPE__MESSAGE_REFUSAL:
		connection_close(c, LOG_WARNING, "refused us: %s", e->refusal->reason);
		return CONNECTION_CLOSED;
	default:
		return refuse(c, "a frame that an agent does not send");
	}
}

/* ---- what store and engine answer ---- */

static const char *reason(int error)
{
	switch (error) {
	case -EDQUOT:
		return "the agent names more than one host may";
	case -ENOSPC:
		return "the collector's disk is full";
	default:
		return "the collector could not store its names";
	}
}

static ProtobufCBinaryData checkpoint_of(const struct connection *c)
{
	return (ProtobufCBinaryData){strlen(c->worker->checkpoint), (uint8_t *)c->worker->checkpoint};
}

/* What the agent was not told yet; NULL: nothing. */
static Wire__Authority *authority_for(struct connection *c, Wire__Authority *to)
{
	const struct worker *w = c->worker;

	*to = (Wire__Authority)WIRE__AUTHORITY__INIT;
	if (!w->authority || c->named == w->named)
		return NULL;
	c->named = w->named;
	to->root = w->authority->root;
	to->vouched = w->authority->vouched;
	to->alone = w->authority->alone;
	to->spread_ns = w->authority->spread;
	return to;
}

static enum connection_end send_welcome(struct connection *c, const struct hello *h)
{
	Wire__Welcome welcome = WIRE__WELCOME__INIT;
	Wire__Envelope e = WIRE__ENVELOPE__INIT;
	Wire__Clocks now = clocks_now(c);
	Wire__Authority authority;
	Wire__Held held[DECODE_SPOOLS_MAX], *each[DECODE_SPOOLS_MAX];

	for (size_t i = 0; i < h->hello->n_spools; i++) {
		wire__held__init(&held[i]);
		held[i].epoch = h->hello->spools[i]->epoch;
		held[i].through = h->held[i];
		held[i].digest = h->digests[i];
		each[i] = &held[i];
	}
	welcome.clocks = &now;
	welcome.n_held = h->hello->n_spools;
	welcome.held = each;
	welcome.assignment = h->assignment;
	welcome.window_batches = SESSION_WINDOW_BATCHES;
	welcome.window_bytes = SESSION_WINDOW_BYTES;
	welcome.slow_down = h->slow_down;
	welcome.checkpoint = checkpoint_of(c);
	welcome.authority = authority_for(c, &authority);
	e.message_case = WIRE__ENVELOPE__MESSAGE_WELCOME;
	e.welcome = &welcome;
	return connection_send(c, &e);
}

enum connection_end session_welcome(struct connection *c, struct hello *h)
{
	int r = h->error;
	enum connection_end end;

	for (size_t i = 0; i < h->hello->n_checks && !r; i++)
		r = numbers_put(&c->checks, h->hello->checks[i]->id, h->checks[i], STORE_CHECKS_MAX);
	if (!h->error) {
		c->host = h->host;
		c->state = CONNECTION_OPEN;
	}
	if (r == -EEXIST)
		end = refuse(c, "Hello gives one number to two checks");
	else if (r)
		end = refuse(c, reason(r));
	else
		end = send_welcome(c, h);
	if (end == CONNECTION_GOES_ON) {
		log_info("agent %s at %s: connected", c->agent, c->address);
		end = connection_resume(c);
	}
	arena_free(h->arena);
	free(h);
	return end;
}

enum connection_end session_series(struct connection *c, struct series *s)
{
	int r = s->error;
	enum connection_end end;

	c->state = CONNECTION_OPEN;
	for (size_t i = 0; i < s->batch->n_series && !r; i++)
		r = numbers_put(&c->series, s->batch->series[i]->id, s->numbers[i], DECODE_SERIES_MAX);
	if (r == -EEXIST)
		end = refuse(c, "one number was given to two series");
	else if (r)
		end = refuse(c, reason(r));
	else
		end = send_on(c, s->batch, s->digests);
	arena_free(s->arena);
	free(s);
	return end == CONNECTION_GOES_ON ? connection_resume(c) : end;
}

enum connection_end session_ack(struct connection *c, const struct ack *a)
{
	Wire__Ack ack = WIRE__ACK__INIT;
	Wire__Envelope e = WIRE__ENVELOPE__INIT;

	if (connection_counts(c) == CONNECTION_CLOSED)
		return CONNECTION_CLOSED;
	c->unacked -= a->batches;
	c->unacked_bytes -= a->bytes;
	ack.epoch = a->epoch;
	ack.through = a->through;
	e.message_case = WIRE__ENVELOPE__MESSAGE_ACK;
	e.ack = &ack;
	return connection_send(c, &e) == CONNECTION_CLOSED ? CONNECTION_CLOSED : connection_resume(c);
}

enum connection_end session_send(struct connection *c, const struct sending *s)
{
	if (connection_send_frame(c, s->frame, s->n) == CONNECTION_CLOSED)
		return CONNECTION_CLOSED;
	if (c->state != CONNECTION_PROBED)
		return CONNECTION_GOES_ON;
	connection_close(c, LOG_DEBUG, "asked whether we work, or for a certificate");
	return CONNECTION_CLOSED;
}

enum connection_end session_heartbeat(struct connection *c)
{
	Wire__Heartbeat beat = WIRE__HEARTBEAT__INIT;
	Wire__Envelope e = WIRE__ENVELOPE__INIT;
	Wire__Clocks now = clocks_now(c);
	Wire__Authority authority;

	beat.clocks = &now;
	beat.authority = authority_for(c, &authority);
	beat.checkpoint = checkpoint_of(c);
	e.message_case = WIRE__ENVELOPE__MESSAGE_HEARTBEAT;
	e.heartbeat = &beat;
	return connection_send(c, &e);
}
