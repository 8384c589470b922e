/* What a host says, and what comes of it. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "agent/core/hosts_inside.h"
#include "agent/core/report.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/frame.h"
#include "lib/log.h"

/* For room for its events a plugin waits so long, then they are only counted; and while they are, it is read so fast (a second). */
#define PATIENCE (2 * NS_PER_S)
#define COUNTED_BYTES (1024 * 1024)
#define WAIT_LEAST (10 * NS_PER_MS)
#define TELL_EVERY (60 * NS_PER_S)

static int offend(struct host *h, const char *what)
{
	host_kill(h, WIRE__OUTCOME__CRASHED, "its process sent %s, and was ended", what);
	return -EBADMSG;
}

static int on_inventory(struct host *h, const Host__Inventory *inventory)
{
	const Host__Inventory *expected = h->queue ? h->queue->spec->inventory : NULL;
	const Wire__Plugin *is = inventory->plugin, *was = expected ? expected->plugin : NULL;

	if (h->told || !is)
		return offend(h, "a second inventory, or an empty one");
	/* The template loads only the file that the configuration reader has read; what a host says of its own file proves nothing. */
	if (was && is->n_metrics != was->n_metrics) {
		host_kill(h, WIRE__OUTCOME__REFUSED, "its module has changed since the configuration was read: reload the agent");
		return -ESTALE;
	}
	h->told = true;
	h->watches = inventory->watches;
	return 1;
}

/* Of a check: its options are wrong. Of none: the module was refused, and the host ends by itself. */
static int on_problem(struct host *h, const Host__Problem *problem)
{
	struct check *check = problem->check ? checks_find(h->all->checks, problem->check, h->plugin) : NULL;
	char text[512];

	if (problem->file[0])
		snprintf(text, sizeof(text), "%s:%u: %.*s", problem->file, problem->line, (int)problem->text.len, (char *)problem->text.data);
	else
		snprintf(text, sizeof(text), "%.*s", (int)(problem->text.len < 512 ? problem->text.len : 512), (char *)problem->text.data);
	if (problem->check && !check)
		return offend(h, "a problem of a check that is not its own");
	if (check) {
		free(check->problem);
		check->problem = strdup(text);
		return 1;
	}
	if (h->outcome == WIRE__OUTCOME__OK) {
		h->outcome = WIRE__OUTCOME__REFUSED;
		snprintf(h->why, sizeof(h->why), "%s", text);
	}
	return 1;
}

static int on_round(struct host *h, const Host__Round *round)
{
	struct check *check = h->queue;
	Wire__Record record;
	const char *why;
	int r;

	if (!h->running || round->check != check->number || round->run != check->run)
		return offend(h, "a round that nobody asked for");
	r = report_round(check, round, outbox_dictionary(h->all->outbox), h->all->arena, &record, &why);
	if (r == -EBADMSG)
		return offend(h, why);
	if (r < 0)
		report_failure(check, WIRE__OUTCOME__FAILED, "no memory for its values", 0, &record);
	if (check->problem && record.outcome == WIRE__OUTCOME__FAILED) {
		report_failure(check, WIRE__OUTCOME__REFUSED, check->problem, 0, &record);
		check->configured = 0;
	}
	h->failures = 0;
	host_done(h, &record);
	return 1;
}

/* ---- no room for events (SECURITY R5) ---- */

/* Back-pressure: the pipe is not read. Not for good: rounds come the same way, and what watches must go on watching. */
static bool hold(struct host *h, uint32_t check, size_t n)
{
	int64_t now = clock_boot(), wait = PATIENCE;

	if (h->last_words)
		return false;
	if (h->held.until)
		return now < h->held.until;
	if (outbox_folds(h->all->outbox, check))
		wait = (int64_t)n * NS_PER_S / COUNTED_BYTES;
	if (wait < WAIT_LEAST)
		return false;
	h->held.check = check;
	h->held.n = n;
	h->held.since = now;
	h->held.until = now + wait;
	if (!h->held_told || now - h->held_told >= TELL_EVERY) {
		h->held_told = now;
		log_warning("plugin %s: there is no room for its events: it waits, and what still comes is only counted", host_name(h));
	}
	return true;
}

/* The time that it waited for us is not its own. */
static void let_go(struct host *h)
{
	if (h->held.until && h->running)
		h->deadline += clock_boot() - h->held.since;
	h->held.until = 0;
}

void told_resume(struct host *h, int64_t now)
{
	if (h->pipe.paused && (now >= h->held.until || !outbox_full(h->all->outbox, h->held.check, h->held.n)))
		pipe_resume(&h->pipe);
}

void told_last_words(struct host *h)
{
	h->last_words = true;
	pipe_resume(&h->pipe);
	pipe_drain(&h->pipe);
	h->last_words = false;
}

static int on_events(struct host *h, const Host__Events *events, size_t n)
{
	struct check *check = checks_find(h->all->checks, events->check, h->plugin);
	Wire__Record record;
	const char *why;

	if (!check || (check->configured != h->serial && !check->leaving))
		return offend(h, "events of a check that is not its own");
	if (outbox_full(h->all->outbox, check->number, n) && hold(h, check->number, n))
		return 0;
	let_go(h);
	if (report_events(check, events, &record, &why) < 0)
		return offend(h, why);
	outbox_happened(h->all->outbox, &record, clock_boot());
	return 1;
}

/* Not in its first round: so it cannot go on for ever. */
static int on_renew(struct host *h)
{
	if (h->state != HOST_LIVE)
		return 1;	/* it was asked for several rounds, and says so of each */
	if (!h->running || !h->served)
		return offend(h, "the wish to be started again, at a wrong time");
	host_renew(h);
	return 1;
}

int told_frame(void *arg, const uint8_t *frame, size_t n)
{
	struct host *h = arg;
	struct arena *arena = h->all->arena;
	const Host__FromHost *m = (const Host__FromHost *)frame_unpack(&host__from_host__descriptor, frame, n, arena);
	int r;

	if (!m)
		r = offend(h, "what is no message, or costs too much to read");
	else if (m->message_case == HOST__FROM_HOST__MESSAGE_INVENTORY)
		r = on_inventory(h, m->inventory);
	else if (m->message_case == HOST__FROM_HOST__MESSAGE_PROBLEM)
		r = on_problem(h, m->problem);
	else if (m->message_case == HOST__FROM_HOST__MESSAGE_ROUND)
		r = on_round(h, m->round);
	else if (m->message_case == HOST__FROM_HOST__MESSAGE_EVENTS)
		r = on_events(h, m->events, n);
	else if (m->message_case == HOST__FROM_HOST__MESSAGE_RENEW)
		r = on_renew(h);
	else
		r = offend(h, "an empty message");
	if (n > 16 * 1024)
		arena_trim(arena);
	else
		arena_reset(arena);
	return r;
}
