/* plan.h - what the configuration reader found for the core (host.Plan), read from the launcher's memfd and checked for sense. */
#ifndef PLAN_H
#define PLAN_H

#include "proto/host.pb-c.h"

#define PLAN_CHECKS_MAX 512u
#define PLAN_COLLECTORS_MAX 16u

/* Several checks may still use an old plan while their last rounds run: it goes with the last of them. */
struct plan;

int plan_read(int fd, struct plan **ret, char why[256]);	/* 0; -EINVAL with the reason; another -errno, also with words */
struct plan *plan_ref(struct plan *);
void plan_unref(struct plan *);			/* NULL is fine */
const Host__Plan *plan_of(const struct plan *);

#endif
