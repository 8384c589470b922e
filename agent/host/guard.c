#include "config.h"

#include "agent/host/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/host/host.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/io.h"

#define OUT_MAX 65536

struct guards *guard_new(void)
{
	void *at = mmap(NULL, sizeof(struct guards), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

void guard_free(struct guards *g)
{
	if (g)
		munmap(g, sizeof(*g));
}

int guard_holds(const struct guards *g, pid_t pid)
{
	for (int i = 0; g && i < GUARD_SLOTS; i++)
		if (g->slots[i].pid == pid)
			return 1;
	return 0;
}

uint64_t guard_started(pid_t pid)
{
	char path[32], text[512], *p;
	CLOSE int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = 0;
	p = strrchr(text, ')');		/* the name before it may hold anything */
	if (!p || p[1] != ' ' || p[2] == 'Z')
		return 0;
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p, NULL, 10) : 0;
}

/* FNV-1a of check and name: slots are few, and a clash costs one source a round. */
static uint64_t slot_name(uint32_t check, const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ check;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
	return h | 1;
}

/* Frees the slot of a child that is gone. One without a start time was in use when an earlier host died. */
static void slot_settle(struct guard_slot *s)
{
	if (waitpid(s->pid, NULL, WNOHANG) != s->pid) {
		uint64_t started = guard_started(s->pid);

		if (!s->started)
			s->started = started;
		if (started && started == s->started)
			return;
	}
	*s = (struct guard_slot){0};
}

/* A free slot, or NULL with -EBUSY or -EAGAIN in *ret_error. */
static struct guard_slot *slot_take(struct guards *g, uint64_t name, int *ret_error)
{
	struct guard_slot *free_slot = NULL;

	*ret_error = -EAGAIN;
	for (int i = 0; g && i < GUARD_SLOTS; i++) {
		struct guard_slot *s = &g->slots[i];

		if (s->pid)
			slot_settle(s);
		if (s->pid && s->name == name) {
			*ret_error = -EBUSY;
			return NULL;
		}
		if (!s->pid && !free_slot)
			free_slot = s;
	}
	if (free_slot)
		free_slot->name = name;
	return free_slot;
}

static void child(int pipe, int (*fn)(const void *, void *, size_t), const void *arg, void *out, size_t out_size)
{
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	r = fn(arg, out, out_size);
	if (io_write_all(pipe, &r, sizeof(r)) == 0)
		io_write_all(pipe, out, out_size);
	_exit(0);
}

/* All n bytes before the deadline: 0, -ETIMEDOUT, or -EIO when the child ended too early. */
static int receive(int pipe, void *to, size_t n, int64_t deadline)
{
	char *p = to;

	while (n) {
		struct pollfd pfd = {.fd = pipe, .events = POLLIN};
		int64_t left = deadline - clock_boot();
		struct timespec ts = {.tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S};
		ssize_t k;

		if (left <= 0)
			return -ETIMEDOUT;
		if (ppoll(&pfd, 1, &ts, NULL) <= 0)
			continue;
		k = read(pipe, p, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return -EIO;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

/* Kills the child. One that hangs in the kernel does not end now: its slot stays taken while it lives. */
static void give_up(struct guard_slot *slot)
{
	slot->started = guard_started(slot->pid);
	kill(slot->pid, SIGKILL);
	for (int i = 0; i < 20 && slot->pid; i++) {
		poll(NULL, 0, 1);
		slot_settle(slot);
	}
}

int beadle_guard(struct beadle_ctx *ctx, const char *name, int (*fn)(const void *arg, void *out, size_t out_size),
		 const void *arg, void *out, size_t out_size, struct beadle_duration deadline)
{
	int64_t end = clock_boot() + deadline.ns;
	FREE char *answer = malloc(sizeof(int) + out_size);
	struct guard_slot *slot;
	int fds[2], result, r;
	pid_t pid;

	if (out_size > OUT_MAX)
		return -EINVAL;
	if (!answer)
		return -ENOMEM;
	slot = slot_take(ctx->host->guards, slot_name(ctx->check, name), &r);
	if (!slot)
		return r;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();	/* not into the slot: the child shares that, and would write its 0 there */
	if (pid == 0) {
		close(fds[0]);
		child(fds[1], fn, arg, out, out_size);
	}
	if (pid < 0) {
		r = -errno;
		close(fds[0]);
		close(fds[1]);
		*slot = (struct guard_slot){0};
		return r;
	}
	close(fds[1]);
	slot->pid = pid;
	r = receive(fds[0], answer, sizeof(int) + out_size, end);
	close(fds[0]);
	if (r == -ETIMEDOUT) {
		give_up(slot);
		return r;
	}
	waitpid(slot->pid, NULL, 0);
	*slot = (struct guard_slot){0};
	if (r < 0)
		return r;
	memcpy(&result, answer, sizeof(result));
	memcpy(out, answer + sizeof(result), out_size);
	return result;
}
