/* clock.c - how far this machine's clock is from the school's, and who keeps it (5.6.4.1, 5.7.3). */
#include <beadle/plugin.h>

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "plugins/clock/daemon.h"
#include "plugins/clock/query.h"

#define SECOND INT64_C(1000000000)
#define RESOLVE_WAIT (10 * SECOND)
#define PROGRAM_WAIT (10 * SECOND)
#define OUTPUT_MAX 65536
#define CHRONYC "/usr/bin/chronyc"
#define NTPQ "/usr/bin/ntpq"
#define TIMEDATECTL "/usr/bin/timedatectl"

#define HOST_MAX 255

struct clock {
	struct beadle_endpoint server, chrony;
	struct beadle_list *references;
	int64_t samples;
	struct beadle_duration wait;
};

static const struct beadle_option options[] = {
	BEADLE_OPTION(struct clock, server, "", "the school's reference time server, such as ntp.school.example:123"),
	BEADLE_OPTION(struct clock, references, "",
		      "other names under which a time daemon may rightly show its source"),
	BEADLE_OPTION(struct clock, samples, "4",
		      "questions to the server in a round, 1 to 16; the answer with the shortest way counts"),
	BEADLE_OPTION(struct clock, wait, "1s", "for each answer"),
	BEADLE_OPTION(struct clock, chrony, "", "where chronyd takes commands, when not where chronyc looks by itself"),
	{0}
};

#define METRIC(id, name, unit, kind, help) static const struct beadle_metric id = {name, unit, help, kind}
METRIC(offset, "clock_offset", "seconds", BEADLE_GAUGE,
       "Reference clock minus this machine's; positive: this one is behind");
METRIC(offset_abs, "clock_offset_abs", "seconds", BEADLE_GAUGE, "The same without its sign");
METRIC(dispersion, "clock_dispersion", "seconds", BEADLE_GAUGE,
       "At most so far is clock_offset from the truth: half of the ways to the server and on to its source, and the "
       "server's dispersion");
METRIC(delay, "clock_delay", "seconds", BEADLE_GAUGE, "Way to the reference server and back");
METRIC(jitter, "clock_jitter", "seconds", BEADLE_GAUGE, "Spread of the offsets in this round");
METRIC(stratum, "clock_stratum", "count", BEADLE_GAUGE, "Of the reference server");
METRIC(sync_age, "clock_sync_age", "seconds", BEADLE_GAUGE,
	"Since the time daemon last took the time from its source; since the boot, where nothing ever did");
METRIC(synchronised, "clock_synchronised", "boolean", BEADLE_STATE, "The kernel believes its clock (adjtimex)");
METRIC(kernel_error, "clock_kernel_error", "seconds", BEADLE_GAUGE, "Largest error that the kernel believes possible");
METRIC(source_ok, "clock_source_ok", "boolean", BEADLE_STATE,
       "The time daemon's selected source is the school's reference");
static const struct beadle_metric *const metrics[] = {
	&offset, &offset_abs, &dispersion, &delay, &jitter, &stratum, &sync_age, &synchronised, &kernel_error,
	&source_ok, NULL
};

static const struct beadle_need needs[] = {
	{BEADLE_NEED_NET, "udp:123:server", "to ask the reference server for the time"},
	{BEADLE_NEED_NET, "udp:323", "chronyc and ntpq ask the daemons of this machine by datagrams"},
	{BEADLE_NEED_SOCKET, "/run/dbus/system_bus_socket", "timedatectl asks over the system bus"},
	{BEADLE_NEED_PROGRAM, CHRONYC, "to ask chrony for its source and its last synchronisation"},
	{BEADLE_NEED_PROGRAM, NTPQ, "to ask ntpd for the same"},
	{BEADLE_NEED_PROGRAM, TIMEDATECTL, "to ask systemd-timesyncd for the same"},
	{0}
};

/* ---- the reference server ---- */

struct resolve { char host[256]; uint16_t port; };

static int resolve_guarded(const void *arg, void *out, size_t size)
{
	const struct resolve *what = arg;

	return query_resolve(what->host, what->port, out);
}

/* Under the guard: a resolver whose servers are gone takes its time. */
static int resolve(struct beadle_ctx *ctx, const char *host, uint16_t port, struct query_addresses *ret)
{
	struct resolve what = {.port = port};

	if (snprintf(what.host, sizeof(what.host), "%s", host) >= (int)sizeof(what.host))
		return -ENAMETOOLONG;
	return beadle_guard(ctx, host, resolve_guarded, &what, ret, sizeof(*ret),
			    (struct beadle_duration){RESOLVE_WAIT});
}

