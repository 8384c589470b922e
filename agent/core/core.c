#include "config.h"

#include "agent/core/core.h"

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/core/check.h"
#include "agent/core/hello.h"
#include "agent/core/hosts.h"
#include "agent/core/loop.h"
#include "agent/core/outbox.h"
#include "agent/core/plan.h"
#include "agent/core/uplink.h"
#include "agent/template.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/confine.h"
#include "lib/identity.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/renewal.h"

#define QUIET (5 * NS_PER_S)	/* after so long without a round, memory goes back to the system */
#define LOOK_EVERY (5 * NS_PER_S)

struct core {
	int launcher;
	bool stop;
	struct loop *loop;
	struct watch *watch;
	struct outbox *outbox;
	struct checks *checks;
	struct hosts *hosts;
	struct uplink *uplink;
	int64_t trim, looked;
	struct stat identity;		/* the folder that the walls leave open; zeros: there was none */
};

static void on_changed(void *arg, uint32_t plugin)
{
	struct core *core = arg;

	hosts_renew(core->hosts, plugin);
}

static void on_first(void *arg, uint32_t plugin)
{
}

static void reload(struct core *core, int fd)
{
	int64_t now = clock_boot();
	struct plan *plan;
	char why[256];

	if (plan_read(fd, &plan, why) < 0) {
		log_error("the new plan is refused, and the old one goes on: %s", why);
		return;
	}
	if (strcmp(plan_of(plan)->state, checks_plan(core->checks)->state))
		log_warning("state: a new folder is used after the next start");
	if (checks_load(core->checks, plan, now, on_changed, core) < 0)
		log_error("not every check of the new plan could be taken: no memory, or more than %u have ever been", DICTIONARY_CHECKS);
	outbox_set_sync(core->outbox, (int64_t)plan_of(plan)->sync_ns);
	plan_unref(plan);
	uplink_renew(core->uplink, now);
	log_info("configuration reloaded: %zu checks", checks_count(core->checks));
}

static void on_launcher(void *arg, int events)
{
	struct core *core = arg;
	struct core_tell tell;
	CLOSE int fd = -1;
	ssize_t k = io_receive(core->launcher, &tell, sizeof(tell), &fd);

	if (k <= 0 || (k == sizeof(tell) && tell.what == CORE_STOP))
		core->stop = true;
	else if (k == sizeof(tell) && tell.what == CORE_PLAN && fd >= 0)
		reload(core, fd);
}

/* The id decides the phase of the checks; without a certificate the agent measures all the same. */
static void agent_id(const char *identity, char id[64])
{
	char why[256];
	int r = renewal_recover(identity);
	SSL_CTX *ctx = identity_context(identity, 0, why);

	id[0] = 0;
	if (r < 0)
		log_error("%s: the renewed certificate cannot be put in its place: %s", identity, strerror(-r));
	if (!ctx)
		log_error("%s; results are kept until this is mended (a server gets its identity by beadle enroll)", why);
	else if (hello_agent(ctx, id) < 0)
		log_error("%s/cert.pem names no agent; results are kept until this is mended", identity);
	SSL_CTX_free(ctx);
}

static int start(struct core *core, int template, struct plan *plan)
{
	const Host__Plan *its = plan_of(plan);
	const struct outbox_room room = {its->spool_measurements, its->spool_events, its->spool_kept};
	int r = outbox_open(its->state, &room, (int64_t)its->sync_ns, &core->outbox);
	char id[64];

	if (r < 0) {
		log_error("cannot open the spool in %s: %s", its->state, strerror(-r));
		return r;
	}
	agent_id(its->identity, id);
	core->loop = loop_new();
	core->checks = checks_new(id, outbox_dictionary(core->outbox));
	if (!core->loop || !core->checks)
		return -ENOMEM;
	r = checks_load(core->checks, plan, clock_boot(), on_first, core);
	if (r < 0)
		log_error("not every check could be taken: %s", strerror(-r));
	core->hosts = hosts_new(core->loop, template, core->checks, core->outbox);
	core->uplink = uplink_new(core->loop, id, core->checks, core->outbox);
	core->watch = loop_watch(core->loop, core->launcher, LOOP_READ, on_launcher, core);
	return core->hosts && core->uplink && core->watch ? 0 : -ENOMEM;
}

