#include "clock.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cleanup.h"
#include "io.h"

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

void clock_boot_id(char ret[CLOCK_BOOT_ID])
{
	FREE char *text = NULL;

	*ret = '\0';
	if (io_read_file("/proc/sys/kernel/random/boot_id", 64, &text, NULL) == 0)
		sscanf(text, "%39s", ret);
}

void clock_use(const struct clock_fake *f)
{
	fake = f;
}
