#include "config.h"

#include "agent/core/hosts_inside.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "agent/core/report.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/plughost.h"
#include "lib/vec.h"

#define START_PATIENCE (10 * NS_PER_S)	/* of the template, and of a module's opening */
#define STOP_PATIENCE (5 * NS_PER_S)
#define IDLE_MOST (20 * NS_PER_S)	/* memory is given back between the rounds of a minute; faster checks keep theirs */
#define PAUSE_FIRST NS_PER_S		/* before the next start after a failure; doubles */
#define PAUSE_MOST (60 * NS_PER_S)
#define AHEAD 16u			/* rounds asked of a host before the first is in */
#define ARENA_CEILING (8u * 1024 * 1024)

static void go(struct host *h, int64_t now);

const char *host_name(const struct host *h)
{
	const Host__Plan *plan = checks_plan(h->all->checks);

	for (size_t i = 0; i < plan->n_checks; i++)
		if (plan->checks[i]->plugin == h->plugin)
			return plan->checks[i]->plugin_name;
	return "(removed)";
}

static void enter(struct host *h, enum host_state state, int64_t now, int64_t patience)
{
	h->state = state;
	h->since = now;
	h->deadline = patience == LOOP_NEVER ? LOOP_NEVER : now + patience;
}

static int ask(struct host *h, uint32_t what)
{
	struct template_ask a = {what, h->plugin, h->serial};

	return io_send(h->all->template, &a, sizeof(a), -1);
}

/* ---- rounds ---- */

static struct check *take_first(struct host *h)
{
	struct check *check = h->queue;

	DL_DELETE(h->queue, check);
	h->running = false;
	check->run = 0;
	return check;
}

static void fail_first(struct host *h, Wire__Outcome outcome, const char *why, int64_t now)
{
	int64_t took = h->running && h->since < now ? now - h->since : 0;
	struct check *check = take_first(h);
	Wire__Record record;

	report_failure(check, outcome, why, took, &record);
	log_warning("check %s: %s", check->spec->name, why);
	outbox_measured(h->all->outbox, &record, now);
	checks_done(h->all->checks, check);
}

static void fail_all(struct host *h, Wire__Outcome outcome, const char *why, int64_t now)
{
	while (h->queue)
		fail_first(h, outcome, why, now);
}

void host_done(struct host *h, const Wire__Record *record)
{
	struct check *check = take_first(h);
	int64_t now = clock_boot();

	h->served = true;
	outbox_measured(h->all->outbox, record, now);
	checks_done(h->all->checks, check);
	enter(h, HOST_LIVE, now, LOOP_NEVER);
	go(h, now);
}

/* The local options, and over them what the collector may set and did. */
static int configure(struct host *h, struct check *check)
{
	Host__ToHost message = HOST__TO_HOST__INIT;
	Host__Configure configure = HOST__CONFIGURE__INIT;
	const Wire__AssignedCheck *a = check->assigned;
	VEC(Host__Option *) options = {0};
	size_t n_assigned = a ? a->n_options : 0;
	FREE Host__Option *assigned = calloc(n_assigned + 1, sizeof(*assigned));
	int r = assigned ? 0 : -ENOMEM;

	for (size_t i = 0; i < check->spec->n_options && r == 0; i++) {
		bool over = false;
		Host__Option **place;

		for (size_t k = 0; k < n_assigned; k++)
			over |= !strcmp(a->options[k]->name, check->spec->options[i]->name);
		place = over ? NULL : vec_push(&options);
		if (place)
			*place = check->spec->options[i];
		else if (!over)
			r = -ENOMEM;
	}
	for (size_t k = 0; k < n_assigned && r == 0; k++) {
		Host__Option **place = vec_push(&options);

		host__option__init(&assigned[k]);
		assigned[k].name = a->options[k]->name;
		assigned[k].value = a->options[k]->value;
		assigned[k].file = (char *)"(assigned by the collector)";
		if (place)
			*place = &assigned[k];
		else
			r = -ENOMEM;
	}
	configure.check = check->number;
	configure.name = check->spec->name;
	configure.options = options.at;
	configure.n_options = options.n;
	configure.granted = check->spec->granted;
	configure.n_granted = check->spec->n_granted;
	message.message_case = HOST__TO_HOST__MESSAGE_CONFIGURE;
	message.configure = &configure;
	if (r == 0)
		r = pipe_send(&h->pipe, &message.base);
	vec_free(&options);
	free(TAKE(check->problem));
	check->configured = h->serial;
	return r;
}

