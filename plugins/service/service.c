/* service.c - systemd units, processes and endpoints: which of them work, and how well (5.8.6.3.1, 5.12.2). */
#include <beadle/plugin.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/service/endpoints.h"
#include "plugins/service/processes.h"
#include "plugins/service/targets.h"
#include "plugins/service/units.h"

#define TARGETS_MAX 256		/* of each sort */
#define GLANCE INT64_C(250000000)	/* at a name server that has already let us wait */
#define NAMES_MAX 3500		/* bytes of the list of dead units: it is a fact, and has to fit */

struct service {
	struct beadle_list *units, *processes, *endpoints;
	struct beadle_path bus;
	bool enabled_dead;

	struct units *systemd;
	struct process *process;
	struct endpoint *endpoint;
	struct addresses *addresses;
	size_t process_count, endpoint_count;
	unsigned seen;			/* processes, by procscan */
	bool names_hang;		/* in this round, the name service did not answer */
	bool scans;			/* at least one process is looked for without a pid file */
};

static const struct beadle_option options[] = {
	BEADLE_OPTION(struct service, units, "", "systemd units: ssh.service"),
	BEADLE_OPTION(struct service, enabled_dead, "no", "count the units that are enabled and do not run"),
	BEADLE_OPTION(struct service, processes, "", "processes: NAME pidfile=/path, or NAME exe=/path user=NAME"),
	BEADLE_OPTION(struct service, endpoints, "",
		"endpoints: NAME tcp=HOST:PORT or unix=/path, and send=\"...\" expect=\"...\" timeout=5s"),
	BEADLE_OPTION(struct service, bus, "/run/dbus/system_bus_socket", "socket of the system bus"),
	{0}
};

static const struct beadle_metric up = {"service_up", "boolean",
	"1: the unit is active, the process runs, the endpoint answers as expected", BEADLE_STATE};
static const struct beadle_metric state = {"service_state", "count",
	"Of a unit: 0 active, 1 starting, 2 stopping, 3 inactive, 4 failed, 5 there is no such unit", BEADLE_STATE};
static const struct beadle_metric restarts = {"service_restarts", "count",
	"Automatic restarts of the unit by systemd, since it was last started by hand", BEADLE_COUNTER};
static const struct beadle_metric response = {"service_response", "seconds",
	"From connecting to the expected answer, while the endpoint is up", BEADLE_GAUGE};
static const struct beadle_metric enabled_dead = {"service_enabled_dead", "count",
	"Units that are enabled, wanted by an active target, and do not run", BEADLE_GAUGE};
static const struct beadle_metric processes = {"service_processes", "count",
	"Running processes of the executable (and user)", BEADLE_GAUGE};
static const struct beadle_metric *const metrics[] = {
	&up, &state, &restarts, &response, &enabled_dead, &processes, NULL
};

static const struct beadle_need needs[] = {
	{BEADLE_NEED_READ, "option:processes", "to read their pid files"},
	{BEADLE_NEED_SOCKET, "option:bus", "the same, where it is elsewhere"},
	{BEADLE_NEED_SOCKET, "/run/dbus/system_bus_socket", "to ask systemd for the state of its units"},
	{BEADLE_NEED_SERVICE, "procscan", "to see the executables of other users' processes"},
	{BEADLE_NEED_NET, "tcp:*:endpoints", "to connect to the endpoints"},
	{0}
};

/* ---- open: the lists are read once ---- */

static int too_many(struct beadle_ctx *ctx, const char *option, size_t n)
{
	if (n <= TARGETS_MAX)
		return 0;
	return beadle_refuse(ctx, option, TARGETS_MAX, "%zu members: expected at most %d", n, TARGETS_MAX);
}

/* Every wrong line is told, not just the first. */
static int open_processes(struct beadle_ctx *ctx, struct service *s)
{
	size_t n = beadle_list_count(s->processes);
	char why[WORDS_WHY];
	int error = too_many(ctx, "processes", n);

	if (error)
		return error;
	s->process = calloc(n + 1, sizeof(*s->process));
	if (!s->process)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct process *p = &s->process[s->process_count];
		int r = target_process(beadle_list_get(s->processes, i), p, why);

		if (r == -EINVAL)
			beadle_refuse(ctx, "processes", i, "%s", why);
		error = r ? r : error;
		s->process_count += !r;
		s->scans |= !r && !p->pidfile;
	}
	return error;
}

