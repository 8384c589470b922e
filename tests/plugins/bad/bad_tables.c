/* A plugin whose option lies outside of its state. */
#include <beadle/plugin.h>

struct state { int64_t a, b; };

static const struct beadle_option options[] = {
	BEADLE_OPTION(struct state, a, "1", "inside"),
	BEADLE_OPTION(struct state, b, "1", "outside"),
	{0}
};

static int collect(struct beadle_ctx *ctx, void *state)
{
	return 0;
}

BEADLE_PLUGIN(bad_tables, .state_size = sizeof(int64_t), .options = options, .collect = collect);
