/* core_stage.h - a folder for what the core keeps, and what it complains of in the log. */
#ifndef CORE_STAGE_H
#define CORE_STAGE_H

#include <check.h>

#include "agent/core/disk.h"
#include "agent/core/outbox.h"
#include "tests/unit/suite.h"

extern char folder[64], last_complaint[2200];
extern unsigned complaints;	/* errors in the log */

void setup(void);
void teardown(void);

struct outbox *open_outbox_of(uint64_t measurements);
struct outbox *open_outbox(void);

#endif
