/* bad.c - a plugin with a switch: each misdeed once (SECURITY P1 to P5). What it does otherwise is measure 1. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <beadle/plugin.h>

struct bad { const char *misdeed, *frame; };

static const struct beadle_option options[] = {
	BEADLE_OPTION(struct bad, misdeed, "none", "what to do in collect"),
	BEADLE_OPTION(struct bad, frame, "", "in hexadecimal: sent to the core, before it measures"),
	{0}
};
static const struct beadle_metric value = {"bad_value", "count", "1 when all is well", BEADLE_GAUGE};
static const struct beadle_metric foreign = {"bad_foreign", "count", "not in the table", BEADLE_GAUGE};
static const struct beadle_metric *const metrics[] = {&value, NULL};
static const struct beadle_need needs[] = {{BEADLE_NEED_SERVICE, "procscan", "to see processes"}, {0}};

static volatile int always = 1;

/* ---- P1 ---- */

static int segfault(struct beadle_ctx *ctx)
{
	static int *volatile nowhere;

	*nowhere = 1;
	return 0;
}

static int do_abort(struct beadle_ctx *ctx)
{
	abort();
}

static int deeper(int n)
{
	volatile char room[4096];

	room[0] = (char)n;
	return always ? deeper(n + 1) + room[0] : 0;
}

static int stack(struct beadle_ctx *ctx)
{
	return deeper(0);
}

static int leave(struct beadle_ctx *ctx)
{
	_exit(0);
}

/* ---- P2 ---- */

static int loop(struct beadle_ctx *ctx)
{
	while (always)
		;
	return 0;
}

static int stubborn(struct beadle_ctx *ctx)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	while (always)
		pause();
	return 0;
}

static void note_pid(struct beadle_ctx *ctx, pid_t pid)
{
	const char *path = beadle_state_path(ctx, "pid"), *done = beadle_state_path(ctx, "pid.done");
	FILE *f = path ? fopen(path, "we") : NULL;

	if (!f)
		return;
	fprintf(f, "%d\n", (int)pid);
	fclose(f);
	rename(path, done);
}

/* A child that has left group and session, and goes on without its parent. */
static int orphan(struct beadle_ctx *ctx)
{
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		if (fork() == 0) {
			note_pid(ctx, getpid());
			for (int fd = 0; fd < 100; fd++)
				close(fd);
			sleep(1000);
		}
		_exit(0);
	}
	sleep(1000);
	return 0;
}

static int hang(const void *arg, void *out, size_t out_size)
{
	note_pid((struct beadle_ctx *)arg, getpid());
	sleep(1000);
	return 0;
}

static int guarded(struct beadle_ctx *ctx)
{
	char out[8] = "";
	int r = beadle_guard(ctx, "hanging", hang, ctx, out, sizeof(out), (struct beadle_duration){2000000000});

	if (r < 0)
		beadle_skip(ctx, -r, "hanging");
	return 0;
}

static int answer(const void *arg, void *out, size_t out_size)
{
	memset(out, *(const char *)arg, out_size);
	return 42;
}

static int guarded_well(struct beadle_ctx *ctx)
{
	char out[60000] = "";
	int r = beadle_guard(ctx, "quick", answer, "x", out, sizeof(out), (struct beadle_duration){10000000000});

	return r == 42 && out[0] == 'x' && out[sizeof(out) - 1] == 'x' ? 0 : -EIO;
}

/* ---- P3 ---- */

static int leak(struct beadle_ctx *ctx)
{
	while (always) {
		char *p = malloc(1 << 20);

		if (!p)
			return -ENOMEM;
		memset(p, 1, 1 << 20);
	}
	return 0;
}

static int fork_bomb(struct beadle_ctx *ctx)
{
	while (always)
		if (fork() < 0)
			usleep(100);
	return 0;
}

static void *idle(void *arg)
{
	pause();
	return NULL;
}

static int threads(struct beadle_ctx *ctx)
{
	pthread_t t;

	for (int i = 0; i < 10000; i++)
		if (pthread_create(&t, NULL, idle, NULL) != 0)
			return -EAGAIN;
	return 0;
}

static int descriptors(struct beadle_ctx *ctx)
{
	int fd, last = -1, error;

	while ((fd = open("/dev/null", O_RDONLY)) >= 0)
		last = fd;
	error = -errno;
	printf("up to %d\n", last);
	fflush(stdout);
	return error;
}

