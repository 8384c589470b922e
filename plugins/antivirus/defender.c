/* defender.c - Microsoft Defender for Linux, by its own program's word. */
#define _GNU_SOURCE
#include "plugins/antivirus/antivirus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/antivirus/health.h"

#define ENGINE {"engine", "defender"}
#define OUTPUT_MAX (256 << 10)

static void put_health(struct beadle_ctx *ctx, const struct health *h)
{
	beadle_put(ctx, &av_realtime, h->realtime, ENGINE);
	if (h->updated >= 0) {
		beadle_put(ctx, &av_signature_age, (double)h->updated, ENGINE);
		beadle_put(ctx, &av_update_age, (double)h->updated, ENGINE);
	}
	if (*h->engine)
		beadle_fact(ctx, "engine_version", h->engine, ENGINE);
	if (*h->definitions)
		beadle_fact(ctx, "signature_version", h->definitions, ENGINE);
}

/* mdatp asks its daemon: where that is down it fails or waits in vain. */
bool defender_collect(struct beadle_ctx *ctx, const struct antivirus *av)
{
	const char *const argv[] = {av->mdatp.name, "health", "--output", "json", NULL};
	struct health health;
	char *out = NULL;
	int status;

	if (!av->mdatp.name || access(av->mdatp.name, F_OK) < 0)
		return false;
	beadle_put(ctx, &av_installed, 1, ENGINE);
	status = beadle_run(ctx, argv, OUTPUT_MAX, av->timeout, &out);
	if (status == 0 && health_parse(out, strlen(out), beadle_now_wall(ctx) / 1000000000, &health) == 0) {
		beadle_put(ctx, &av_running, 1, ENGINE);
		put_health(ctx, &health);
	} else if (status == 0) {
		beadle_skip(ctx, EBADMSG, "mdatp health: not the JSON that was expected");
	} else if (status > 0 || status == -ETIMEDOUT) {
		beadle_put(ctx, &av_running, 0, ENGINE);
	} else {
		beadle_skip(ctx, -status, av->mdatp.name);
	}
	free(out);
	return true;
}
