#include "tests/unit/judge_stage.h"

#include <stdio.h>
#include <string.h>

const struct rule disk_used = {
	.id = "disk_used", .check_id = "CHK-01", .clause = "5.3.3", .kind = "INC-A", .metric = "used", .unit = "ratio",
	.warning = {.at = 0.80, .clear = 0.78, .set = true}, .critical = {.at = 0.85, .clear = 0.83, .set = true, .stated = true},
};
static const struct rule busy = {	/* crossed for 10 minutes */
	.id = "busy", .clause = "5.3.1", .kind = "INC-A", .metric = "load", .unit = "count", .for_ns = 10 * MINUTE,
	.warning = {.at = 2, .clear = 2, .set = true}, .critical = {.at = 4, .clear = 4, .set = true},
};
const struct rule sync_age = {	/* "> 24 h": strict */
	.id = "sync", .metric = "sync", .unit = "seconds", .critical = {.at = 86400, .clear = 86400, .set = true, .strict = true},
};
static const struct rule support = {
	.id = "support", .metric = "support", .unit = "seconds", .below = true, .age = true,
	.warning = {.at = 180 * 86400, .clear = 180 * 86400, .set = true, .strict = true},
	.critical = {.at = 0, .clear = 0, .set = true, .strict = true},
};
static const struct rule restarts = {
	.id = "restarts", .metric = "restarts", .unit = "count", .rate = true, .warning = {.at = 0.1, .clear = 0.1, .set = true},
};
const struct rule gone = {.id = "gone", .kind = "INC-A", .metric = RULE_AGENT_GONE, .unit = "boolean"};
const struct rule silent = {.id = "silent", .kind = "INC-A", .metric = RULE_CHECK_SILENT, .unit = "boolean"};
const struct rule failed = {.id = "failed", .kind = "INC-A", .metric = RULE_CHECK_FAILED, .unit = "boolean"};
static const struct rule partial = {.id = "partial", .kind = "INC-A", .metric = RULE_CHECK_PARTIAL, .unit = "boolean"};
const struct rule *const rules[RULES] = {&disk_used, &busy, &sync_age, &support, &restarts, &gone, &silent, &failed, &partial};

struct judge *j;
int64_t wall, boot, agent;

void hear(const struct judge_change *c, void *arg)
{
	size_t n = strlen(told);

	snprintf(told + n, sizeof(told) - n, "%s%s %s>%s%s", n ? ", " : "", c->rule ? c->rule->id : "-", state_name(c->before),
		 state_name(c->after), c->flapping ? " flapping" : "");
}

void add_series(uint32_t number, const char *metric, const char *mount)
{
	struct rule_label labels[] = {{mount ? "mount" : NULL, mount}, {NULL, NULL}};

	ck_assert_int_eq(judge_series(j, number, DISK, metric, labels), 0);
}

void raise_curtain(void)
{
	wall = INT64_C(1790000000) * NS_PER_S;
	boot = HOUR;
	agent = 0;
	told[0] = '\0';
	j = judge_new(rules, RULES, hear, NULL);
	ck_assert_int_eq(judge_host(j, WEB1, "web1", boot), 0);
	ck_assert_int_eq(judge_check(j, DISK, WEB1, "disk", MINUTE, boot), 0);
	judge_connected(j, WEB1, true, wall, boot);
}

void drop_curtain(void)
{
	judge_free(j);
}

void pass(int64_t ns)
{
	for (; ns > 0; ns -= NS_PER_S) {
		wall += NS_PER_S;
		boot += NS_PER_S;
		judge_tick(j, wall, boot);
	}
}

void measure(uint32_t series, double value)
{
	pass(MINUTE);
	judge_value(j, series, value, wall + agent);
	judge_round(j, DISK, true, NULL, wall + agent, boot);
}

void round_without_values(bool ok)
{
	pass(MINUTE);
	judge_round(j, DISK, ok, ok ? NULL : "no such device", wall + agent, boot);
}

void measure_often(uint32_t series, double value, int times)
{
	while (times-- > 0)
		measure(series, value);
}
