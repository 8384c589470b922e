/* finding.c - the texts that a finding owns. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "finding.h"

void finding_free(struct finding *f)
{
	free(f->rule);
	free(f->clause);
	free(f->check_id);
	free(f->what);
}

int finding_fill(struct finding *f, const struct judge_change *c, int64_t now_wall)
{
	*f = (struct finding){.check = c->check, .series = c->series, .since = now_wall,
		.rule = strdup(c->rule ? c->rule->id : ""),
		.clause = strdup(c->rule && c->rule->clause ? c->rule->clause : ""),
		.check_id = strdup(c->rule && c->rule->check_id ? c->rule->check_id : "")};
	return f->rule && f->clause && f->check_id ? 0 : -ENOMEM;
}

int finding_refresh(struct finding *f, const struct judge_change *c, const char *what, int64_t now_wall)
{
	char *copy = strdup(what);

	if (!copy)
		return -ENOMEM;
	free(f->what);
	f->what = copy;
	f->state = c->after;
	if (c->after != STATE_UNKNOWN)
		f->known = c->after;
	f->flapping = c->flapping;
	f->value = c->value;
	f->changed = now_wall;
	return 0;
}

int finding_copy(struct finding *f, const struct finding *from)
{
	*f = *from;
	f->rule = strdup(from->rule);
	f->clause = strdup(from->clause);
	f->check_id = strdup(from->check_id);
	f->what = strdup(from->what);
	return f->rule && f->clause && f->check_id && f->what ? 0 : -ENOMEM;
}
