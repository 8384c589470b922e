/* early.c - a plugin whose code runs before anybody has called it, and writes a file (SECURITY P7). It tells what came of that. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <beadle/plugin.h>

#define MARK "/var/tmp/beadle-early-mark"	/* tests/plugins/test_granted.py */

static int error = -1;

__attribute__((constructor)) static void write_mark(void)
{
	int fd = open(MARK, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	error = fd < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
}

static const struct beadle_metric got = {"early_errno", "count", "0 when its constructor could write a file", BEADLE_GAUGE};
static const struct beadle_metric *const metrics[] = {&got, NULL};

static int collect(struct beadle_ctx *ctx, void *state)
{
	beadle_put(ctx, &got, error);
	return 0;
}

BEADLE_PLUGIN(early, .version = "1", .help = "Writes before it is asked", .metrics = metrics, .collect = collect);
