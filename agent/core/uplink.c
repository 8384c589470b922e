#include "config.h"

#include "agent/core/uplink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <malloc.h>
#include <string.h>
#include <sys/random.h>

#include "agent/core/batch.h"
#include "agent/core/hello.h"
#include "agent/core/link.h"
#include "agent/core/renew.h"
#include "agent/core/resolve.h"
#include "agent/core/trust.h"
#include "agent/core/witness.h"
#include "lib/arena.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/frame.h"
#include "lib/identity.h"
#include "lib/log.h"

#define CONNECT_PATIENCE (10 * NS_PER_S)
#define WELCOME_PATIENCE (30 * NS_PER_S)
#define FRAME_PATIENCE (30 * NS_PER_S)	/* from its first byte to its last */
#define PAUSE_FIRST NS_PER_S
#define PAUSE_MOST (30 * NS_PER_S)
#define WINDOW_MOST 64u
#define WINDOW_BATCHES 8u
#define WINDOW_BYTES (4u * 1024 * 1024)

enum uplink_state { REST, RESOLVING, CONNECTING, GREETING, OPEN };

struct unacked { uint64_t epoch, last; size_t bytes; };

struct uplink {
	struct loop *loop;
	struct checks *checks;
	struct outbox *outbox;
	struct trust *trust;
	struct witness *witness;
	struct arena *arena;
	char agent[64];

	enum uplink_state state;
	unsigned collector, address;	/* which one is tried */
	unsigned failures;		/* in a row, of all collectors together */
	bool told;			/* the failure was logged */
	bool parted;			/* to be said in Hello */
	int64_t deadline;		/* REST: when to try; RESOLVING..GREETING: when to give up */
	struct resolve *resolve;
	struct link *link;
	struct renew renew;

	int64_t heard, beat;
	bool held;			/* as the last heartbeat said */
	bool turn;			/* events went last: now it is the measurements' turn */
	struct defined defined;
	struct unacked unacked[WINDOW_MOST];
	unsigned n_unacked, window;
	size_t unacked_bytes, window_bytes;
};

/* ---- which collector, and when ---- */

static const char *identity(const struct uplink *u)
{
	return checks_plan(u->checks)->identity;
}

static const char *collector_name(const struct uplink *u)
{
	const Host__Plan *plan = checks_plan(u->checks);

	return plan->n_collectors ? plan->collectors[u->collector % plan->n_collectors] : NULL;
}

static int64_t dead_at(const struct uplink *u)
{
	return u->heard + (int64_t)checks_plan(u->checks)->silence_ns;
}

static int64_t next_beat(const struct uplink *u, int64_t now)
{
	return now + (int64_t)checks_plan(u->checks)->heartbeat_ns;
}

/* Somewhere between half and all of it, so that agents that lost one collector do not return as one. */
static int64_t jitter(int64_t pause)
{
	uint32_t r = 0;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		r = 0;
	return pause / 2 + (int64_t)((double)pause / 2 * r / UINT32_MAX);
}

static void leave(struct uplink *u)
{
	renew_closed(&u->renew);
	resolve_free(TAKE(u->resolve));
	link_free(TAKE(u->link));
	defined_clear(&u->defined);
	u->n_unacked = 0;
	u->unacked_bytes = 0;
	u->state = REST;
}

static void fail(struct uplink *u, const char *why)
{
	size_t n = checks_plan(u->checks)->n_collectors;
	bool was_open = u->state == OPEN;
	int64_t pause;

	if (was_open || !u->told)
		log_warning("collector %s: %s%s", collector_name(u), why, was_open ? "" : "; results are kept until it answers");
	else
		log_debug("collector %s: %s", collector_name(u), why);
	u->told = !was_open;
	if (u->state == CONNECTING || u->state == GREETING)
		renew_failed(&u->renew);
	leave(u);
	if (was_open)
		u->failures = 0;
	pause = PAUSE_FIRST << (u->failures / n < 6 ? u->failures / n : 6);
	u->failures++;
	u->collector = (u->collector + 1) % (unsigned)n;
	if (u->collector && !was_open)
		pause = 0;	/* the next in the list, at once */
	else
		u->address++;
	u->deadline = clock_boot() + jitter(pause < PAUSE_MOST ? pause : PAUSE_MOST);
}

static void connect_anew(struct uplink *u, int64_t now, const char *with)
{
	if (u->state == OPEN || u->state == GREETING)
		log_info("collector %s: connecting anew, with %s", collector_name(u), with);
	leave(u);
	u->failures = 0;
	u->deadline = now + jitter(PAUSE_FIRST / 2);
}

