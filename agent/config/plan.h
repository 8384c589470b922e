/* plan.h - what the configuration says, as the core and the launcher read it. */
#ifndef PLAN_H
#define PLAN_H

#include "agent/config/plugins.h"

/* The core's Plan, packed (free it). Adds problems: names under `remote:` that are no options. */
int plan_pack(const struct config *, const struct plugins *, uint8_t **ret, size_t *ret_n, struct problems *);

/* Records to descriptor 3, the plan to the memfd that is descriptor 4, which is then sealed. 0 or -errno. */
int plan_hand_over(const struct plugins *, const uint8_t *plan, size_t n);

#endif