static int huge_file(struct beadle_ctx *ctx)
{
	const char *path = beadle_state_path(ctx, "huge");
	int fd = path ? open(path, O_RDWR | O_CREAT, 0600) : -1;

	return fd < 0 || ftruncate(fd, (off_t)1 << 40) < 0 ? -errno : 0;
}

/* ---- P4 ---- */

static int flood(struct beadle_ctx *ctx)
{
	char line[1024];

	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 1024 * 1024; i++)
		if (write(1 + i % 2, line, sizeof(line)) < 0 && i > 100000)
			break;
	return 0;
}

static int escapes(struct beadle_ctx *ctx)
{
	static const char text[] = "\033[2J\033]0;owned\007\0nul\r\xff\xfe";

	if (write(1, text, sizeof(text) - 1) < 0)
		return -errno;
	fprintf(stderr, "and on stderr\n");
	beadle_log(ctx, "and in the log: %d", 7);
	return 0;
}

/* ---- P5 ---- */

static int close_all(struct beadle_ctx *ctx)
{
	for (int fd = 0; fd < 1000; fd++)
		close(fd);
	sleep(1000);
	return 0;
}

/* Lengths and pointers of the allocator, all around. */
static int heap(struct beadle_ctx *ctx)
{
	char *p[64];

	for (int i = 0; i < 64; i++)
		p[i] = malloc(100);
	for (int i = 0; i < 64; i++)
		memset(p[i] - 16, 0xa5, always ? 132 : 1);
	for (int i = 0; i < 64; i++)
		free(p[i]);
	return 0;
}

/* Its own way to the core. */
static int find_pipe(void)
{
	struct stat st;

	for (int fd = 3; fd < 64; fd++)
		if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
			return fd;
	return -1;
}