void uplink_renew(struct uplink *u, int64_t now)
{
	connect_anew(u, now, "another list of checks");
}

/* ---- the conversation ---- */

static int send_envelope(struct uplink *u, Wire__Envelope *e)
{
	return link_send(u->link, &e->base);
}

static void send_refusal(struct uplink *u, const char *reason)
{
	Wire__Envelope e = WIRE__ENVELOPE__INIT;
	Wire__Refusal refusal = WIRE__REFUSAL__INIT;

	refusal.reason = (char *)reason;
	e.message_case = WIRE__ENVELOPE__MESSAGE_REFUSAL;
	e.refusal = &refusal;
	send_envelope(u, &e);	/* as far as it goes before we close */
}

static void on_ready(void *arg)
{
	struct uplink *u = arg;
	char why[256];

	if (trust_peer(u->trust, link_ssl(u->link), why) < 0) {
		fail(u, why);
		return;
	}
	u->state = GREETING;
	u->deadline = clock_boot() + WELCOME_PATIENCE;
	if (hello_send(u->link, u->agent, u->checks, u->outbox, u->parted, witness_last(u->witness)) < 0)
		fail(u, "no memory for Hello");
}

static enum spool_held take_held(struct uplink *u, const Wire__Welcome *w)
{
	struct spool *spools[] = {outbox_events(u->outbox), outbox_measurements(u->outbox)};
	enum spool_held found = SPOOL_AGREED;

	for (size_t i = 0; i < w->n_held; i++)
		for (int k = 0; k < 2; k++) {
			enum spool_held one = spool_held(spools[k], w->held[i]->epoch, w->held[i]->through, w->held[i]->digest);

			if (one > found)
				found = one;
		}
	if (found == SPOOL_PARTED)
		log_warning("the collector holds other records under our numbers, as when this machine was put back to an earlier state, or "
			    "copied, while it ran: what it has not acknowledged gets new numbers");
	if (found == SPOOL_REFILL)
		outbox_refill(u->outbox);
	return found;
}

static void set_window(struct uplink *u, const Wire__Welcome *w)
{
	uint64_t half = checks_plan(u->checks)->spool_measurements / 2;

	u->window = w->window_batches ? w->window_batches : WINDOW_BATCHES;
	if (u->window > WINDOW_MOST)
		u->window = WINDOW_MOST;
	u->window_bytes = w->window_bytes && w->window_bytes < WINDOW_BYTES ? w->window_bytes : WINDOW_BYTES;
	if (u->window_bytes > half)	/* what is on its way cannot be dropped: it may have arrived */
		u->window_bytes = half;
}

static void on_welcome(struct uplink *u, const Wire__Welcome *w)
{
	int64_t now = clock_boot();
	enum spool_held held;
	char why[256];
	bool changed;

	if (!w->clocks || w->clocks->wall > INT64_MAX) {
		fail(u, "its Welcome states no time");
		return;
	}
	if (trust_stated(u->trust, link_ssl(u->link), (int64_t)w->clocks->wall, why) < 0) {
		send_refusal(u, why);
		fail(u, why);
		return;
	}
	witness_take(u->witness, w->checkpoint.data, w->checkpoint.len);
	held = take_held(u, w);
	u->parted = held == SPOOL_PARTED;
	if (held != SPOOL_AGREED) {	/* Hello named other records, or too few checks */
		uplink_renew(u, now);
		return;
	}
	changed = w->assignment && checks_assign(u->checks, w->assignment, now);
	if (w->slow_down)
		checks_slow_down(u->checks, now);
	if (changed) {		/* Hello named other checks, or intervals */
		uplink_renew(u, now);
		return;
	}
	set_window(u, w);
	spool_rewind(outbox_events(u->outbox));
	spool_rewind(outbox_measurements(u->outbox));
	u->state = OPEN;
	u->failures = 0;
	u->told = false;
	u->held = false;
	u->beat = next_beat(u, now);
	log_info("collector %s: connected", collector_name(u));
	outbox_connected(u->outbox, now);
	renew_welcomed(&u->renew, identity(u));
	renew_authority(&u->renew, identity(u), u->link, w->authority, now);
	renew_consider(&u->renew, identity(u), u->link, (int64_t)w->clocks->wall, now);
	malloc_trim(0);		/* the handshake took much that is not needed again */
	uplink_pump(u, now);
}

