/* A harmless plugin with a name that comes before the others. */
#include <beadle/plugin.h>

static int collect(struct beadle_ctx *ctx, void *state)
{
	return 0;
}

BEADLE_PLUGIN(apple, .collect = collect);
