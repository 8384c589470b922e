/* A plugin that was made for a later Beadle. */
#include <beadle/plugin.h>

static int collect(struct beadle_ctx *ctx, void *state)
{
	return 0;
}

__attribute__((visibility("default"))) extern const struct beadle_plugin bad_abi_LTX_beadle_plugin;
const struct beadle_plugin bad_abi_LTX_beadle_plugin = {
	.abi = BEADLE_ABI + 1, .size = sizeof(struct beadle_plugin) + 8, .name = "bad_abi", .collect = collect};
