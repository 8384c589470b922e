/* spool_stage.h - a spool in a folder of its own, records whose bytes say who they are, and a disk that fails when a test wants it to. */
#ifndef SPOOL_STAGE_H
#define SPOOL_STAGE_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/core/spool.h"
#include "tests/unit/core_stage.h"

#define LIMIT (1024u * 1024)
/* Check writes a line for each assertion: in loops of a million only those that fail are worth it. */
#define must_eq(a, b) do { if ((a) != (b)) ck_assert_uint_eq(a, b); } while (0)

extern unsigned lost;		/* records that the spool told as dropped */
extern uint64_t lost_sum, keep;	/* of their ids; room for what was acknowledged, for open_it */

void set_up_spool(void);
struct spool *open_it(uint64_t limit, bool lossy);

size_t make(uint8_t *buf, uint64_t id, size_t n);	/* a record whose bytes say who it is */
uint64_t id_of(const struct spool_record *);		/* ... and that it came as it was */
int append(struct spool *, uint64_t id, size_t n);
unsigned rnd(unsigned n);

/* ---- a disk that fails ---- */

extern int fail_at, calls_made, failing;	/* the n-th call fails; failing: its errno, 0: a short write */
extern bool fail_for_good;
extern int bad_fd;
extern const struct disk_calls faulty, faulty_but_unlink;

#endif
