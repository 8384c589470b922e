#include "tests/unit/spool_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

unsigned lost;
uint64_t lost_sum, keep;

static void on_lost(void *arg, const void *data, size_t n)
{
	uint64_t id;

	ck_assert_uint_ge(n, sizeof(id));
	memcpy(&id, data, sizeof(id));
	lost++;
	lost_sum += id;
}

static const struct spool_hooks hooks = {.lost = on_lost};

void set_up_spool(void)
{
	setup();
	lost = 0;
	lost_sum = keep = 0;
}

struct spool *open_it(uint64_t limit, bool lossy)
{
	struct spool *s;

	ck_assert_int_eq(spool_open(folder, limit, keep, lossy, &hooks, &s), 0);
	return s;
}

size_t make(uint8_t *buf, uint64_t id, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf[i] = (uint8_t)(id * 131 + i * 7);
	memcpy(buf, &id, sizeof(id));
	return n;
}

uint64_t id_of(const struct spool_record *r)
{
	uint8_t expected[8192];
	uint64_t id;

	memcpy(&id, r->data, sizeof(id));
	make(expected, id, r->n);
	if (memcmp(r->data, expected, r->n))
		ck_abort_msg("record %" PRIu64 " came changed", id);
	return id;
}

int append(struct spool *s, uint64_t id, size_t n)
{
	uint8_t buf[8192];

	return spool_append(s, buf, make(buf, id, n), false);
}

unsigned rnd(unsigned n)
{
	return (unsigned)rand() % n;
}

/* ---- a disk that fails ---- */

int fail_at, calls_made, failing;
bool fail_for_good;
int bad_fd;

static bool fails(void)
{
	calls_made++;
	return fail_for_good ? calls_made >= fail_at : calls_made == fail_at;
}

static int faulty_open(const char *path, int flags, mode_t mode)
{
	if (failing && fails()) {
		errno = failing;
		return -1;
	}
	return open(path, flags, mode);
}

static ssize_t faulty_write(int fd, const void *data, size_t n)
{
	if (fails()) {
		if (!failing)
			return write(fd, data, n / 2 + 1);
		errno = failing;
		return failing == ENOSPC && n > 1 && write(fd, data, n / 2) > 0 ? -1 : -1;
	}
	return write(fd, data, n);
}

static int faulty_sync(int fd)
{
	ck_assert_msg(fd != bad_fd, "synced again on the descriptor on which it failed");
	if (failing && fails()) {
		bad_fd = fd;
		errno = failing;
		return -1;
	}
	return fdatasync(fd);
}

static int faulty_unlink(const char *path)
{
	if (failing && fails()) {
		errno = failing;
		return -1;
	}
	return unlink(path);
}

const struct disk_calls faulty = {faulty_open, faulty_write, faulty_sync, rename, faulty_unlink};
const struct disk_calls faulty_but_unlink = {faulty_open, faulty_write, faulty_sync, rename, unlink};