static void on_ack(struct uplink *u, const Wire__Ack *ack)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < u->n_unacked; i++) {
		struct unacked *b = &u->unacked[i];

		if (b->epoch == ack->epoch && b->last <= ack->through)
			u->unacked_bytes -= b->bytes;
		else
			u->unacked[kept++] = *b;
	}
	u->n_unacked = kept;
	if (spool_ack(outbox_events(u->outbox), ack->epoch, ack->through) < 0 ||
	    spool_ack(outbox_measurements(u->outbox), ack->epoch, ack->through) < 0) {
		fail(u, "it acknowledged what was never sent");
		return;
	}
	uplink_pump(u, clock_boot());
}

static void on_heartbeat(struct uplink *u, const Wire__Heartbeat *beat, int64_t now)
{
	if (!beat->clocks || beat->clocks->wall > INT64_MAX)
		return;
	trust_heard(u->trust, (int64_t)beat->clocks->wall);
	witness_take(u->witness, beat->checkpoint.data, beat->checkpoint.len);
	renew_authority(&u->renew, identity(u), u->link, beat->authority, now);
	renew_consider(&u->renew, identity(u), u->link, (int64_t)beat->clocks->wall, now);
}

static void on_renewed(struct uplink *u, const Wire__Renewed *renewed, int64_t now)
{
	if (!u->renew.asked)
		fail(u, "it sent a certificate that nobody asked for");
	else if (renew_answered(&u->renew, identity(u), renewed))
		connect_anew(u, now, "a new certificate");
}

static void on_open_frame(struct uplink *u, const Wire__Envelope *e)
{
	int64_t now = clock_boot();

	switch (e->message_case) {
	case WIRE__ENVELOPE__MESSAGE_ACK:
		on_ack(u, e->ack);
		break;
	case WIRE__ENVELOPE__MESSAGE_HEARTBEAT:
		on_heartbeat(u, e->heartbeat, now);
		break;
	case WIRE__ENVELOPE__MESSAGE_ASSIGNMENT:
		if (checks_assign(u->checks, e->assignment, now))
			uplink_renew(u, now);
		break;
	case WIRE__ENVELOPE__MESSAGE_RUN_NOW:
		checks_run_now(u->checks, e->run_now->check, now);
		break;
	case WIRE__ENVELOPE__MESSAGE_RENEWED:
		on_renewed(u, e->renewed, now);
		break;
	default:
		fail(u, "it sent what a collector does not send");
	}
}

static void on_frame(void *arg, const uint8_t *frame, size_t n)
{
	struct uplink *u = arg;
	const Wire__Envelope *e;
	char why[300];

	arena_limit(u->arena, frame_ceiling(n));
	e = (const Wire__Envelope *)frame_unpack(&wire__envelope__descriptor, frame, n, u->arena);
	u->heard = clock_boot();
	if (!e)
		fail(u, "it sent what is no message, or costs too much to read");
	else if (e->message_case == WIRE__ENVELOPE__MESSAGE_REFUSAL) {
		snprintf(why, sizeof(why), "it refuses us: %.256s", e->refusal->reason);
		u->told = false;
		fail(u, why);
	} else if (u->state == OPEN)
		on_open_frame(u, e);
	else if (e->message_case == WIRE__ENVELOPE__MESSAGE_WELCOME)
		on_welcome(u, e->welcome);
	else
		fail(u, "its first word is not Welcome");
	if (n > 4096)
		arena_trim(u->arena);
	else
		arena_reset(u->arena);
}

static void on_room(void *arg)
{
	uplink_pump(arg, clock_boot());
}

static void on_closed(void *arg, const char *why)
{
	fail(arg, why);
}

/* One batch at a time waits in the link. Events go first, and measurements in turn with them: a flood of the one does not hold up the other. */
void uplink_pump(struct uplink *u, int64_t now)
{
	struct spool *spools[] = {outbox_events(u->outbox), outbox_measurements(u->outbox)};

	if (u->state != OPEN || link_busy(u->link) || u->n_unacked >= u->window || u->unacked_bytes >= u->window_bytes)
		return;
	for (int i = 0; i < 2; i++) {
		bool events = u->turn == (i == 1);
		struct batch b;
		int r = batch_next(u->outbox, spools[!events], &u->defined, &b);

		if (r < 0)
			log_error("spool: %s; tried again with the next result", strerror(-r));
		if (r <= 0)
			continue;
		if (b.last) {
			u->unacked[u->n_unacked++] = (struct unacked){b.epoch, b.last, b.n - b.from};
			u->unacked_bytes += b.n - b.from;
		}
		u->turn = events;
		link_give(u->link, b.buf, b.from, b.n);
		return;
	}
}

