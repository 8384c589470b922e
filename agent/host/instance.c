#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/host/host.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/landmark.h"
#include "lib/text.h"

#define INSTANCES_MAX 1024
#define LOOK_EVERY (100 * NS_PER_MS)	/* seven stat calls are a fifth of a small check */

static void instance_free(struct beadle_ctx *ctx)
{
	for (size_t i = 0; i < ctx->n_granted; i++)
		free(ctx->granted[i]);
	for (size_t i = 0; i < ctx->paths.n; i++)
		free(ctx->paths.at[i]);
	for (size_t i = 0; i < ctx->n_origins; i++) {
		free(ctx->origins[i].name);
		free(ctx->origins[i].file);
	}
	free(ctx->origins);
	free(ctx->granted);
	vec_free(&ctx->paths);
	options_free(&ctx->options);
	report_free(&ctx->report);
	free(ctx->state);
	free(ctx->name);
	free(ctx);
}

static void instance_close(struct beadle_ctx *ctx)
{
	const struct beadle_plugin *plugin = module_plugin(ctx->host->module);

	if (ctx->opened && plugin->close)
		plugin->close(ctx->state);
	ctx->opened = false;
	ctx->watched = -1;
}

void instance_stop(struct host *host, struct beadle_ctx *ctx)
{
	HASH_DEL(host->instances, ctx);
	instance_close(ctx);
	instance_free(ctx);
}

struct telling { struct host *host; uint32_t check; int error; };

static void tell(void *arg, const char *file, unsigned line, const char *text)
{
	struct telling *t = arg;

	if (t->error == 0)
		t->error = send_problem(t->host, t->check, file, line, text);
}

static struct beadle_ctx *instance_new(struct host *host, const Host__Configure *c)
{
	struct beadle_ctx *ctx = calloc(1, sizeof(*ctx));
	size_t size = module_plugin(host->module)->state_size;

	if (!ctx)
		return NULL;
	ctx->host = host;
	ctx->check = c->check;
	ctx->watched = -1;
	ctx->name = strdup(c->name);
	ctx->state = calloc(1, size ? size : 1);
	ctx->granted = calloc(c->n_granted + 1, sizeof(*ctx->granted));
	while (ctx->granted && ctx->n_granted < c->n_granted &&
	       (ctx->granted[ctx->n_granted] = strdup(c->granted[ctx->n_granted])))
		ctx->n_granted++;
	if (!ctx->name || !ctx->state || ctx->n_granted < c->n_granted) {
		instance_free(ctx);
		return NULL;
	}
	return ctx;
}

static int keep_origins(struct beadle_ctx *ctx, const Host__Configure *c)
{
	ctx->origins = calloc(c->n_options + 1, sizeof(*ctx->origins));
	for (size_t i = 0; ctx->origins && i < c->n_options; i++) {
		const Host__Option *o = c->options[i];
		struct origin *to = &ctx->origins[ctx->n_origins++];

		*to = (struct origin){strdup(o->name), strdup(o->file), o->line, o->item};
		if (!to->name || !to->file)
			return -ENOMEM;
	}
	return ctx->origins ? 0 : -ENOMEM;
}

/* Fills the state from the options. < 0: the socket or memory failed; else the number of errors told. */
static int fill(struct beadle_ctx *ctx, const Host__Configure *c)
{
	struct telling telling = {.host = ctx->host, .check = c->check};
	FREE struct option_text *texts = calloc(c->n_options + 1, sizeof(*texts));
	FREE char **values = calloc(c->n_options + 1, sizeof(*values));
	int r = texts && values ? keep_origins(ctx, c) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < c->n_options; i++) {
		const Host__Option *o = c->options[i];

		values[i] = strndup(o->value.len ? (const char *)o->value.data : "", o->value.len);
		texts[i] = (struct option_text){o->name, values[i], o->file, o->line, o->item};
		r = values[i] ? 0 : -ENOMEM;
	}
	if (r == 0)
		r = options_fill(module_plugin(ctx->host->module)->options, texts, c->n_options, ctx->state,
				 &ctx->options, tell, &telling);
	for (size_t i = 0; values && i < c->n_options; i++)
		free(values[i]);
	return telling.error < 0 ? telling.error : r;
}

