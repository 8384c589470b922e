/* procedure.h - a school's operations procedure as data: conf.d/procedure/NAME.yaml, described in doc/procedure.md. */
#ifndef PROCEDURE_H
#define PROCEDURE_H

#include "collector/judge/rule.h"
#include "escalation.h"
#include "inventory.h"

struct role { const char *id, *title_zh, *title_en; };

struct procedure {
	const char *number, *version, *title_zh, *title_en;	/* "TWVS-ISMS-B-007", "3.0" */
	struct escalation_times times;			/* quiet (5.10.5) and again */
	int64_t gone_ns, awaited_ns;			/* for judge_patience */
	struct role *roles; size_t roles_n;
	const char *const *role_ids;			/* the same, ends with NULL: for people_check_roles */
	struct kind *kinds; size_t kinds_n;
	struct rule *rules; size_t rules_n;
	const struct rule *const *rule_list;		/* for judge_new */
	struct conf *conf;				/* owns the texts */
	struct procedure_memory *memory;		/* owns the rest */
};

/* Reads and checks; every problem of the file is told. Takes the conf. Returns NULL when this file had problems.
 * Inventory NULL: metrics and their units are not checked. */
struct procedure *procedure_read(const char *path, const struct inventory *, struct problems *);
struct procedure *procedure_parse(struct conf *, const struct inventory *, struct problems *);
void procedure_free(struct procedure *);

const struct kind *procedure_kind(const struct procedure *, const char *id);
const struct rule *procedure_rule(const struct procedure *, const char *id);
const struct role *procedure_role(const struct procedure *, const char *id);

#endif
