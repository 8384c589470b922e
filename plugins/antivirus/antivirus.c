/* antivirus.c - whether malware protection is installed, runs, is current, and what it found (5.4.2, 5.12.5). */
#include "plugins/antivirus/antivirus.h"

#include <errno.h>
#include <string.h>

#define SECOND 1e9

static const struct beadle_option options[] = {
	BEADLE_OPTION(struct antivirus, engine, "auto", "auto, clamav or defender; auto: all that are installed"),
	BEADLE_OPTION(struct antivirus, programs, "/usr/sbin/clamd,/usr/bin/clamscan",
		"ClamAV counts as installed when one of these is there"),
	BEADLE_OPTION(struct antivirus, clamd_conf, "", "clamd.conf; empty: the usual places"),
	BEADLE_OPTION(struct antivirus, freshclam_conf, "", "freshclam.conf; empty: the usual places"),
	BEADLE_OPTION(struct antivirus, socket, "", "clamd's Unix socket; empty: as clamd.conf says"),
	BEADLE_OPTION(struct antivirus, database, "", "folder of the databases; empty: as clamd.conf says"),
	BEADLE_OPTION(struct antivirus, freshclam_log, "", "freshclam's log; empty: as freshclam.conf says"),
	BEADLE_OPTION(struct antivirus, scan_log, "/var/log/clamav/scan.log",
		"log of the full scans: clamscan --log or clamdscan --log"),
	BEADLE_OPTION(struct antivirus, clamd_log, "",
		      "clamd's log, for what on-access scanning found; empty: as clamd.conf says"),
	BEADLE_OPTION(struct antivirus, mdatp, "/usr/bin/mdatp", "Microsoft Defender's program"),
	BEADLE_OPTION(struct antivirus, timeout, "10s", "how long an engine may take to answer"),
	{0}
};

const struct beadle_metric av_installed = {"antivirus_installed", "boolean", "The engine is installed", BEADLE_STATE};
const struct beadle_metric av_running = {"antivirus_running", "boolean", "The engine's daemon answers", BEADLE_STATE};
const struct beadle_metric av_realtime = {"antivirus_realtime", "boolean", "On-access scanning runs", BEADLE_STATE};
const struct beadle_metric av_signature_age = {"antivirus_signature_age", "seconds",
	"Age of the signatures that the daemon has loaded", BEADLE_GAUGE};
const struct beadle_metric av_database_age = {"antivirus_database_age", "seconds",
	"Age of each database on disk", BEADLE_GAUGE};
const struct beadle_metric av_loaded_outdated = {"antivirus_loaded_outdated", "boolean",
	"The daemon has older signatures loaded than there are on disk", BEADLE_STATE};
const struct beadle_metric av_update_age = {"antivirus_update_age", "seconds",
	"Since the last update that succeeded, with or without news", BEADLE_GAUGE};
const struct beadle_metric av_scan_age = {"antivirus_scan_age", "seconds", "Since the last full scan ended",
	BEADLE_GAUGE};
const struct beadle_metric av_detections = {"antivirus_detections", "count", "Infected files in the last full scan",
	BEADLE_GAUGE};
static const struct beadle_metric *const metrics[] = {
	&av_installed, &av_running, &av_realtime, &av_signature_age, &av_database_age, &av_loaded_outdated,
	&av_update_age, &av_scan_age, &av_detections, NULL
};

static const struct beadle_need needs[] = {
	{BEADLE_NEED_CAPABILITY, "cap_dac_read_search", "to read ClamAV's logs, which are closed to others"},
	{BEADLE_NEED_READ, "/etc/clamav", "to learn where sockets, databases and logs are"},
	{BEADLE_NEED_READ, "/var/lib/clamav", "to read the headers of the databases"},
	{BEADLE_NEED_READ, "/var/log/clamav", "to read when freshclam succeeded, and what was found"},
	{BEADLE_NEED_SOCKET, "/run/clamav/clamd.ctl", "to ask clamd which signatures it has loaded"},
	{BEADLE_NEED_SOCKET, "option:socket", "the same, where it is elsewhere"},
	{BEADLE_NEED_NET, "tcp:*", "to ask a clamd that listens to TCP, at the port of clamd.conf"},
	{BEADLE_NEED_PROGRAM, "option:mdatp", "to ask Microsoft Defender for its health"},
	{BEADLE_NEED_SERVICE, "procscan", "to find clamonacc where /proc hides others' processes"},
	{0}
};

double av_age(struct beadle_ctx *ctx, int64_t then)
{
	double age = (double)beadle_now_wall(ctx) / SECOND - (double)then;

	return age > 0 ? age : 0;
}

static int open_antivirus(struct beadle_ctx *ctx, void *state)
{
	const struct antivirus *av = state;

	if (!strcmp(av->engine, "auto") || !strcmp(av->engine, "clamav") || !strcmp(av->engine, "defender"))
		return 0;
	return beadle_refuse(ctx, "engine", 0, "\"%.60s\": expected auto, clamav or defender", av->engine);
}

/* That there is none is a measurement, and the one that matters most. */
static void put_none(struct beadle_ctx *ctx, const char *engine)
{
	beadle_put(ctx, &av_installed, 0, {"engine", engine});
	beadle_put(ctx, &av_running, 0, {"engine", engine});
	beadle_put(ctx, &av_realtime, 0, {"engine", engine});
}

static int collect(struct beadle_ctx *ctx, void *state)
{
	const struct antivirus *av = state;
	bool clamav = strcmp(av->engine, "defender") != 0 && clamav_collect(ctx, av);
	bool defender = strcmp(av->engine, "clamav") != 0 && defender_collect(ctx, av);

	if (!clamav && !defender)
		put_none(ctx, strcmp(av->engine, "defender") ? "clamav" : "defender");
	return 0;
}

BEADLE_PLUGIN(antivirus, .version = "0.1.0",
	      .help = "Malware protection: installed, running, current, and what it found",
	.state_size = sizeof(struct antivirus), .options = options, .metrics = metrics, .needs = needs,
	.open = open_antivirus, .collect = collect);
