#include "clock.h"

#include <stddef.h>
#include <time.h>

static const struct clock_fake *fake;

static int64_t now(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t clock_wall(void)
{
	return fake ? fake->wall : now(CLOCK_REALTIME);
}

int64_t clock_boot(void)
{
	return fake ? fake->boot : now(CLOCK_BOOTTIME);
}

void clock_use(const struct clock_fake *f)
{
	fake = f;
}
