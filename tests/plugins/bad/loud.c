/* A plugin that has much to say: so many values each round, and so many events in its first. */
#include <stdio.h>

#include <beadle/plugin.h>

struct loud { int64_t values, events, rounds; };

static const struct beadle_option options[] = {
	BEADLE_OPTION(struct loud, values, "1", "values of a round"),
	BEADLE_OPTION(struct loud, events, "0", "events of the first round"),
	{0}
};
static const struct beadle_metric value = {"loud_value", "count", "the number of the round", BEADLE_GAUGE};
static const struct beadle_metric *const metrics[] = {&value, NULL};

static int collect(struct beadle_ctx *ctx, void *state)
{
	struct loud *l = state;
	char n[24];

	for (int64_t i = 0; l->rounds == 0 && i < l->events; i++) {
		snprintf(n, sizeof(n), "%lld", (long long)i);
		beadle_event(ctx, "change", {"n", n}, {"path", "/a/path/that/is/somewhat/long/as/paths/are"});
	}
	l->rounds++;
	for (int64_t i = 0; i < l->values; i++) {
		snprintf(n, sizeof(n), "%lld", (long long)i);
		beadle_put(ctx, &value, (double)l->rounds, {"n", n});
	}
	return 0;
}

BEADLE_PLUGIN(loud, .state_size = sizeof(struct loud), .options = options, .metrics = metrics, .collect = collect);
