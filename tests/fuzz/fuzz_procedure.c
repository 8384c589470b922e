/* A procedure, an inventory and people from any bytes; what is taken is then used: every rule judges, every kind
 * escalates. */
#include <stdint.h>
#include <stdlib.h>

#include "collector/procedure/procedure.h"
#include "lib/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct escalation *escalation;

static void hear_due(const struct due *d, void *arg)
{
}

static void hear_step(const struct incident *i, const struct incident_step *s, void *arg)
{
	escalation_step(escalation, i, s, "web1", i->opened);
}

static void hear(const struct judge_change *c, void *arg)
{
	incident_feed(arg, c, "what", c->at > 0 ? c->at : 1);
}

/* A series for each rule, with the labels that its own patterns spell. */
static void measure(const struct procedure *p, struct judge *j)
{
	static const double values[] = {0, 1, 0.84, 1e9, -1, 1e300, 86400, 0.85};

	judge_host(j, 0, "web1", 1);
	judge_check(j, 0, 0, "check", NS_PER_S, 1);
	judge_connected(j, 0, true, 1, 1);
	for (uint32_t i = 0; i < p->rules_n; i++)
		judge_series(j, i, 0, p->rules[i].metric, p->rules[i].labels);
	for (int64_t t = 1; t < 40; t++) {
		for (uint32_t i = 0; i < p->rules_n; i++)
			judge_value(j, i, values[(size_t)(t * (i + 1)) % 8], t * NS_PER_S);
		judge_round(j, 0, t % 9 < 7, "why", t * NS_PER_S, t * NS_PER_S);
		judge_tick(j, t * NS_PER_S, t * NS_PER_S);
		escalation_tick(escalation, t * 100 * NS_PER_S);
	}
}

static void use(const struct procedure *p, const struct people *people)
{
	struct incidents *incidents = incidents_new(hear_step, NULL);
	struct judge *j = judge_new(p->rule_list, p->rules_n, hear, incidents);
	char *text;

	escalation = escalation_new(p->kinds, p->kinds_n, people, &p->times, hear_due, NULL);
	measure(p, j);
	for (const struct incident *i = incident_next(incidents, NULL); i; i = incident_next(incidents, i)) {
		struct escalation *again = escalation_new(p->kinds, p->kinds_n, people, &p->times, hear_due, NULL);

		text = escalation_save(escalation, i->id, 40 * NS_PER_S);
		if (text && escalation_load(again, i, "web1", text, 1) != 0)
			abort();	/* what we wrote we can read */
		free(text);
		escalation_free(again);
	}
	judge_free(j);
	escalation_free(escalation);
	incidents_free(incidents);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct problems *problems = problems_new();
	struct conf *other = conf_parse((const char *)data, n, "fuzz.yaml", problems);
	struct inventory *inventory = inventory_read(conf_root(other), problems);
	struct people *people = people_read(conf_root(other), true, problems);
	/* For the bounds, take any metric: as if the inventory were not there. */
	struct procedure *p = procedure_parse(conf_parse((const char *)data, n, "fuzz.yaml", problems), NULL, problems);
	struct procedure *checked =
		procedure_parse(conf_parse((const char *)data, n, "fuzz.yaml", problems), inventory, problems);

	if (p)
		use(p, people);
	procedure_free(checked);
	procedure_free(p);
	people_free(people);
	inventory_free(inventory);
	conf_free(other);
	problems_free(problems);
	return 0;
}