static int open_endpoints(struct beadle_ctx *ctx, struct service *s)
{
	size_t n = beadle_list_count(s->endpoints);
	char why[WORDS_WHY];
	int error = too_many(ctx, "endpoints", n);

	if (error)
		return error;
	s->endpoint = calloc(n + 1, sizeof(*s->endpoint));
	s->addresses = calloc(n + 1, sizeof(*s->addresses));
	if (!s->endpoint || !s->addresses)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int r = target_endpoint(beadle_list_get(s->endpoints, i), &s->endpoint[s->endpoint_count], why);

		if (r == -EINVAL)
			beadle_refuse(ctx, "endpoints", i, "%s", why);
		error = r ? r : error;
		s->endpoint_count += !r;
	}
	return error;
}

/* The name of the i-th of all services; `at` becomes its place in the option that it stands in. */
static const char *name_of(const struct service *s, size_t i, const char **ret_option, size_t *ret_at)
{
	size_t units = beadle_list_count(s->units);

	*ret_option = i < units ? "units" : i - units < s->process_count ? "processes" : "endpoints";
	*ret_at = i < units ? i : i - units < s->process_count ? i - units : i - units - s->process_count;
	if (i < units)
		return beadle_list_get(s->units, i);
	return i - units < s->process_count ? s->process[*ret_at].name : s->endpoint[*ret_at].name;
}

/* Two of one name would be one series. */
static int refuse_twins(struct beadle_ctx *ctx, const struct service *s)
{
	size_t n = beadle_list_count(s->units) + s->process_count + s->endpoint_count, at;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++) {
			const char *option, *other, *name = name_of(s, j, &other, &at);

			if (!strcmp(name_of(s, i, &option, &at), name))
				return beadle_refuse(ctx, option, at, "two services are named \"%.60s\": "
						     "expected a name of its own for each", name);
		}
	return 0;
}

static int open_service(struct beadle_ctx *ctx, void *arg)
{
	struct service *s = arg;
	int errors[] = {too_many(ctx, "units", beadle_list_count(s->units)), open_processes(ctx, s), open_endpoints(ctx, s)};

	for (size_t i = 0; i < 3; i++)
		if (errors[i])
			return errors[i];
	return refuse_twins(ctx, s);
}

/* ---- collect ---- */

struct names { size_t count, size; char text[NAMES_MAX + 8]; };

static void add_name(const char *name, void *arg)
{
	struct names *names = arg;

	names->count++;
	if (names->size + strlen(name) + 1 < NAMES_MAX)
		names->size += (size_t)snprintf(names->text + names->size, NAMES_MAX - names->size, "%s%s",
						names->size ? " " : "", name);
}

static int collect_unit(struct beadle_ctx *ctx, struct service *s, const char *name)
{
	struct unit unit;
	int error = units_get(s->systemd, name, &unit);

	if (error)
		return error;
	beadle_put(ctx, &up, unit.state == UNIT_ACTIVE, {"service", name});
	beadle_put(ctx, &state, unit.state, {"service", name});
	if (unit.has_restarts)
		beadle_put(ctx, &restarts, unit.restarts, {"service", name});
	beadle_fact(ctx, "service_detail", unit.detail, {"service", name});
	return 0;
}

static int collect_systemd(struct beadle_ctx *ctx, struct service *s)
{
	struct names dead = {0};
	int error = s->systemd ? 0 : units_open(s->bus.name ? s->bus.name : "", &s->systemd);

	for (size_t i = 0; !error && i < beadle_list_count(s->units); i++)
		error = collect_unit(ctx, s, beadle_list_get(s->units, i));
	if (error || !s->enabled_dead)
		return error;
	error = units_enabled_dead(s->systemd, add_name, &dead);
	if (error)
		return error;
	beadle_put(ctx, &enabled_dead, (double)dead.count);
	beadle_fact(ctx, "service_enabled_dead", dead.count ? dead.text : "none");
	return 0;
}

/* A connection that broke (the bus was restarted) is opened anew, once; what was put before is put again. */
static void collect_units(struct beadle_ctx *ctx, struct service *s)
{
	bool was_open = s->systemd;
	int error = collect_systemd(ctx, s);

	/* Asked for by name they are missed; without systemd there is nothing that could be enabled. */
	if (error == -ENOENT && !beadle_list_count(s->units) && !units_booted()) {
		beadle_fact(ctx, "service_enabled_dead", "systemd does not run here");
		return;
	}
	if (error && was_open) {
		units_close(s->systemd);
		s->systemd = NULL;
		error = collect_systemd(ctx, s);
	}
	if (!error)
		return;
	units_close(s->systemd);
	s->systemd = NULL;
	beadle_skip(ctx, -error, "systemd over D-Bus");
}