static int ask_round(struct host *h, struct check *check)
{
	Host__ToHost message = HOST__TO_HOST__INIT;
	Host__Run run = HOST__RUN__INIT;
	int r = check->configured == h->serial ? 0 : configure(h, check);

	run.check = check->number;
	run.run = check->run = ++h->run;
	message.message_case = HOST__TO_HOST__MESSAGE_RUN;
	message.run = &run;
	return r < 0 ? r : pipe_send(&h->pipe, &message.base);
}

/* Asks for several rounds ahead: the host takes them one after the other, without waiting for us in between. The time of each counts from
 * the moment it is the first. */
static void run_queue(struct host *h, int64_t now)
{
	struct check *check;
	unsigned ahead = 0;
	int r = 0;

	DL_FOREACH(h->queue, check) {
		if (r == 0 && !check->run && !h->stale)
			r = ask_round(h, check);
		if (r < 0 || !check->run || ++ahead == AHEAD)
			break;
	}
	if (r < 0) {
		host_kill(h, WIRE__OUTCOME__CRASHED, "its process does not listen: %s", strerror(-r));
		return;
	}
	if (h->running || !h->queue || !h->queue->run)
		return;
	h->running = true;
	enter(h, HOST_LIVE, now, (int64_t)h->queue->spec->timeout_ns);
}

/* ---- lives ---- */

static void end_pipe(struct host *h)
{
	pipe_close(&h->pipe);
	h->held.until = 0;
}

static void broken(void *arg, const char *why)
{
	struct host *h = arg;

	if (why)
		host_kill(h, WIRE__OUTCOME__CRASHED, "its process %s, and was ended", why);
	else {
		end_pipe(h);
		if (h->state == HOST_LIVE)
			enter(h, HOST_STOPPING, clock_boot(), STOP_PATIENCE);
	}
}

void host_kill(struct host *h, Wire__Outcome outcome, const char *format, ...)
{
	va_list ap;

	if (h->state == HOST_NONE || h->state == HOST_KILLING || h->state == HOST_STUCK)
		return;
	h->outcome = outcome;
	va_start(ap, format);
	vsnprintf(h->why, sizeof(h->why), format, ap);
	va_end(ap);
	end_pipe(h);
	ask(h, TEMPLATE_KILL);
	enter(h, HOST_KILLING, clock_boot(), STOP_PATIENCE);
}

static void start(struct host *h, int64_t now)
{
	h->serial = ++h->all->serial;
	h->generation = checks_generation(h->all->checks);
	h->told = h->watches = h->stale = h->served = false;
	h->outcome = WIRE__OUTCOME__OK;
	h->why[0] = 0;
	if (ask(h, TEMPLATE_START) == 0)
		enter(h, HOST_STARTING, now, START_PATIENCE);
}

static void stop(struct host *h, int64_t now)
{
	Host__ToHost message = HOST__TO_HOST__INIT;
	Host__Stop end = HOST__STOP__INIT;

	message.message_case = HOST__TO_HOST__MESSAGE_STOP;
	message.stop = &end;
	if (pipe_send(&h->pipe, &message.base) < 0)
		ask(h, TEMPLATE_KILL);
	enter(h, HOST_STOPPING, now, STOP_PATIENCE);
}

/* Takes the next step that the host's state allows. */
static void go(struct host *h, int64_t now)
{
	if (h->state == HOST_NONE && h->queue && now >= h->not_before)
		start(h, now);
	if (h->state == HOST_LIVE && h->queue)
		run_queue(h, now);
	if (h->state == HOST_LIVE && h->stale && !h->running)
		stop(h, now);
}