/* ---- walls ---- */

static void identity_folder(const struct core *core, struct stat *ret)
{
	if (stat(checks_plan(core->checks)->identity, ret) < 0)
		*ret = (struct stat){0};
}

static int enter_walls(struct core *core, const Host__Plan *plan)
{
	const struct confine_path paths[] = {{plan->state, LANDLOCK_WRITE}, {plan->identity, LANDLOCK_WRITE}};
	char why[CONFINE_WHY];
	int r;

	identity_folder(core, &core->identity);
	r = confine_enter(CONFINE_CORE, paths, 2, why);
	if (r < 0)
		log_error("%s", why);
	else if (confine_missing(why))
		log_notice("this kernel leaves to users and modes: %s", why);
	return r;
}

/* Walls are around folders, not names. One that was copied here, replaced, or named by a new configuration needs new walls. */
static void look_at_identity(struct core *core, int64_t now)
{
	struct stat st;

	if (now - core->looked < LOOK_EVERY)
		return;
	core->looked = now;
	identity_folder(core, &st);
	if (!st.st_ino || (st.st_ino == core->identity.st_ino && st.st_dev == core->identity.st_dev))
		return;
	log_notice("%s is another folder than at the start: the core starts again to see it", checks_plan(core->checks)->identity);
	core->stop = true;
}

/* In the reverse order. What is measured is made durable; what was not acknowledged goes out after the next start. */
static int end(struct core *core)
{
	int r;

	loop_unwatch(core->watch);
	uplink_free(core->uplink);
	hosts_free(core->hosts);
	r = outbox_close(core->outbox);
	if (r < 0)
		log_error("cannot close the spool: %s", strerror(-r));
	checks_free(core->checks);
	loop_free(core->loop);
	return r;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void run_due(struct core *core, int64_t now)
{
	struct check *check;

	while ((check = checks_due(core->checks, now))) {
		hosts_run(core->hosts, check, now);
		core->trim = now + QUIET;
	}
}

static void tick(struct core *core, int64_t now)
{
	run_due(core, now);
	hosts_tick(core->hosts, now);
	if (outbox_tick(core->outbox, now))
		uplink_pump(core->uplink, now);
	uplink_tick(core->uplink, now);
	look_at_identity(core, now);
	if (core->trim <= now) {
		malloc_trim(0);
		core->trim = LOOP_NEVER;
	}
}

static int64_t wake(const struct core *core)
{
	int64_t at = earlier(checks_wake(core->checks), hosts_wake(core->hosts));

	at = earlier(at, earlier(outbox_wake(core->outbox), uplink_wake(core->uplink)));
	return earlier(at, core->trim);
}

int core_serve(int launcher, int template, int plan_fd)
{
	struct core core = {.launcher = launcher, .trim = LOOP_NEVER};
	struct plan *plan;
	char why[256];
	int r = plan_read(plan_fd, &plan, why);

	close(plan_fd);
	if (r < 0) {
		log_error("the plan is refused: %s", why);
		return 1;
	}
	r = start(&core, template, plan);
	if (r == 0)
		r = enter_walls(&core, plan_of(plan));
	plan_unref(plan);
	while (r == 0 && !core.stop && !hosts_lost(core.hosts)) {
		tick(&core, clock_boot());
		r = loop_once(core.loop, wake(&core));
	}
	if (r == 0 && !core.stop) {
		log_error("the template of the plugins' hosts is gone");
		r = -EPIPE;
	}
	if (end(&core) < 0 || r < 0)
		return 1;
	return 0;
}
