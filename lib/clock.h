/* clock.h - the one place that asks what time it is. Monotonic (boot) time schedules, wall time only stamps. In ns. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define CLOCK_BOOT_ID 40

int64_t clock_wall(void);	/* CLOCK_REALTIME */
int64_t clock_boot(void);	/* CLOCK_BOOTTIME: goes on while the machine sleeps */
void clock_boot_id(char ret[CLOCK_BOOT_ID]);	/* whose beginning that counts from: another at each start of the machine; "": not known */

/* For tests: both clocks come from here; NULL restores the kernel's. */
struct clock_fake { int64_t wall, boot; };
void clock_use(const struct clock_fake *);

#endif