/* A failed open is closed at once, and tried again by the next round. */
static int instance_open(struct beadle_ctx *ctx)
{
	const struct beadle_plugin *plugin = module_plugin(ctx->host->module);
	const char *folder = beadle_state_path(ctx, "");
	int r;

	if (ctx->opened)
		return 0;
	if (folder && mkdir(folder, 0700) < 0 && errno != EEXIST) {
		r = -errno;
		report_break(&ctx->report, "state directory %.100s: %s", folder, strerror(errno));
		return r;
	}
	ctx->opened = true;
	r = plugin->open ? plugin->open(ctx, ctx->state) : 0;
	if (r < 0)
		instance_close(ctx);
	return r;
}

/* What open() does not like is told while it is asked; whether it could work here is another matter, and not now. */
static void only_ask(struct beadle_ctx *ctx)
{
	ctx->asked = true;
	instance_open(ctx);
	instance_close(ctx);
	instance_free(ctx);
}

int instance_configure(struct host *host, const Host__Configure *c)
{
	struct beadle_ctx *ctx;
	int r;

	HASH_FIND(hh, host->instances, &c->check, sizeof(c->check), ctx);
	if (ctx)
		instance_stop(host, ctx);	/* a new configuration replaces the old */
	if (!text_name(c->name) || HASH_COUNT(host->instances) >= INSTANCES_MAX)
		return send_problem(host, c->check, NULL, 0, "not a check's name, or too many checks");
	ctx = instance_new(host, c);
	if (!ctx)
		return -ENOMEM;
	r = fill(ctx, c);
	if (r != 0) {
		instance_free(ctx);
		return r < 0 ? r : 0;
	}
	if (c->only_asked)
		only_ask(ctx);
	else
		HASH_ADD(hh, host->instances, check, sizeof(ctx->check), ctx);
	return 0;
}

static int refuse_run(struct host *host, const Host__Run *run)
{
	struct beadle_ctx nobody = {.host = host, .check = run->check};
	int r;

	report_break(&nobody.report, "the host was not told of this check");
	r = send_round(&nobody, run->run, -ENOENT, 0);
	report_free(&nobody.report);
	return r;
}

/* Does a granted file stand elsewhere by now? Then another host must be made, with walls about that one. */
static bool is_outdated(struct host *host, int64_t now)
{
	if (host->looked && now - host->looked < LOOK_EVERY)
		return false;
	if (host->looked && landmark_outdated())
		return true;
	host->looked = now;
	return false;
}

int instance_run(struct host *host, const Host__Run *run)
{
	const struct beadle_plugin *plugin = module_plugin(host->module);
	int64_t start = clock_boot();
	struct beadle_ctx *ctx;
	int r, sent;

	HASH_FIND(hh, host->instances, &run->check, sizeof(run->check), ctx);
	if (!ctx)
		return refuse_run(host, run);
	if (is_outdated(host, start))
		return send_renew(host);
	r = instance_open(ctx);
	if (r == 0)
		r = plugin->collect(ctx, ctx->state);
	sent = send_round(ctx, run->run, r, clock_boot() - start);
	report_empty(&ctx->report);
	if (plugin->watch && ctx->opened)
		ctx->watched = plugin->watch->fd(ctx->state);
	return sent;
}

int instance_listen(struct beadle_ctx *ctx)
{
	const struct beadle_plugin *plugin = module_plugin(ctx->host->module);
	int r, sent;

	ctx->listening = true;
	r = plugin->watch->ready(ctx, ctx->state);
	ctx->listening = false;
	if (r < 0) {
		beadle_log(ctx, "%s: watching stops until the next round: %s", ctx->name, strerror(-r));
		ctx->watched = -1;
	}
	if (ctx->report.broken[0])
		beadle_log(ctx, "%s: not reported: %s", ctx->name, ctx->report.broken);
	sent = send_events(ctx);
	report_empty(&ctx->report);
	return sent;
}