static void put_reply(struct beadle_ctx *ctx, const char *source, const struct query_result *result)
{
	const struct sntp_reply *best = &result->best;
	double seconds = (double)best->offset / 1e9, way = (double)best->delay / 1e9;

	beadle_put(ctx, &offset, seconds, {"source", source});
	beadle_put(ctx, &offset_abs, fabs(seconds), {"source", source});
	beadle_put(ctx, &delay, way, {"source", source});
	beadle_put(ctx, &dispersion, way / 2 + best->root_delay / 2 + best->root_dispersion, {"source", source});
	beadle_put(ctx, &jitter, result->jitter, {"source", source});
	beadle_put(ctx, &stratum, best->stratum, {"source", source});
}

static void tell_refusal(struct beadle_ctx *ctx, const char *host, const struct query_result *result)
{
	char text[400];

	snprintf(text, sizeof(text), "%s: %s%s%s", host, sntp_words(result->refused), result->best.kiss[0] ? ": " : "",
		 result->best.kiss);
	beadle_skip(ctx, EPROTO, text);
}

/* A server that said DENY, RSTR or RATE is left in peace for an hour (RFC 4330, section 10). */
static bool is_left_in_peace(struct beadle_ctx *ctx, const struct beadle_endpoint *server)
{
	const char *path = beadle_state_path(ctx, "refused");
	FILE *file = path ? fopen(path, "re") : NULL;
	char host[HOST_MAX + 1] = "";
	unsigned port = 0;
	int64_t at = 0, age;

	if (!file)
		return false;
	if (fscanf(file, "%" SCNd64 " %u %255s", &at, &port, host) != 3)
		at = 0;
	fclose(file);
	age = beadle_now_wall(ctx) - at;
	return age >= 0 && age < 3600 * SECOND && port == server->port && strcmp(host, server->host) == 0;
}

static void remember_kiss(struct beadle_ctx *ctx, const struct beadle_endpoint *server, const char *kiss)
{
	char text[HOST_MAX + 40];
	int n, error;

	if (strcmp(kiss, "DENY") != 0 && strcmp(kiss, "RSTR") != 0 && strcmp(kiss, "RATE") != 0)
		return;
	n = snprintf(text, sizeof(text), "%" PRId64 " %u %.255s\n", beadle_now_wall(ctx), server->port,
		     server->host);
	error = beadle_state_write(ctx, "refused", text, (size_t)n);
	if (error && error != -ENOENT)
		beadle_skip(ctx, -error, "refused");
}

static void ask_server(struct beadle_ctx *ctx, const struct clock *clock)
{
	const char *host = clock->server.host;
	struct query_addresses addresses = {.n = 0};
	struct query_result result;
	char address[64];
	int error;

	if (is_left_in_peace(ctx, &clock->server)) {
		beadle_skip(ctx, EAGAIN, "the reference server refused, and is not asked for an hour");
		return;
	}
	error = resolve(ctx, host, clock->server.port, &addresses);
	if (!error)
		error = query_ask(&addresses, (unsigned)clock->samples, clock->wait.ns, &result);
	if (error == -EPROTO) {
		tell_refusal(ctx, host, &result);
		remember_kiss(ctx, &clock->server, result.best.kiss);
	} else if (error) {
		beadle_skip(ctx, -error, host);
	} else {
		query_name(&addresses, result.address, address, sizeof(address));
		beadle_fact(ctx, "clock_server_address", address);
		beadle_fact(ctx, "clock_server_reference", result.best.reference);
		put_reply(ctx, host, &result);
	}
}

/* ---- the kernel, and the daemon ---- */

static bool put_kernel(struct beadle_ctx *ctx)
{
	struct timex kernel = {.modes = 0};
	int state = adjtimex(&kernel);
	bool ok = state >= 0 && state != TIME_ERROR && !(kernel.status & STA_UNSYNC);

	if (state < 0) {
		beadle_skip(ctx, errno, "adjtimex");
		return false;
	}
	beadle_put(ctx, &synchronised, ok);
	if (ok)
		beadle_put(ctx, &kernel_error, (double)kernel.maxerror / 1e6);
	return ok;
}

static bool run(struct beadle_ctx *ctx, const char *const argv[], int (*parse)(const char *, struct daemon_state *),
		struct daemon_state *ret)
{
	char *text = NULL;
	int status;
	bool found;

	if (access(argv[0], X_OK) < 0)
		return false;
	status = beadle_run(ctx, argv, OUTPUT_MAX, (struct beadle_duration){PROGRAM_WAIT}, &text);
	if (status < 0) {
		beadle_skip(ctx, -status, argv[0]);
		return false;
	}
	found = status == 0 && parse(text, ret) == 0;	/* else it is installed, and its daemon does not run */
	free(text);
	return found;
}

