/* beadle_processes: asks the template for a scan, and reads beadle-procscan's records from the pipe that comes back. */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/host.h"
#include "agent/procscan/scan.h"
#include "lib/cleanup.h"
#include "lib/io.h"

static int read_record(int fd, struct scan_record *record)
{
	size_t n = 0;

	while (n < sizeof(*record)) {
		ssize_t k = read(fd, (char *)record + n, sizeof(*record) - n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		if (k == 0)
			return n ? -EIO : 0;
		n += (size_t)k;
	}
	return 1;
}

int beadle_processes(struct beadle_ctx *ctx, void (*found)(const struct beadle_process *, void *arg), void *arg)
{
	struct scan_record record;
	CLOSE int fd = -1;
	bool any = false;
	char answer;
	ssize_t k;
	int r;

	if (ctx->host->scan < 0 || !beadle_granted(ctx, BEADLE_NEED_SERVICE, "procscan"))
		return -EPERM;
	r = io_send(ctx->host->scan, "s", 1, -1);
	if (r < 0)
		return r;
	k = io_receive(ctx->host->scan, &answer, sizeof(answer), &fd);
	if (k < 0)
		return (int)k;
	if (fd < 0)
		return -EIO;
	while ((r = read_record(fd, &record)) > 0) {
		struct beadle_process p = {.pid = (pid_t)record.pid,
					   .uid = record.uid,
					   .start_ticks = record.start_ticks,
					   .deleted_libraries = record.deleted_libraries,
					   .exe_deleted = record.exe_deleted != 0,
					   .exe = record.exe};

		record.exe[SCAN_EXE - 1] = 0;
		found(&p, arg);
		any = true;
	}
	return r == 0 && !any ? -EIO : r;	/* it did not even see itself: it never ran */
}
