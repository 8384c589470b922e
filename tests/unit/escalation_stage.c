#include "tests/unit/escalation_stage.h"

#include <stdio.h>
#include <string.h>

static const char school[] =
	"people:\n"
	"  chen: {mail: chen@school.example}\n"
	"  lin: {mail: lin@school.example}\n"
	"  wang: {mail: wang@school.example}\n"
	"  hsu: {mail: hsu@school.example, webhook: line}\n"
	"roles: {computer_room_manager: wang, ciso: hsu, boss: wang}\n"
	"hosts: {web1: {owner: chen, deputy: lin}}\n";

static const struct step fault_steps[] = {
	{.role = "ciso", .clause = "5.12.10.1"},
	{.role = "owner", .clause = "5.8.6.3.1"},
	{.role = "deputy", .after_ns = 30 * MINUTE, .clause = "5.1.3"},
	{.role = "computer_room_manager", .after_ns = 60 * MINUTE, .clause = "5.1.3"},
	{.role = "vendor", .after_ns = 2 * HOUR, .clause = "5.12.2"},	/* nobody holds it */
};
static const struct step mail_steps[] = {
	{.role = "owner", .clause = "5.8.6.3.1"},
	{.role = "boss", .clause = "5.8.6.1.3", .from = STATE_CRITICAL},
	{.role = "ciso", .after_ns = HOUR, .every_ns = HOUR, .clause = "5.10.8.2"},
};
const struct kind kinds[] = {
	{.id = "INC-A", .steps = fault_steps, .n = 5}, {.id = "INC-C", .steps = mail_steps, .n = 3},
};
const struct rule disk = {.id = "disk", .clause = "5.3.3", .kind = "INC-A"}, mail = {.id = "mail", .kind = "INC-C"};

const struct escalation_times times = {.quiet_ns = 15 * MINUTE}, insistent = {15 * MINUTE, 4 * HOUR};

static struct conf *conf;
struct problems *problems;
struct people *people;
struct incidents *incidents;
struct escalation *e;
int64_t wall, boot;
char last_id[256];

void hear_due(const struct due *d, void *arg)
{
	size_t n = strlen(told);

	snprintf(told + n, sizeof(told) - n, "%s%s:%s:%s%s%s", n ? ", " : "", d->person ? d->person->id : "nobody",
		 d->role, escalation_reason_name(d->reason), strcmp(d->channel, "webhook") == 0 ? ":webhook" : "",
		 d->fallback ? ":stands in" : "");
	snprintf(last_id, sizeof(last_id), "%s", d->id);
}

static void hear_step(const struct incident *i, const struct incident_step *s, void *arg)
{
	ck_assert_int_eq(escalation_step(e, i, s, i->host == WEB1 ? "web1" : "db1", boot), 0);
}

void open_stage(void)
{
	wall = 1790000000 * NS_PER_S;
	boot = HOUR;
	told[0] = '\0';
	problems = problems_new();
	conf = conf_parse(school, strlen(school), "collector.yaml", problems);
	people = people_read(conf_root(conf), true, problems);
	ck_assert_uint_eq(problems_count(problems), 0);
	incidents = incidents_new(hear_step, NULL);
	e = escalation_new(kinds, 2, people, &times, hear_due, NULL);
}

void close_stage(void)
{
	escalation_free(e);
	incidents_free(incidents);
	people_free(people);
	conf_free(conf);
	problems_free(problems);
}

void change(uint32_t host, uint32_t series, const struct rule *rule, enum state before, enum state after)
{
	incident_feed(incidents, &(struct judge_change){.host = host, .check = DISK, .series = series, .rule = rule, .before = before,
		.after = after, .at = wall}, "/srv: 90 %", wall);
}

void pass(int64_t ns)
{
	for (; ns > 0; ns -= NS_PER_S) {
		wall += NS_PER_S;
		boot += NS_PER_S;
		incident_tick(incidents, wall, boot);
		escalation_tick(e, boot);
	}
}
