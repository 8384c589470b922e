#include "engine.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "collector/launcher/launcher.h"
#include "collector/store/copy.h"
#include "io.h"
#include "log.h"
#include "room.h"

#define PROGRESS_EVERY (5 * NS_PER_S)
#define AGAIN_EVERY (60 * NS_PER_S)
#define ALIVE_EVERY (60 * NS_PER_S)
#define STANDSTILL (30 * NS_PER_S)	/* between two ticks: the machine slept, or was that busy */
#define EXTRA_ROOM (8u * 1024 * 1024)
#define HASHERS 2

/* ---- what is to be kept ---- */

struct store_change *engine_change(struct engine *e)
{
	if (!e->change) {
		e->change = change_new(NULL, NULL);
		if (!e->change)
			log_error("out of memory: a change cannot be kept");
	}
	e->touched = e->change != NULL;
	return e->change;
}

static void hand_to_store(struct engine *e, struct store_change *c)
{
	struct node *n = (struct node *)c;

	n->kind = MESSAGE_CHANGE;
	e->in_flight = true;
	queue_push(e->its.store, n);
}

/* Everything that came of the rows up to e->row is in the change by now, so the place may go with it. */
static void flush(struct engine *e)
{
	int64_t now = clock_boot();
	bool place = e->unsaved && (e->change || e->stopping || now - e->saved >= PROGRESS_EVERY);

	if (e->in_flight || e->failed || (!e->change && !place) || checkpoints_wait(e))
		return;
	if (place && engine_change(e)) {
		change_progress(e->change, e->day, e->row);
		e->unsaved = false;
		e->saved = now;
	}
	if (!e->change)
		return;
	hand_to_store(e, e->change);
	e->change = NULL;
	e->changes++;
}

void engine_flush(struct engine *e)
{
	flush(e);
	e->touched = false;
}

/* People may be told of what is on disk: of the changes before this one. */
static void release_notices(struct engine *e, uint64_t before)
{
	for (struct notice *n = e->notices->list; n; n = n->next)
		if (!n->kept && n->change < before) {
			n->kept = true;
			doors_notice(e, n);
		}
}

void engine_kept(struct engine *e, struct store_change *c)
{
	int error = ((struct change_node *)c)->error;

	e->in_flight = false;
	if (error == -ENOMEM) {
		log_error("out of memory: the collector ends; what was not judged is judged again at the next start");
		abort();
	}
	if (error < 0) {
		log_warning("the engine's rows could not be kept (%s); trying again", strerror(-error));
		e->failed = c;
		return;
	}
	checkpoints_kept(e, ((struct change_node *)c)->entry);
	change_free(c);
	release_notices(e, e->changes);
	replies_kept(e);
	probe_kept(e);
}

const char *engine_host_name(const struct engine *e, uint32_t host)
{
	const struct host *h = registry_get_host(&e->registry, host);

	return h ? h->name : host == OWN_HOST ? e->machine : "?";
}

/* ---- the loop ---- */

static void end_when_kept(struct engine *e)
{
	bool kept = !e->in_flight && !e->failed && !e->change && !e->unsaved;

	if (e->stopping && (kept || checkpoints_late(e) || clock_boot() > e->stop_by))
		event_base_loopbreak(e->loop);
}

static void drain(evutil_socket_t fd, short what, void *arg)
{
	struct engine *e = arg;
	struct node *n = queue_take(e->its.queue), *next;

	for (; n; n = next) {
		next = n->next;
		intake_message(e, n);
	}
	engine_flush(e);
	end_when_kept(e);
}

/* While we slept, or could not store, nobody could be heard: silence until now is ours (R14). */
static void forgive(struct engine *e, int64_t now)
{
	if (e->disk_full || (e->ticked && now - e->ticked > STANDSTILL))
		judge_forgive(e->judge, now);
	e->ticked = now;
}

bool engine_sign_of_life(struct engine *e)
{
	char text[32];

	if (!engine_change(e))
		return false;
	e->alive = clock_boot();
	snprintf(text, sizeof(text), "%lld", (long long)clock_wall());
	change_setting(e->change, "alive", text);
	doubt_keep(e);
	return true;
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
	struct engine *e = arg;
	int64_t wall = clock_wall(), now = clock_boot();

	if (e->failed) {
		struct store_change *c = e->failed;

		e->failed = NULL;
		hand_to_store(e, c);
	}
	forgive(e, now);
	doubt_tick(e, now);
	judge_tick(e->judge, wall, now);
	incident_tick(e->incidents, wall, now);
	escalation_tick(e->escalation, now);
	if (checkpoints_late(e))
		release_notices(e, UINT64_MAX);		/* an alarm waits for no signer (R13) */
	else
		outcome_save_waits(e);
	if (now - e->alive >= ALIVE_EVERY)
		engine_sign_of_life(e);
	renewals_tick(e, wall, now);
	replies_tick(e, now);
	enrolments_tick(e, now);
	erasing_tick(e, wall, now);
	daily_tick(e, wall);
	checkpoints_look(e);
	if (now - e->asked_again > AGAIN_EVERY) {
		e->asked_again = now;
		doors_notices_again(e);
	}
	engine_flush(e);
	end_when_kept(e);
}

