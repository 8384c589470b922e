/* rulebook.c - rules from the procedure: what is written for people becomes numbers in base units, checked against
 * the inventory. */
#include <stdio.h>
#include <string.h>

#include "reader.h"
#include "lib/clock.h"
#include "lib/text.h"
#include "lib/unit.h"

#define LABELS 16
#define HOSTS 256

static const char *const own[] = {RULE_AGENT_GONE, RULE_CHECK_SILENT, RULE_CHECK_FAILED, RULE_CHECK_PARTIAL, RULE_AGENT_IMPOSTOR,
	RULE_AGENT_TWINS, RULE_AGENT_PARTED, RULE_COLLECTOR_DISK_FULL, RULE_COLLECTOR_DAMAGED, RULE_AGENT_CERTIFICATE,
	RULE_COLLECTOR_CERTIFICATE, RULE_AGENT_NEVER, RULE_COLLECTOR_JOURNAL, RULE_COLLECTOR_CLOCK};
#define NEEDED (sizeof(own) / sizeof(own[0]) - 3)	/* the last may do without a rule: doc/procedure.md */
static const char *const units[] = {"bytes", "seconds", "ratio", "count", "boolean", "celsius", "per_second"};

/* How a bound may be written; one of them. */
static const struct { const char *key; bool below, strict; } forms[] = {
	{"at_least", false, false}, {"above", false, true}, {"at_most", true, false}, {"below", true, true},
};

static bool is_own(const char *metric)
{
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(metric, own[i]) == 0)
			return true;
	return false;
}

static void wrong_value(struct reader *r, const struct conf_node *n, const char *unit)
{
	static const char *const examples[] = {
		"\"64 MiB\"", "\"24 h\" or \"30 d\"", "\"85 %\"", "\"3\"", "yes or no", "\"70 °C\"", "\"0.5\""};
	const char *example = "a number";

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(units[i], unit) == 0)
			example = examples[i];
	problem(r->problems, conf_file(n), conf_line(n), conf_key(n), "%s: not a value in %s (expected %s)",
		conf_value(n) ? conf_value(n) : "", unit, example);
}

static bool read_value(struct reader *r, const struct conf_node *n, const char *unit, double *ret)
{
	const char *text = conf_value(n);

	if (!text || unit_parse(text, unit, ret) < 0) {
		wrong_value(r, n, unit);
		return false;
	}
	if (strcmp(unit, "ratio") == 0 && *ret > 1) {	/* the % forgotten: it would never be crossed */
		problem(r->problems, conf_file(n), conf_line(n), conf_key(n), "%s: is more than the whole (expected \"85 %%\")", text);
		return false;
	}
	return true;
}

/* {is: no} of a boolean: crossed at 0 and below; {is: yes}: at 1 and above. */
static bool read_is(struct reader *r, const struct conf_node *n, struct rule *rule, struct bound *b)
{
	if (strcmp(rule->unit, "boolean") != 0) {
		problem(r->problems, conf_file(n), conf_line(n), "is", "belongs to booleans; %s is in %s", rule->metric,
			rule->unit);
		return false;
	}
	if (!read_value(r, n, rule->unit, &b->at))
		return false;
	rule->below = b->at == 0;
	return true;
}

/* The bound's value and direction. False: there is none, or not one (told). */
static bool read_at(struct reader *r, const struct conf_node *map, struct rule *rule, struct bound *b)
{
	const struct conf_node *is = conf_get(map, "is"), *chosen = NULL, *n;
	size_t form = 0, found = is ? 1 : 0;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		n = conf_get(map, forms[i].key);
		if (!n)
			continue;
		chosen = n;
		form = i;
		found++;
	}
	if (found != 1) {
		problem(r->problems, conf_file(map), conf_line(map), conf_key(map),
			"give one of at_least, above, at_most, below, or of a boolean: is");
		return false;
	}
	if (is)
		return read_is(r, is, rule, b);
	b->strict = forms[form].strict;
	rule->below = forms[form].below;
	return read_value(r, chosen, rule->unit, &b->at);
}

static void read_bound(struct reader *r, const struct conf_node *n, const char *key, struct rule *rule, struct bound *b)
{
	const struct conf_node *map = conf_map(n, key, r->problems), *clear;

	if (!map)
		return;
	b->set = read_at(r, map, rule, b);
	b->clear = b->at;
	clear = conf_get(map, "clear");
	if (b->set && clear && read_value(r, clear, rule->unit, &b->clear) &&
	    (rule->below ? b->clear < b->at : b->clear > b->at))
		problem(r->problems, conf_file(clear), conf_line(clear), "clear", "%s: is on the bad side of the bound",
			conf_value(clear));
	conf_bool(map, "stated", false, &b->stated, r->problems);
	conf_done(map, r->problems);
}

