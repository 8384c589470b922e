/* A plugin that listens to a FIFO in its state directory: each byte is an event. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <beadle/watch.h>

struct watcher { int64_t fd; };

static const struct beadle_option options[] = {BEADLE_OPTION(struct watcher, fd, "-1", "not for you"), {0}};
static const struct beadle_metric value = {"watcher_value", "count", "rounds", BEADLE_COUNTER};
static const struct beadle_metric *const metrics[] = {&value, NULL};

static int open_watcher(struct beadle_ctx *ctx, void *state)
{
	const char *path = beadle_state_path(ctx, "fifo");
	struct watcher *w = state;

	if (!path || (mkfifo(path, 0600) < 0 && errno != EEXIST))
		return -errno;
	w->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return w->fd < 0 ? -errno : 0;
}

static int fd_of(void *state)
{
	return (int)((struct watcher *)state)->fd;
}

static int ready(struct beadle_ctx *ctx, void *state)
{
	char text[2] = "";

	while (read(fd_of(state), text, 1) == 1) {
		if (text[0] == '!')
			return -EIO;	/* watching stops until the next round */
		beadle_event(ctx, "heard", {"byte", text});
	}
	beadle_put(ctx, &value, 1);	/* not here: it is left out, and said so */
	return 0;
}

static int collect(struct beadle_ctx *ctx, void *state)
{
	beadle_put(ctx, &value, 1);
	return 0;
}

static void close_watcher(void *state)
{
	if (((struct watcher *)state)->fd >= 0)
		close(fd_of(state));
}

static const struct beadle_watch watch = {.fd = fd_of, .ready = ready};

BEADLE_PLUGIN(watcher, .state_size = sizeof(struct watcher), .options = options, .metrics = metrics,
	      .open = open_watcher, .collect = collect, .close = close_watcher, .watch = &watch);