static void count_process(const struct beadle_process *p, void *arg)
{
	struct service *s = arg;

	s->seen++;
	if (p->exe)
		processes_count(s->process, s->process_count, p->exe, p->uid);
}

static int scan(struct beadle_ctx *ctx, struct service *s)
{
	int error = -EPERM;

	s->seen = 0;
	processes_begin(s->process, s->process_count);
	if (beadle_granted(ctx, BEADLE_NEED_SERVICE, "procscan"))
		error = beadle_processes(ctx, count_process, s);
	if (!error && s->seen == 0)	/* there is always one: us */
		error = -EIO;
	if (error == -EPERM)
		error = processes_scan(s->process, s->process_count);
	return error < 0 ? error : 0;
}

static void collect_processes(struct beadle_ctx *ctx, struct service *s)
{
	int scanned = s->scans ? scan(ctx, s) : 0;

	if (scanned)
		beadle_skip(ctx, -scanned, "processes");
	for (size_t i = 0; i < s->process_count; i++) {
		struct process *p = &s->process[i];
		bool runs = p->found > 0;
		int error = p->pidfile ? processes_pidfile(p, &runs) : scanned;

		if (error) {
			if (p->pidfile)
				beadle_skip(ctx, -error, p->pidfile);
			continue;
		}
		beadle_put(ctx, &up, runs, {"service", p->name});
		if (!p->pidfile)
			beadle_put(ctx, &processes, p->found, {"service", p->name});
	}
}

static int guarded_resolve(const void *e, void *out, size_t size)
{
	return endpoints_resolve(e, out);
}

/* What can hang in the name service is asked in a child; after one that did, the others get a glance each. A name that does not
 * exist is down; one that nobody could look up is not known to be. */
static void resolve(struct beadle_ctx *ctx, struct service *s, struct endpoint *e, struct addresses *ret)
{
	struct beadle_duration wait = {s->names_hang && e->timeout > GLANCE ? GLANCE : e->timeout};
	int error = e->path || e->numeric ? endpoints_resolve(e, ret) :
		beadle_guard(ctx, e->name, guarded_resolve, e, ret, sizeof(*ret), wait);

	e->up = false;
	e->unknown = error && error != -EHOSTUNREACH;
	s->names_hang |= error == -ETIMEDOUT;
	snprintf(e->detail, sizeof(e->detail), "the host's name is not known");
	if (e->unknown)
		beadle_skip(ctx, -error, e->name);
	if (error)
		ret->count = 0;
}

static int collect_endpoints(struct beadle_ctx *ctx, struct service *s)
{
	int error;

	s->names_hang = false;
	for (size_t i = 0; i < s->endpoint_count; i++)
		resolve(ctx, s, &s->endpoint[i], &s->addresses[i]);
	error = endpoints_run(s->endpoint, s->addresses, s->endpoint_count);
	if (error)
		return error;
	for (size_t i = 0; i < s->endpoint_count; i++) {
		struct endpoint *e = &s->endpoint[i];

		if (e->unknown)
			continue;
		beadle_put(ctx, &up, e->up, {"service", e->name});
		if (e->up)
			beadle_put(ctx, &response, e->response, {"service", e->name});
		beadle_fact(ctx, "service_detail", e->detail, {"service", e->name});
	}
	return 0;
}

static int collect(struct beadle_ctx *ctx, void *arg)
{
	struct service *s = arg;

	if (beadle_list_count(s->units) || s->enabled_dead)
		collect_units(ctx, s);
	if (s->process_count)
		collect_processes(ctx, s);
	return s->endpoint_count ? collect_endpoints(ctx, s) : 0;
}

static void close_service(void *arg)
{
	struct service *s = arg;

	units_close(s->systemd);
	for (size_t i = 0; i < s->process_count; i++)
		target_free_process(&s->process[i]);
	for (size_t i = 0; i < s->endpoint_count; i++)
		target_free_endpoint(&s->endpoint[i]);
	free(s->process);
	free(s->endpoint);
	free(s->addresses);
}

BEADLE_PLUGIN(service, .version = "0.1.0", .help = "Systemd units, processes and endpoints: which work, and how well",
	.state_size = sizeof(struct service), .options = options, .metrics = metrics, .needs = needs,
	.open = open_service, .collect = collect, .close = close_service);