static void check_bounds(struct reader *r, const struct conf_node *n, const struct rule *rule, bool warning_below)
{
	const struct bound *w = &rule->warning, *c = &rule->critical;

	if (!w->set && !c->set && !conf_get(n, "warning") && !conf_get(n, "critical"))
		problem(r->problems, conf_file(n), conf_line(n), rule->id, "has neither warning nor critical");
	if (!w->set || !c->set)
		return;
	if (warning_below != rule->below)
		problem(r->problems, conf_file(n), conf_line(n), rule->id,
			"warning and critical point in different directions");
	else if (rule->below ? c->at > w->at : c->at < w->at)
		problem(r->problems, conf_file(n), conf_line(n), rule->id, "critical would come before warning");
}

static void read_bounds(struct reader *r, const struct conf_node *n, struct rule *rule)
{
	bool warning_below;

	if (is_own(rule->metric)) {
		if (conf_get(n, "warning") || conf_get(n, "critical") || rule->for_ns > 0)
			problem(r->problems, conf_file(n), conf_line(n), rule->id,
				"%s has no bounds and no for: it is UNKNOWN while it lasts", rule->metric);
		return;
	}
	read_bound(r, n, "warning", rule, &rule->warning);
	warning_below = rule->below;
	read_bound(r, n, "critical", rule, &rule->critical);
	check_bounds(r, n, rule, warning_below);
}

static void read_labels(struct reader *r, const struct conf_node *n, struct rule *rule)
{
	const struct conf_node *map = conf_map(n, "labels", r->problems);
	size_t count = map ? conf_count(map) : 0;
	struct rule_label *labels;

	if (count == 0)
		return;
	if (count > LABELS) {
		problem(r->problems, conf_file(map), conf_line(map), "labels", "more than %d", LABELS);
		return;
	}
	labels = reader_keep(r, count + 1, sizeof(*labels));
	for (size_t i = 0; labels && i < count; i++) {
		const struct conf_node *l = conf_at(map, i);

		if (!conf_value(l))
			problem(r->problems, conf_file(l), conf_line(l), conf_key(l), "expected a pattern");
		labels[i] = (struct rule_label){conf_key(l), conf_value(l) ? conf_value(l) : ""};
	}
	rule->labels = labels;
}

static void read_hosts(struct reader *r, const struct conf_node *n, struct rule *rule)
{
	const struct conf_node *list = conf_list(n, "hosts", r->problems);
	size_t count = list ? conf_count(list) : 0;
	const char **hosts;

	if (count == 0)
		return;
	if (count > HOSTS) {
		problem(r->problems, conf_file(list), conf_line(list), "hosts", "more than %d: use patterns", HOSTS);
		return;
	}
	hosts = reader_keep(r, count + 1, sizeof(*hosts));
	for (size_t i = 0; hosts && i < count; i++) {
		hosts[i] = conf_value(conf_at(list, i));
		if (!hosts[i])
			problem(r->problems, conf_file(list), conf_line(conf_at(list, i)), "hosts",
				"expected a pattern");
		hosts[i] = hosts[i] ? hosts[i] : "";
	}
	rule->hosts = hosts;
}