void hosts_run(struct hosts *all, struct check *check, int64_t now)
{
	struct host *h = all->by_plugin[check->spec->plugin];

	if (check->queued)
		return;
	if (!h) {
		h = calloc(1, sizeof(*h));
		if (!h)
			return;
		*h = (struct host){.all = all, .plugin = check->spec->plugin, .deadline = LOOP_NEVER,
				   .pipe = {.fd = -1, .frame = told_frame, .broken = broken, .arg = h}};
		all->by_plugin[check->spec->plugin] = h;
	}
	check->queued = true;
	DL_APPEND(h->queue, check);
	if (h->state == HOST_STUCK)
		fail_all(h, WIRE__OUTCOME__TIMED_OUT, "the process of its last round hangs in the kernel, and cannot be ended", now);
	else
		go(h, now);
}

/* ---- what the template says ---- */

static void pause_starts(struct host *h, int64_t now)
{
	int64_t pause = PAUSE_FIRST << (h->failures < 6 ? h->failures : 6);

	h->failures++;
	h->not_before = now + (pause < PAUSE_MOST ? pause : PAUSE_MOST);
}

static void on_started(struct host *h, int fd, int64_t now)
{
	if (pipe_open(&h->pipe, h->all->loop, fd) < 0) {
		host_kill(h, WIRE__OUTCOME__FAILED, "no memory for its pipe");
		return;
	}
	enter(h, HOST_LIVE, now, LOOP_NEVER);
	go(h, now);
}

/* One that lived when its plugin was watching, or opening its module, is told by one of its checks. */
static void tell_end(struct host *h, bool asked, const char *why, int64_t now)
{
	if (h->running)
		fail_first(h, h->outcome, why, now);
	else if (h->outcome == WIRE__OUTCOME__REFUSED || (h->queue && !asked))
		fail_all(h, h->outcome, why, now);
	else if (!asked)
		log_warning("plugin %s: %s between its rounds", host_name(h), why);
}

/* Those that were asked for ahead are asked of the next host. */
static void forget_rounds(struct host *h)
{
	struct check *check;

	DL_FOREACH(h->queue, check)
		check->run = 0;
}

void host_renew(struct host *h)
{
	h->running = false;
	h->stale = true;
	forget_rounds(h);
	go(h, clock_boot());
}

static void on_ended(struct host *h, const struct template_tell *t, int64_t now)
{
	bool asked = h->state == HOST_STOPPING && !h->running && h->outcome == WIRE__OUTCOME__OK && t->status == 0;
	char words[64];

	told_last_words(h);
	end_pipe(h);
	if (h->outcome == WIRE__OUTCOME__OK && !asked) {
		h->outcome = WIRE__OUTCOME__CRASHED;
		snprintf(h->why, sizeof(h->why), "its process ended: %s", plughost_words(t->status, words));
	}
	if (!asked)
		pause_starts(h, now);
	tell_end(h, asked, h->why, now);
	h->running = false;
	forget_rounds(h);
	h->outcome = WIRE__OUTCOME__OK;
	enter(h, HOST_NONE, now, LOOP_NEVER);
	go(h, now);
}

static void on_refused(struct host *h, const struct template_tell *t, int64_t now)
{
	char why[sizeof(t->why) + 1];

	snprintf(why, sizeof(why), "%.*s", (int)sizeof(t->why), t->why);
	enter(h, HOST_NONE, now, LOOP_NEVER);
	pause_starts(h, now);
	fail_all(h, WIRE__OUTCOME__REFUSED, why, now);
}

