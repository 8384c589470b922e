/* detections.c - what the logs say was found: each detection an event, once. */
#define _GNU_SOURCE
#include "plugins/antivirus/antivirus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "plugins/antivirus/logs.h"
#include "plugins/antivirus/tail.h"

#define SUMMARY_TAIL (256 << 10)
#define A_ROUND (4 << 20)	/* bytes of a log */
#define TOLD_MAX (300 << 10)	/* bytes of events of each log: less than a round holds; the rest is told in the next ones */
#define OVERHEAD 128		/* of an event, beside its texts */

struct telling {
	struct beadle_ctx *ctx;
	const char *engine;
	size_t told;			/* bytes */
	char file[4096], signature[256];	/* told last */
};

/* One access makes clamonacc scan, and clamd write, more than once. */
static bool tell(const char *file, const char *signature, void *arg)
{
	struct telling *t = arg;

	if (!strcmp(t->file, file) && !strcmp(t->signature, signature))
		return true;
	if (t->told > TOLD_MAX)
		return false;
	snprintf(t->file, sizeof(t->file), "%s", file);
	snprintf(t->signature, sizeof(t->signature), "%s", signature);
	beadle_event(t->ctx, "detection", {"engine", t->engine}, {"file", t->file}, {"signature", t->signature});
	t->told += strlen(t->file) + strlen(t->signature) + OVERHEAD;
	return true;
}

static size_t take(const char *text, size_t size, void *arg)
{
	return logs_detections(text, size, tell, arg);
}

/* Tells what stands behind the mark; `first` is where a log begins that was never read. */
static int follow(struct beadle_ctx *ctx, const char *engine, const char *path, const char *name,
		  const struct tail_mark *first)
{
	const char *state = beadle_state_path(ctx, name);
	char text[TAIL_TEXT];
	struct telling t = {.ctx = ctx, .engine = engine};
	struct tail_mark mark = *first;
	int error;

	if (state)
		tail_load(state, &mark);
	error = tail_follow(path, &mark, A_ROUND, take, &t);
	return error || !state ? error : beadle_state_write(ctx, name, text, (size_t)tail_text(&mark, text));
}

/* Never read before: an old finding is no news, so only the last scan's are told. */
void detections_of_scans(struct beadle_ctx *ctx, const char *engine, const char *path)
{
	struct tail_mark first = {0};
	struct scan scan = {0};
	struct stat st;
	char *text = NULL;
	off_t offset = 0;
	int error = tail_read(path, SUMMARY_TAIL, &text, &offset);

	if (!error && stat(path, &st) < 0)
		error = -errno;
	if (!error && logs_last_scan(text, &scan) == 0) {
		beadle_put(ctx, &av_scan_age, av_age(ctx, scan.ended ? scan.ended : st.st_mtime), {"engine", engine});
		beadle_put(ctx, &av_detections, (double)scan.infected, {"engine", engine});
	} else if (!error) {
		beadle_skip(ctx, ENODATA, "last full scan: the log names none that ended");
	}
	free(text);
	if (!error) {
		first = (struct tail_mark){st.st_ino, (uint64_t)offset + scan.begins};
		error = follow(ctx, engine, path, "scan_log", &first);
	}
	if (error)
		beadle_skip(ctx, -error, path);
}

void detections_of_daemon(struct beadle_ctx *ctx, const char *engine, const char *path)
{
	struct stat st;
	struct tail_mark first;
	int error = stat(path, &st) < 0 ? -errno : 0;

	if (!error) {
		first = (struct tail_mark){st.st_ino, (uint64_t)st.st_size};
		error = follow(ctx, engine, path, "clamd_log", &first);
	}
	if (error)
		beadle_skip(ctx, -error, path);
}