/* ---- connecting ---- */

static void on_address(void *arg, const struct resolve_answer *answer)
{
	struct uplink *u = arg;
	struct link_calls calls = {on_ready, on_frame, on_room, on_closed, u};
	unsigned i;
	SSL_CTX *ctx;
	char why[256], folder[PATH_MAX];

	if (answer->n == 0) {
		fail(u, "no such host, or not written as HOST:PORT");
		return;
	}
	ctx = identity_context(renew_folder(&u->renew, identity(u), folder), 0, why);
	if (!ctx || hello_agent(ctx, u->agent) < 0) {
		fail(u, ctx ? "our own certificate names no agent" : why);
		SSL_CTX_free(ctx);
		return;
	}
	i = u->address % answer->n;
	u->state = CONNECTING;
	u->deadline = clock_boot() + CONNECT_PATIENCE;
	u->link = link_new(u->loop, ctx, (const struct sockaddr *)&answer->at[i].address, answer->at[i].n, &calls);
	SSL_CTX_free(ctx);	/* the connection holds it */
	if (!u->link) {
		snprintf(why, sizeof(why), "cannot connect: %s", strerror(errno));
		fail(u, why);
		return;
	}
	u->heard = clock_boot();
}

static void try(struct uplink *u, int64_t now)
{
	const char *name = collector_name(u);

	if (!name) {
		u->deadline = LOOP_NEVER;	/* until a plan names one */
		return;
	}
	u->state = RESOLVING;
	u->deadline = now + CONNECT_PATIENCE;
	u->resolve = resolve_begin(u->loop, name, on_address, u);
}

/* ---- life ---- */

struct uplink *uplink_new(struct loop *loop, const char *agent, struct checks *checks, struct outbox *outbox)
{
	struct uplink *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->loop = loop;
	u->checks = checks;
	u->outbox = outbox;
	snprintf(u->agent, sizeof(u->agent), "%s", agent);
	u->trust = trust_open(checks_plan(checks)->state);
	u->witness = witness_open(checks_plan(checks)->state);
	u->arena = arena_new(0);
	if (u->trust && u->witness && u->arena)
		return u;
	uplink_free(u);
	return NULL;
}

void uplink_free(struct uplink *u)
{
	if (!u)
		return;
	leave(u);
	trust_free(u->trust);
	witness_free(u->witness);
	arena_free(u->arena);
	free(u);
}

int64_t uplink_wake(const struct uplink *u)
{
	int64_t wake = u->deadline, begun;

	if (u->state != OPEN)
		return wake;
	begun = link_begun(u->link);
	wake = u->beat < dead_at(u) ? u->beat : dead_at(u);
	return begun != LOOP_NEVER && begun + FRAME_PATIENCE < wake ? begun + FRAME_PATIENCE : wake;
}

static void beat(struct uplink *u, int64_t now)
{
	Wire__Envelope e = WIRE__ENVELOPE__INIT;
	Wire__Heartbeat heartbeat = WIRE__HEARTBEAT__INIT;
	Wire__Clocks clocks = WIRE__CLOCKS__INIT;

	clocks.wall = (uint64_t)clock_wall();
	clocks.boot = (uint64_t)now;
	heartbeat.clocks = &clocks;
	e.message_case = WIRE__ENVELOPE__MESSAGE_HEARTBEAT;
	e.heartbeat = &heartbeat;
	u->beat = next_beat(u, now);
	heartbeat.held = u->held = outbox_held(u->outbox, now);
	send_envelope(u, &e);
}

static void silent(struct uplink *u)
{
	char why[64];

	snprintf(why, sizeof(why), "nothing was heard for %lld s: taken for dead",
		 (long long)(checks_plan(u->checks)->silence_ns / (uint64_t)NS_PER_S));
	fail(u, why);
}

void uplink_tick(struct uplink *u, int64_t now)
{
	if (u->state == OPEN && !u->held && outbox_held(u->outbox, now))
		u->beat = now;
	if (uplink_wake(u) > now)
		return;
	if (u->state == REST)
		try(u, now);
	else if (u->state != OPEN)
		fail(u, u->state == GREETING ? "it does not answer our Hello" : "it does not answer");
	else if (now >= dead_at(u))
		silent(u);
	else if (link_begun(u->link) != LOOP_NEVER && now >= link_begun(u->link) + FRAME_PATIENCE)
		fail(u, "a frame that it began does not end");
	else
		beat(u, now);
}