/* chrony knows its sources by address, and by the names in its configuration; each has its own switch. */
static bool ask_chrony(struct beadle_ctx *ctx, const struct clock *clock, struct daemon_state *ret)
{
	char port[8];
	const char *argv[] = {CHRONYC, "-c", "-n", "tracking", NULL, NULL, NULL, NULL, NULL};
	struct daemon_state named;

	snprintf(port, sizeof(port), "%u", clock->chrony.port);
	if (clock->chrony.host)
		memcpy(&argv[3], (const char *[]){"-h", clock->chrony.host, "-p", port, "tracking"}, 5 * sizeof(*argv));
	if (!run(ctx, argv, daemon_parse_chrony, ret))
		return false;
	argv[2] = "-N";
	if (run(ctx, argv, daemon_parse_chrony, &named))
		memcpy(ret->source_name, named.source, sizeof(ret->source_name));
	return true;
}

static bool ask_daemon(struct beadle_ctx *ctx, const struct clock *clock, struct daemon_state *ret)
{
	const char *const ntpq[] = {NTPQ, "-n", "-c", "rv", "-c", "peers", NULL};
	const char *const timedatectl[] = {TIMEDATECTL, "show-timesync", "--all", NULL};

	if (ask_chrony(ctx, clock, ret) || run(ctx, ntpq, daemon_parse_ntpd, ret))
		return true;
	return access("/run/systemd/system", F_OK) == 0 && run(ctx, timedatectl, daemon_parse_timesyncd, ret);
}

/* Is the source known as `name`, by its letters or by one of its addresses? 1, 0, or -errno when nobody can say. */
static int is_called(struct beadle_ctx *ctx, const struct daemon_state *daemon, const char *name)
{
	struct query_addresses addresses = {.n = 0};
	char address[64];
	int error;

	if (strcasecmp(daemon->source, name) == 0 || strcasecmp(daemon->source_name, name) == 0)
		return 1;
	error = resolve(ctx, name, 123, &addresses);
	if (error)
		return error == -ENOENT ? 0 : error;	/* "GPS" is no host */
	for (unsigned i = 0; i < addresses.n; i++) {
		query_name(&addresses, i, address, sizeof(address));
		if (strcmp(daemon->source, address) == 0)
			return 1;
	}
	return 0;
}

static void put_source(struct beadle_ctx *ctx, const struct clock *clock, const struct daemon_state *daemon)
{
	size_t n = beadle_list_count(clock->references);
	int ok = 0, error = 0;

	beadle_fact(ctx, "clock_source", daemon->source[0] ? daemon->source : "none");
	if (daemon->source_name[0])
		beadle_fact(ctx, "clock_source_name", daemon->source_name);
	if (!clock->server.host && n == 0)
		return;		/* nobody said what it should be */
	for (size_t i = 0; i <= n && ok <= 0 && daemon->source[0]; i++) {
		const char *name = i < n ? beadle_list_get(clock->references, i) : clock->server.host;
		ok = name ? is_called(ctx, daemon, name) : 0;
		error = ok < 0 ? ok : error;
		if (ok < 0)
			beadle_skip(ctx, -ok, name);
	}
	if (ok > 0 || !error)	/* a name server that is down makes no source a wrong one */
		beadle_put(ctx, &source_ok, ok > 0);
}

static int64_t uptime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

static int collect(struct beadle_ctx *ctx, void *state)
{
	const struct clock *clock = state;
	struct daemon_state daemon = {.name = "none"};
	bool kernel_ok = put_kernel(ctx), found = ask_daemon(ctx, clock, &daemon);
	int64_t age = beadle_now_wall(ctx) - daemon.synced_at;

	beadle_fact(ctx, "clock_daemon", found ? daemon.name : "none");
	if (found)
		put_source(ctx, clock, &daemon);
	if (found && daemon.synced_at > 0)
		beadle_put(ctx, &sync_age, age > 0 ? (double)age / 1e9 : 0);	/* set back since: as good as now */
	else if (found || !kernel_ok)
		beadle_put(ctx, &sync_age, (double)uptime() / 1e9);
	/* else the kernel is kept in time by something that does not say when, such as the host of a container */
	if (clock->server.host)
		ask_server(ctx, clock);
	return 0;
}

static int open_clock(struct beadle_ctx *ctx, void *state)
{
	const struct clock *clock = state;

	int error = 0;

	if (clock->samples < 1 || clock->samples > QUERY_SAMPLES_MAX)
		error = beadle_refuse(ctx, "samples", 0, "%" PRId64 ": expected 1 to %d", clock->samples, QUERY_SAMPLES_MAX);
	if (clock->wait.ns <= 0 || clock->wait.ns > 10 * SECOND)
		error = beadle_refuse(ctx, "wait", 0, "expected more than nothing and at most 10s");
	return error;
}

BEADLE_PLUGIN(clock, .version = "1", .help = "Offset from the school's time server, and who keeps this clock",
	.state_size = sizeof(struct clock), .options = options, .metrics = metrics, .needs = needs,
	.open = open_clock, .collect = collect);
