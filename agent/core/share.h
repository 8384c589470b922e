/*
 * share.h - how much of a spool each check takes. It may take as much as is still free: one that floods gets half of it, two a third each,
 * and something is always left for those that seldom have anything to say.
 */
#ifndef SHARE_H
#define SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/vec.h"

struct share { uint64_t limit, bytes; VEC(double) of; };	/* bytes: in the spool, when last told; of: by check */

void share_now(struct share *, uint64_t bytes);		/* in the spool; what went, went in proportion */
bool share_room(const struct share *, uint32_t check, uint64_t n);
void share_add(struct share *, uint32_t check, uint64_t n);
void share_free(struct share *);

#endif
