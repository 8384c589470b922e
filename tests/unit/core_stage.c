#include "tests/unit/core_stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "tests/unit/folder.h"

char folder[64], last_complaint[2200];
unsigned complaints;

static void on_line(enum log_level level, const char *line, void *arg)
{
	if (level == LOG_ERROR) {
		complaints++;
		snprintf(last_complaint, sizeof(last_complaint), "%s", line);
	}
}

void setup(void)
{
	strcpy(folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm/beadle-core-XXXXXX" : "/tmp/beadle-core-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	complaints = 0;
	log_capture(on_line, NULL);
}

void teardown(void)
{
	ck_assert_int_eq(folder_remove(folder), 0);
	log_capture(NULL, NULL);
	disk_use(NULL);
	clock_use(NULL);
}

struct outbox *open_outbox_of(uint64_t measurements)
{
	struct outbox *o;

	ck_assert_int_eq(outbox_open(folder, &(struct outbox_room){measurements, 1 << 20, 1 << 20}, NS_PER_S, &o), 0);
	return o;
}

struct outbox *open_outbox(void)
{
	return open_outbox_of(1 << 20);
}
