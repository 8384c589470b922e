/* store_stage.h - a store of its own on a real disk, on a day of its own, and results whose values say which they are. */
#ifndef STORE_STAGE_H
#define STORE_STAGE_H

#include <check.h>
#include <stdint.h>

#include "clock.h"
#include "collector/store/reader.h"
#include "collector/store/store.h"
#include "tests/unit/suite.h"

#define DAY (86400 * NS_PER_S)
#define NOON (INT64_C(1800000000) * NS_PER_S)	/* 2027-01-15 08:00 UTC */
#define RESERVE (1024 * 1024)

extern char folder[64], why[256];
extern struct store *store;
extern const uint8_t key[32];

void setup(void);
void teardown(void);
void restart(void);

struct batch *make(uint64_t epoch, uint64_t first, uint32_t n);	/* n results of two values each, first..first+n-1 of the epoch */
void drop(struct batch *, struct result *);
uint32_t put(uint64_t epoch, uint64_t first, uint32_t n, int64_t now);	/* stores one batch; returns how many results were new */
uint64_t held(uint64_t epoch);

struct seen { unsigned n; uint64_t sum, last; };
struct seen replay(struct reader_place *from);	/* looks at each result, too */

void run_on(const char *file, const char *sql);
void entries(char ret[1024]);			/* the journal, a line an entry */

#endif
