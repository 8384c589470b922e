/*
 * judge_stage.h - the judge by scenes: a host "web1" whose check "disk" reports once a minute; each scene reads as what is measured
 * and what is told. Time is the test's own.
 */
#ifndef JUDGE_STAGE_H
#define JUDGE_STAGE_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

#include "collector/judge/judge.h"
#include "tests/unit/suite.h"
#include "tests/unit/told.h"

#define DAY (24 * HOUR)

enum { WEB1, NEW, DISK = 0, OTHER, ROOT = 0, SRV, PENDING, RESTARTS };

#define RULES 9
extern const struct rule disk_used, sync_age, gone, silent, failed;	/* which tests name */
extern const struct rule *const rules[RULES];

extern struct judge *j;
extern int64_t wall, boot, agent;	/* agent: how far its clock is off */

void raise_curtain(void);
void drop_curtain(void);
void hear(const struct judge_change *c, void *arg);
void add_series(uint32_t number, const char *metric, const char *mount);

void pass(int64_t ns);				/* time passes, second by second as in life; nothing is measured */
void measure(uint32_t series, double value);	/* a minute passes, then one round with this value */
void measure_often(uint32_t series, double value, int times);
void round_without_values(bool ok);

#endif