static int say(const void *bytes, size_t n)
{
	return send(find_pipe(), bytes, n, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int random_bytes(struct beadle_ctx *ctx)
{
	unsigned char bytes[4096];
	uint32_t x = 12345;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)((x = x * 1664525 + 1013904223) >> 24);
	return say(bytes, sizeof(bytes));
}

static int huge_count(struct beadle_ctx *ctx)
{
	return say("\xff\xff\xff\xff", 4);
}

static int half_message(struct beadle_ctx *ctx)
{
	say("\0\0\1\0half", 8);
	_exit(0);
}

/* A Round of check 999, which is somebody else's. */
static int other_name(struct beadle_ctx *ctx)
{
	return say("\0\0\0\7\x1a\5\x08\xe7\x07\x10\x01", 11);
}

/* Would be started again for ever. */
static int renew(struct beadle_ctx *ctx)
{
	return say("\0\0\0\2\x2a\0", 6);
}

/* What the test has made, byte by byte. */
static int say_frame(const char *hex)
{
	unsigned char bytes[4096];
	size_t n = 0;

	for (unsigned int byte; n < sizeof(bytes) && sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
		bytes[n] = (unsigned char)byte;
	return say(bytes, n);
}

/* ---- what the interface refuses ---- */

static int not_a_number(struct beadle_ctx *ctx)
{
	volatile double zero = 0;

	beadle_put(ctx, &value, 0 / zero);
	return 0;
}

static int foreign_metric(struct beadle_ctx *ctx)
{
	beadle_put(ctx, &foreign, 1);
	return 0;
}

static int too_many(struct beadle_ctx *ctx)
{
	char text[16];

	for (int i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		beadle_put(ctx, &value, i, {"n", text});
	}
	return 0;
}

static int many_events(struct beadle_ctx *ctx)
{
	char text[16];

	for (int i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		beadle_event(ctx, "found", {"n", text}, {"path", "/a/path/that/is/somewhat/long/as/paths/are"});
	}
	return 0;
}

/* ---- what is offered ---- */

static void count(const struct beadle_process *p, void *arg)
{
	struct { pid_t self, parent; int n, found; } *c = arg;

	c->n++;
	c->found += (p->pid == c->self || p->pid == c->parent) && p->start_ticks && p->exe[0] == '/';
}

static int processes(struct beadle_ctx *ctx)
{
	struct { pid_t self, parent; int n, found; } c = {getpid(), getppid(), 0, 0};
	int r = beadle_processes(ctx, count, &c);

	beadle_put(ctx, &value, c.n, {"what", "processes"});
	beadle_put(ctx, &value, c.found, {"what", "found"});
	return r;
}

static int run(struct beadle_ctx *ctx)
{
	char *out;
	int r = beadle_run(ctx, (const char *const[]){"/bin/sh", "-c", "echo \"$LC_ALL\"; exit 3", NULL}, 100,
			   (struct beadle_duration){10000000000}, &out);

	if (r >= 0) {
		beadle_fact(ctx, "said", out);
		free(out);
	}
	beadle_put(ctx, &value, r, {"what", "status"});
	r = beadle_run(ctx, (const char *const[]){"/bin/sh", "-c", "sleep 1000 & sleep 1000", NULL}, 100,
		       (struct beadle_duration){300000000}, &out);
	beadle_put(ctx, &value, -r, {"what", "late"});
	r = beadle_run(ctx, (const char *const[]){"/bin/sh", "-c", "yes", NULL}, 1000,
		       (struct beadle_duration){10000000000}, &out);
	beadle_put(ctx, &value, -r, {"what", "much"});
	r = beadle_run(ctx, (const char *const[]){"/bin/sh", "-c", "kill -9 $$", NULL}, 1000,
		       (struct beadle_duration){10000000000}, &out);
	beadle_put(ctx, &value, -r, {"what", "killed"});
	r = beadle_run(ctx, (const char *const[]){"/nonexistent", NULL}, 1000, (struct beadle_duration){10000000000},
		       &out);
	beadle_put(ctx, &value, -r, {"what", "absent"});
	return 0;
}

static int report(struct beadle_ctx *ctx)
{
	beadle_put(ctx, &value, 1);
	beadle_put(ctx, &value, 2, {"where", "a"}, {"state", "x"});
	beadle_put(ctx, &value, 3, {"where", "b"});
	beadle_put(ctx, &value, 4, {"where", "a"}, {"state", "x"});	/* the last one counts */
	beadle_fact(ctx, "release", "1.2", {"engine", "test"});
	beadle_skip(ctx, ENOENT, "/gone");
	beadle_event(ctx, "seen", {"file", "a\xff" "b"});
	return 0;
}

static const struct { const char *name; int (*fn)(struct beadle_ctx *); } misdeeds[] = {
	{"segfault", segfault},
	{"abort", do_abort},
	{"stack", stack},
	{"exit", leave},
	{"loop", loop},
	{"stubborn", stubborn},
	{"orphan", orphan},
	{"guarded", guarded},
	{"guarded_well", guarded_well},
	{"leak", leak},
	{"fork_bomb", fork_bomb},
	{"threads", threads},
	{"descriptors", descriptors},
	{"huge_file", huge_file},
	{"flood", flood},
	{"escapes", escapes},
	{"close_all", close_all},
	{"heap", heap},
	{"random", random_bytes},
	{"huge_count", huge_count},
	{"half", half_message},
	{"other_name", other_name},
	{"renew", renew},
	{"nan", not_a_number},
	{"foreign", foreign_metric},
	{"too_many", too_many},
	{"many_events", many_events},
	{"processes", processes},
	{"run", run},
	{"report", report},
};

static int collect(struct beadle_ctx *ctx, void *state)
{
	const struct bad *bad = state;

	if (bad->frame[0] && say_frame(bad->frame) < 0)
		return -EIO;
	for (size_t i = 0; i < sizeof(misdeeds) / sizeof(*misdeeds); i++)
		if (strcmp(misdeeds[i].name, bad->misdeed) == 0)
			return misdeeds[i].fn(ctx);
	if (strcmp(bad->misdeed, "none") != 0 && strcmp(bad->misdeed, "close") != 0)
		return -EINVAL;
	beadle_put(ctx, &value, 1);
	return 0;
}

static void close_bad(void *state)
{
	if (strcmp(((const struct bad *)state)->misdeed, "close") == 0)
		abort();
}

BEADLE_PLUGIN(bad, .version = "1", .help = "Misbehaves", .state_size = sizeof(struct bad), .options = options,
	      .metrics = metrics, .needs = needs, .collect = collect, .close = close_bad);
