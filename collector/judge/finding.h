/* finding.h - one finding of an incident; for incident.c alone. After -ENOMEM it is to be freed all the same. */
#ifndef FINDING_H
#define FINDING_H

#include "incident.h"

/* Who, and by which rule; no state yet. */
int finding_fill(struct finding *, const struct judge_change *, int64_t now_wall);
int finding_refresh(struct finding *, const struct judge_change *, const char *what, int64_t now_wall);
int finding_copy(struct finding *, const struct finding *from);
void finding_free(struct finding *);

#endif
