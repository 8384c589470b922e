/* A plugin whose code runs, and crashes, before anybody has called it. */
#include <stdlib.h>

#include <beadle/plugin.h>

__attribute__((constructor)) static void crash(void)
{
	abort();
}

static int collect(struct beadle_ctx *ctx, void *state)
{
	return 0;
}

BEADLE_PLUGIN(bad_constructor, .collect = collect);
