/* The small functions of <beadle/plugin.h>; guard.c, run.c and processes.c have the large ones. */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/host.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/grant.h"
#include "lib/io.h"

enum { ROUND_FACTS = 5, ROUND_SKIPS = 7, EVENTS_EVENTS = 2, EVENTS_FACTS = 3, EVENTS_SKIPS = 4 };

void beadle_put_labels(struct beadle_ctx *ctx, const struct beadle_metric *metric, double value,
		       const struct beadle_label *labels)
{
	int i = module_metric(ctx->host->module, metric);

	if (i < 0)
		report_break(&ctx->report, "a value of a metric that is not in the plugin's table (%.63s)",
			     metric && metric->name ? metric->name : "none");
	else if (ctx->listening)
		report_break(&ctx->report, "%s: a measurement outside of collect", metric->name);
	else
		report_value(&ctx->report, (uint32_t)i, metric->name, value, labels);
}

void beadle_fact_labels(struct beadle_ctx *ctx, const char *name, const char *value, const struct beadle_label *labels)
{
	if (ctx->listening)
		report_fact(&ctx->report, &ctx->report.events, EVENTS_FACTS, name, value, labels);
	else
		report_fact(&ctx->report, &ctx->report.values, ROUND_FACTS, name, value, labels);
}

/* Events are sent on in pieces, so that a hundred thousand are no larger round than one. */
void beadle_event_fields(struct beadle_ctx *ctx, const char *name, const struct beadle_label *fields)
{
	report_event(&ctx->report, EVENTS_EVENTS, name, clock_wall(), fields);
	if (ctx->report.events.n >= REPORT_EVENTS)
		send_events(ctx);	/* a core that is gone shows at the end of the round */
}

void beadle_skip(struct beadle_ctx *ctx, int error, const char *what)
{
	if (ctx->listening)
		report_skip(&ctx->report, &ctx->report.events, EVENTS_SKIPS, error, what);
	else
		report_skip(&ctx->report, &ctx->report.skips, ROUND_SKIPS, error, what);
}

void host_print(struct host *host, const char *text, size_t n)
{
	if (host->printed >= 0 && write(host->printed, text, n) < 0)
		return;		/* full: the rest of this round is left out */
}

void beadle_log(struct beadle_ctx *ctx, const char *format, ...)
{
	char line[1024];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (n < 0)
		return;
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	host_print(ctx->host, line, (size_t)n);
}

const char *beadle_state_path(struct beadle_ctx *ctx, const char *name)
{
	char **kept;
	char *path;

	if (!*ctx->host->state || strchr(name, '/') || strcmp(name, "..") == 0)
		return NULL;
	if (asprintf(&path, "%s/%s%s%s", ctx->host->state, ctx->name, *name ? "/" : "", name) < 0)
		return NULL;
	for (size_t i = 0; i < ctx->paths.n; i++)
		if (strcmp(ctx->paths.at[i], path) == 0) {
			free(path);
			return ctx->paths.at[i];
		}
	kept = vec_push(&ctx->paths);
	if (!kept) {
		free(path);
		return NULL;
	}
	return *kept = path;
}

int beadle_state_write(struct beadle_ctx *ctx, const char *name, const void *data, size_t n)
{
	const char *path = beadle_state_path(ctx, name);

	return path ? io_replace_file(path, data, n, 0600) : -ENOENT;
}

/* Of the member of a list that has a line of its own, or of the whole option; NULL: it is the default. */
static const struct origin *find_origin(const struct beadle_ctx *ctx, const char *option, size_t i)
{
	const struct origin *found = NULL;

	for (size_t k = 0; k < ctx->n_origins; k++) {
		const struct origin *o = &ctx->origins[k];

		if (strcmp(o->name, option) != 0)
			continue;
		found = found ? found : o;
		if (o->item && i-- == 0)
			return o;
	}
	return found;
}

int beadle_refuse(struct beadle_ctx *ctx, const char *option, size_t i, const char *format, ...)
{
	const struct origin *at = find_origin(ctx, option, i);
	char why[512], text[600];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	snprintf(text, sizeof(text), "%.63s: %s", option, why);
	if (ctx->asked)
		send_problem(ctx->host, ctx->check, at ? at->file : NULL, at ? at->line : 0, text);
	else
		beadle_log(ctx, "option %s", text);
	return -EINVAL;
}

bool beadle_granted(struct beadle_ctx *ctx, enum beadle_need_kind kind, const char *what)
{
	if (!module_needs(ctx->host->module, kind, what))
		return false;
	for (size_t i = 0; i < ctx->n_granted; i++)
		if (grant_is(ctx->granted[i], kind, what))
			return true;
	return false;
}

/* That of another service is none of ours, and says so as what was not granted does. */
int beadle_descriptor(struct beadle_ctx *ctx, const char *service)
{
	int which = grant_descriptor(service);

	return which >= 0 && beadle_granted(ctx, BEADLE_NEED_SERVICE, service) ? ctx->host->descriptors[which] : -EPERM;
}

int64_t beadle_now_wall(struct beadle_ctx *ctx)
{
	return clock_wall();
}

int64_t beadle_now_boot(struct beadle_ctx *ctx)
{
	return clock_boot();
}
