/* beadle-procscan: which processes run which executable, and deleted files. No input but the word "scan"; fixed records
 * out. */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/procscan/scan.h"
#include "lib/cleanup.h"
#include "lib/confine.h"
#include "lib/io.h"

#define DELETED " (deleted)"
#define BATCH 64

static struct scan_record batch[BATCH];
static size_t n_batch;

static int flush(void)
{
	int r = io_write_all(1, batch, n_batch * sizeof(*batch));

	n_batch = 0;
	return r;
}

static bool ends_deleted(const char *line, size_t n)
{
	size_t k = sizeof(DELETED) - 1;

	return n > k && memcmp(line + n - k, DELETED, k) == 0;
}

/* Not memory that never was a library of a package: memfds, devices, System V segments, code that libffi and Java
 * unpack. */
static bool is_file(const char *path)
{
	static const char *const not[] = {"/memfd:", "/dev/", "/SYSV", "/[aio]", "/drm ", "/tmp/ffi", "/tmp/jna"};

	for (size_t i = 0; i < sizeof(not) / sizeof(*not); i++)
		if (strncmp(path, not[i], strlen(not[i])) == 0)
			return false;
	return true;
}

/* One line of maps: "start-end perms offset dev inode  path". An executable mapping of a file that is gone, and not of
 * `exe`. */
static bool is_deleted_library(const char *line, size_t n, const char *exe)
{
	const char *perms, *path;

	if (!ends_deleted(line, n))
		return false;
	perms = memchr(line, ' ', n);
	path = memchr(line, '/', n);
	if (!perms || !path || line + n - perms < 5 || perms[3] != 'x' || !is_file(path))
		return false;
	n -= (size_t)(path - line) + sizeof(DELETED) - 1;
	return strlen(exe) != n || memcmp(path, exe, n) != 0;
}

static uint32_t count_deleted(int process, const char *exe)
{
	static char text[65536];
	CLOSE int fd = openat(process, "maps", O_RDONLY | O_CLOEXEC);
	uint32_t count = 0;
	size_t have = 0;
	ssize_t k;

	while (fd >= 0 && (k = read(fd, text + have, sizeof(text) - have)) > 0) {
		char *line = text, *end;

		have += (size_t)k;
		while ((end = memchr(line, '\n', have - (size_t)(line - text)))) {
			count += is_deleted_library(line, (size_t)(end - line), exe);
			line = end + 1;
		}
		have -= (size_t)(line - text);
		memmove(text, line, have);
		if (have == sizeof(text))
			have = 0;	/* no line of the kernel's is so long */
	}
	return count;
}

static uint64_t start_ticks(int process)
{
	CLOSE int fd = openat(process, "stat", O_RDONLY | O_CLOEXEC);
	char text[512], *p;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return 0;
	text[n] = 0;
	p = strrchr(text, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p, NULL, 10) : 0;
}

/* The folder's owner would be root for a process that may not be dumped. */
static bool user_of(int process, uint32_t *ret)
{
	CLOSE int fd = openat(process, "status", O_RDONLY | O_CLOEXEC);
	char text[1024], *p;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = 0;
	p = strstr(text, "\nUid:\t");
	if (p)
		*ret = (uint32_t)strtoul(p + 6, NULL, 10);
	return p;
}

static void scan_exe(int process, struct scan_record *r)
{
	char exe[4096];
	ssize_t n = readlinkat(process, "exe", exe, sizeof(exe) - 1);

	if (n < 0)
		return;
	r->exe_deleted = ends_deleted(exe, (size_t)n);
	if (r->exe_deleted)
		n -= (ssize_t)sizeof(DELETED) - 1;
	if ((size_t)n >= sizeof(r->exe))
		n = sizeof(r->exe) - 1;
	memcpy(r->exe, exe, (size_t)n);
	r->exe[n] = 0;
}

static int scan(int proc, const char *pid)
{
	CLOSE int process = openat(proc, pid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct scan_record *r = &batch[n_batch];

	if (process < 0)
		return 0;	/* it has ended */
	*r = (struct scan_record){.pid = (uint32_t)atoi(pid), .start_ticks = start_ticks(process)};
	if (!r->start_ticks || !user_of(process, &r->uid))
		return 0;	/* it has ended: nobody's, not root's */
	scan_exe(process, r);
	if (r->exe[0])
		r->deleted_libraries = count_deleted(process, r->exe);
	return ++n_batch == BATCH ? flush() : 0;
}

int main(int argc, char **argv)
{
	DIR *proc;
	struct dirent *entry;
	char why[CONFINE_WHY];
	int r = 0;

	if (argc != 2 || strcmp(argv[1], "scan") != 0) {
		fputs("usage: beadle-procscan scan\n", stderr);
		return 2;
	}
	if (confine_enter(CONFINE_PROCSCAN, NULL, 0, why) < 0) {
		fprintf(stderr, "beadle-procscan: %s\n", why);
		return 1;
	}
	proc = opendir("/proc");
	if (!proc)
		return 1;
	while (r == 0 && (entry = readdir(proc)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			r = scan(dirfd(proc), entry->d_name);
	if (r == 0)
		r = flush();
	closedir(proc);
	return r < 0;
}