static void on_template(void *arg, int events)
{
	struct hosts *all = arg;
	struct template_tell t;
	CLOSE int fd = -1;
	ssize_t k = io_receive(all->template, &t, sizeof(t), &fd);
	struct host *h = k == sizeof(t) && t.plugin < PLUGINS_MAX ? all->by_plugin[t.plugin] : NULL;
	int64_t now = clock_boot();

	if (k <= 0) {
		all->lost = true;
		loop_change(all->watch, 0);
	}
	if (!h || t.serial != h->serial)
		return;
	if (t.what == TEMPLATE_STARTED && h->state == HOST_STARTING && fd >= 0)
		on_started(h, TAKE_FD(fd), now);
	else if (t.what == TEMPLATE_ENDED && h->state != HOST_NONE)
		on_ended(h, &t, now);
	else if (t.what == TEMPLATE_REFUSED && h->state == HOST_STARTING)
		on_refused(h, &t, now);
}

/* ---- all of them ---- */

struct hosts *hosts_new(struct loop *loop, int template, struct checks *checks, struct outbox *outbox)
{
	struct hosts *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	*all = (struct hosts){.loop = loop, .template = template, .checks = checks, .outbox = outbox};
	all->arena = arena_new(ARENA_CEILING);
	all->watch = loop_watch(loop, template, LOOP_READ, on_template, all);
	if (all->arena && all->watch)
		return all;
	hosts_free(all);
	return NULL;
}

void hosts_free(struct hosts *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < PLUGINS_MAX; i++) {
		if (all->by_plugin[i]) {
			told_last_words(all->by_plugin[i]);
			end_pipe(all->by_plugin[i]);
		}
		free(all->by_plugin[i]);
	}
	loop_unwatch(all->watch);
	arena_free(all->arena);
	free(all);
}

void hosts_renew(struct hosts *all, uint32_t plugin)
{
	if (plugin < PLUGINS_MAX && all->by_plugin[plugin])
		all->by_plugin[plugin]->stale = true;
}

int hosts_lost(const struct hosts *all)
{
	return all->lost;
}

/* When the host itself wants something; LOOP_NEVER when only others do. */
static int64_t wake_of(const struct host *h)
{
	if (h->held.until)
		return h->held.until;
	if (h->state == HOST_NONE)
		return h->queue ? h->not_before : LOOP_NEVER;
	if (h->state == HOST_LIVE && !h->running)
		return h->stale ? h->since : h->watches ? LOOP_NEVER : h->since + IDLE_MOST;
	return h->deadline;
}

int64_t hosts_wake(const struct hosts *all)
{
	int64_t wake = LOOP_NEVER;

	for (size_t i = 0; i < PLUGINS_MAX; i++)
		if (all->by_plugin[i] && wake_of(all->by_plugin[i]) < wake)
			wake = wake_of(all->by_plugin[i]);
	return wake;
}

static void overdue(struct host *h, int64_t now)
{
	if (h->state == HOST_NONE)
		go(h, now);
	else if (h->state == HOST_STARTING) {
		ask(h, TEMPLATE_KILL);
		enter(h, HOST_KILLING, now, STOP_PATIENCE);
		h->outcome = WIRE__OUTCOME__TIMED_OUT;
		snprintf(h->why, sizeof(h->why), "its process did not start within 10 s");
	} else if (h->state == HOST_LIVE && h->running)
		host_kill(h, WIRE__OUTCOME__TIMED_OUT, "no result within its timeout: its process was ended");
	else if (h->state == HOST_LIVE)
		stop(h, now);
	else if (h->state == HOST_STOPPING)
		host_kill(h, WIRE__OUTCOME__CRASHED, "its process did not end when told to");
	else {
		enter(h, HOST_STUCK, now, LOOP_NEVER);
		fail_all(h, h->outcome, h->why, now);
	}
}

void hosts_tick(struct hosts *all, int64_t now)
{
	for (size_t i = 0; i < PLUGINS_MAX; i++) {
		if (!all->by_plugin[i])
			continue;
		told_resume(all->by_plugin[i], now);
		if (wake_of(all->by_plugin[i]) <= now)
			overdue(all->by_plugin[i], now);
	}
	for (size_t i = 0; i < PLUGINS_MAX; i++) {
		struct host *h = all->by_plugin[i];

		if (h && h->pipe.n_out && h->pipe.fd >= 0 && pipe_flush(&h->pipe) < 0)
			broken(h, NULL);
	}
}
