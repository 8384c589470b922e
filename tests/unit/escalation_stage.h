/* escalation_stage.h - escalation by scenes: real incidents, the times of the school's procedure, and who is told what. */
#ifndef ESCALATION_STAGE_H
#define ESCALATION_STAGE_H

#include <check.h>
#include <stdint.h>

#include "collector/procedure/escalation.h"
#include "tests/unit/suite.h"
#include "tests/unit/told.h"

enum { WEB1 = 1, DB1, DISK = 10, ROOT = 100, SRV };

extern const struct kind kinds[2];
extern const struct rule disk, mail;
extern const struct escalation_times times, insistent;

extern struct problems *problems;
extern struct people *people;
extern struct incidents *incidents;
extern struct escalation *e;
extern int64_t wall, boot;
extern char last_id[256];

void open_stage(void);
void close_stage(void);
void hear_due(const struct due *d, void *arg);

void change(uint32_t host, uint32_t series, const struct rule *rule, enum state before, enum state after);
void pass(int64_t ns);

#endif