void *engine_run(void *arg)
{
	struct engine *e = arg;

	if (event_base_dispatch(e->loop) < 0)
		log_error("the engine's loop ended");
	return NULL;
}

/* ---- life ---- */

static bool make_parts(struct engine *e)
{
	const struct procedure *p = e->its.site->procedure;

	e->loop = event_base_new();
	e->judge = judge_new(p->rule_list, p->rules_n, outcome_judged, e);
	e->incidents = incidents_new(outcome_incident, e);
	e->escalation = escalation_new(p->kinds, p->kinds_n, e->its.site->people, &p->times, telling_due, e);
	e->notices = calloc(1, sizeof(*e->notices));
	e->accounts = accounts_new();
	e->factors = factors_new(clock_wall());
	e->roster = roster_new();
	e->enrolments = enrolments_new();
	e->authority = authority_new();
	e->arena = arena_new(EXTRA_ROOM);
	if (!e->loop || !e->judge || !e->incidents || !e->escalation || !e->notices || !e->accounts || !e->factors || !e->roster || !e->authority ||
	    !e->enrolments || !e->arena)
		return false;
	judge_patience(e->judge, p->gone_ns, p->awaited_ns);
	return true;
}

static bool make_threads(struct engine *e, char why[256])
{
	void *reader, *copier;

	if (reader_open(e->its.store_folder, &e->reader, why) < 0 || reader_open(e->its.store_folder, &e->copier, why) < 0)
		return false;
	reader = e->reader;
	copier = e->copier;
	e->hashing = jobs_new(e->loop, HASHERS, NULL);
	e->reading = jobs_new(e->loop, 1, &reader);
	e->copying = jobs_new(e->loop, 1, &copier);
	if (e->hashing && e->reading && e->copying)
		return true;
	snprintf(why, 256, "the engine's helper threads cannot be started");
	return false;
}

static bool make_events(struct engine *e)
{
	const struct timeval second = {1, 0};

	e->queued = event_new(e->loop, queue_fd(e->its.queue), EV_READ | EV_PERSIST, drain, e);
	e->tick = event_new(e->loop, -1, EV_PERSIST, tick, e);
	return e->queued && e->tick && event_add(e->queued, NULL) == 0 && event_add(e->tick, &second) == 0 && doors_open(e) == 0;
}

int engine_new(const struct engine_setup *setup, struct engine **ret, char why[256])
{
	struct engine *e = calloc(1, sizeof(*e));
	int r = -ENOMEM;

	snprintf(why, 256, "out of memory");
	if (!e)
		return r;
	e->its = *setup;
	e->started = clock_wall();
	e->saved = e->alive = e->asked_again = clock_boot();
	e->changes = 1;
	clock_boot_id(e->doubt.boot_id);
	if (gethostname(e->machine, sizeof(e->machine) - 1) < 0 || !*e->machine)
		strcpy(e->machine, "collector");
	if (make_parts(e))
		r = restore_all(e, why);
	if (r == 0)
		r = checkpoints_open(e, why);
	if (r == 0 && (!make_threads(e, why) || !make_events(e)))
		r = -EIO;
	if (r < 0) {
		engine_free(e);
		return r;
	}
	life_begun(e, e->checkpoints.reader);
	engine_flush(e);
	*ret = e;
	return 0;
}

bool engine_knows_revoked(const struct engine *e)
{
	return e->revoked_known;
}

void engine_ready(struct engine *e)
{
	const struct launcher_tell ready = {LAUNCHER_READY};

	if (e->its.launcher >= 0)
		io_send(e->its.launcher, &ready, sizeof(ready), -1);
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	doors_close(e);
	probe_free(e);
	if (e->tick)
		event_free(e->tick);
	if (e->queued)
		event_free(e->queued);
	copy_abort(e->copier);
	jobs_free(e->copying);
	jobs_free(e->reading);
	jobs_free(e->hashing);
	reader_close(e->copier);
	reader_close(e->reader);
	checkpoints_close(e);
	change_free(e->change);
	change_free(e->failed);
	replies_pipe_gone(e, NULL);
	arena_free(e->arena);
	accounts_free(e->accounts);
	factors_free(e->factors);
	roster_free(e->roster);
	authority_free(e->authority);
	enrolments_free(e->enrolments);
	notices_free(e->notices);
	escalation_free(e->escalation);
	incidents_free(e->incidents);
	judge_free(e->judge);
	registry_clear(&e->registry);
	if (e->loop)
		event_base_free(e->loop);
	free(e);
}
