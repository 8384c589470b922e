/* antivirus.h - what the two engines share: options and metrics. */
#ifndef ANTIVIRUS_H
#define ANTIVIRUS_H

#include <beadle/plugin.h>

struct antivirus {
	const char *engine;
	struct beadle_list *programs;
	struct beadle_path clamd_conf, freshclam_conf, socket, database, freshclam_log, scan_log, clamd_log, mdatp;
	struct beadle_duration timeout;
};

extern const struct beadle_metric av_installed, av_running, av_realtime, av_signature_age, av_database_age,
	av_loaded_outdated, av_update_age, av_scan_age, av_detections;

/* Seconds since `then` (seconds since 1970); a date that is still to come is 0 old. */
double av_age(struct beadle_ctx *, int64_t then);

/* Each reports everything of its engine. Returns false when it is not installed: then nothing was reported. */
bool clamav_collect(struct beadle_ctx *, const struct antivirus *);
bool defender_collect(struct beadle_ctx *, const struct antivirus *);

/* The last scan's age and findings from its log, and an event for each detection that was not told before. */
void detections_of_scans(struct beadle_ctx *, const char *engine, const char *path);
/* The same of a log without summaries: that of clamd, with what clamonacc found. */
void detections_of_daemon(struct beadle_ctx *, const char *engine, const char *path);
#endif