/* Metric and unit, against what the plugins declare. */
static void read_metric(struct reader *r, const struct conf_node *n, struct rule *rule)
{
	const struct conf_node *metric = conf_need(n, "metric", r->problems);
	const struct inventory_metric *m;
	const char *near, *unit;

	rule->metric = metric && conf_value(metric) ? conf_value(metric) : "";
	unit = reader_one_of(r, n, "unit", units, sizeof(units) / sizeof(units[0]), "unit");
	rule->unit = unit ? unit : "count";
	if (!metric || !r->inventory)
		return;
	m = inventory_get(r->inventory, rule->metric);
	if (!m) {
		near = inventory_nearest(r->inventory, rule->metric);
		problem(r->problems, conf_file(metric), conf_line(metric), "metric", "%s: no plugin measures it%s%s%s",
			rule->metric, near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
		return;
	}
	if (unit && !(rule->rate && strcmp(unit, "per_second") == 0) && strcmp(m->unit, unit) != 0)
		problem(r->problems, conf_file(metric), conf_line(metric), "unit", "%s: %s is measured in %s", unit,
			m->name, m->unit);
	if (rule->rate && m->kind != INVENTORY_COUNTER)
		problem(r->problems, conf_file(metric), conf_line(metric), "rate", "%s is not a counter", m->name);
	if (!rule->rate && m->kind == INVENTORY_COUNTER)
		problem(r->problems, conf_file(metric), conf_line(metric), "metric",
			"%s only grows: judge its increase (rate: yes)", m->name);
}

/* On what happens, not on a value: there is nothing to compare, and nothing that could last. Plugins do not declare their
 * events, so a name is only checked for being one. */
static void read_event(struct reader *r, const struct conf_node *n, struct rule *rule)
{
	static const char *const others[] = {"metric", "unit", "warning", "critical", "for", "rate", "age"};
	const struct conf_node *event = conf_get(n, "event"), *plugin = conf_need(n, "plugin", r->problems);
	const char *near;

	rule->event = conf_value(event) ? conf_value(event) : "";
	rule->plugin = plugin && conf_value(plugin) ? conf_value(plugin) : "";
	if (!text_name(rule->event))
		problem(r->problems, conf_file(event), conf_line(event), "event", "%s: not a name (expected a-z, 0-9, _)", rule->event);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (conf_get(n, others[i]))
			problem(r->problems, conf_file(n), conf_line(n), rule->id,
				"is on an event, which has no %s: it is CRITICAL each time", others[i]);
	if (!plugin || !r->inventory || inventory_has_plugin(r->inventory, rule->plugin))
		return;
	near = inventory_nearest_plugin(r->inventory, rule->plugin);
	problem(r->problems, conf_file(plugin), conf_line(plugin), "plugin", "%s: there is no such plugin%s%s%s", rule->plugin,
		near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

static void read_value_judged(struct reader *r, const struct conf_node *n, struct rule *rule)
{
	conf_bool(n, "rate", false, &rule->rate, r->problems);
	conf_bool(n, "age", false, &rule->age, r->problems);
	read_metric(r, n, rule);
	conf_duration(n, "for", 0, 0, 30 * 86400 * NS_PER_S, &rule->for_ns, r->problems);
	read_bounds(r, n, rule);
}

static void read_check_id(struct reader *r, const struct conf_node *n, struct rule *rule)
{
	const struct conf_node *check = conf_need(n, "check", r->problems);
	int digits = 0;

	rule->check_id = check && conf_value(check) ? conf_value(check) : "";
	if (check && (sscanf(rule->check_id, "CHK-%*2[0-9]%n", &digits) != 0 || digits != 6 || rule->check_id[digits]))
		problem(r->problems, conf_file(check), conf_line(check), "check",
			"%s: not a check's key (expected \"CHK-01\")", rule->check_id);
}

static void read_kind(struct reader *r, const struct conf_node *n, struct rule *rule)
{
	const char *ids[64];
	size_t count = r->p->kinds_n < 64 ? r->p->kinds_n : 64;

	for (size_t i = 0; i < count; i++)
		ids[i] = r->p->kinds[i].id;
	rule->kind = reader_one_of(r, n, "kind", ids, count, "kind of incident");
	rule->kind = rule->kind ? rule->kind : "";
}

static void read_rule(struct reader *r, const struct conf_node *n, struct rule *rule)
{
	rule->id = conf_key(n);
	rule->metric = rule->unit = rule->check_id = rule->clause = rule->kind = rule->title_zh = rule->title_en = "";
	if (!text_name(rule->id))
		problem(r->problems, conf_file(n), conf_line(n), "rules", "%s: not a name (expected a-z, 0-9, _)",
			rule->id);
	if (conf_type(n) != CONF_MAP) {
		problem(r->problems, conf_file(n), conf_line(n), rule->id,
			"a rule is written {check: ..., clause: ..., metric: ..., ...}");
		return;
	}
	read_check_id(r, n, rule);
	rule->clause = reader_clause(r, n);
	read_kind(r, n, rule);
	read_labels(r, n, rule);
	read_hosts(r, n, rule);
	if (conf_get(n, "event"))
		read_event(r, n, rule);
	else
		read_value_judged(r, n, rule);
	reader_title(r, n, &rule->title_zh, &rule->title_en);
	conf_done(n, r->problems);
}

/* What the collector itself observes must have a kind and a clause, on every host: a check that stopped is a finding (R14). */
static void need_own(struct reader *r, const struct conf_node *rules)
{
	for (size_t i = 0; i < NEEDED; i++) {
		bool found = false;

		for (size_t k = 0; k < r->p->rules_n; k++)
			found |= strcmp(r->p->rules[k].metric, own[i]) == 0 && !r->p->rules[k].hosts && !r->p->rules[k].labels;
		if (!found)
			problem(r->problems, conf_file(rules), conf_line(rules), "rules",
				"none for %s of all hosts: what the collector itself observes must be a finding", own[i]);
	}
}

void rulebook_read(struct reader *r, const struct conf_node *rules)
{
	size_t n = conf_count(rules);
	const struct rule **list = reader_keep(r, n, sizeof(*list));

	r->p->rules = reader_keep(r, n, sizeof(*r->p->rules));
	r->p->rule_list = list;
	if (!list || !r->p->rules)
		return;
	for (size_t i = 0; i < n; i++) {
		list[i] = &r->p->rules[i];
		read_rule(r, conf_at(rules, i), &r->p->rules[r->p->rules_n++]);
	}
	need_own(r, rules);
}
