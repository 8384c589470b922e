/*
 * faults.c - preloaded into a program of ours (R7): each place that writes to a folder's files fails once. A place is a system call, the
 * kind of file, and the calls that led there. As Linux does: what a sync could not write is taken for clean, so it is lost with
 * the page cache unless it is written again before the next sync.
 *
 *   BEADLE_FAULTS          the folder
 *   BEADLE_FAULTS_HOW      eio, enospc, eintr or short
 *   BEADLE_FAULTS_ODDS     a place that has not failed yet does so at one of so many calls; 1: at its first
 *   BEADLE_FAULTS_LOG      a line for each failure: "failed PLACE CALL FILE"; "again CALL FILE": a sync on a descriptor on which one
 *                          failed. Places that stand there already are left alone, so that a program which could not start starts later
 *   BEADLE_FAULTS_LOST     what the disk holds instead of what was lost: "PATH PAGE HEX", or "PATH PAGE -" once it was written after all
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#define PAGE 4096
#define DEPTH 24
#define FDS 4096

/* What was written since the last good sync; lost: it was not, when the sync failed. `old` is what the disk holds. */
struct page { struct { ino_t inode; int64_t number; } key; bool lost; uint8_t old[PAGE]; UT_hash_handle hh; };
struct place { uint64_t id; UT_hash_handle hh; };

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fsync)(int), (*real_fdatasync)(int), (*real_close)(int), (*real_ftruncate)(int, off_t);
static int (*real_rename)(const char *, const char *), (*real_unlink)(const char *), (*real_fallocate)(int, off_t, off_t);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *folder, *how;
static unsigned odds = 1;
static int log_fd = -1, lost_fd = -1;
static struct page *pages;
static struct place *failed;
static bool bad[FDS];			/* a sync failed on it */
static __thread bool inside;

static void say(int fd, const char *format, ...)
{
	char line[2 * PAGE + PATH_MAX + 64];
	va_list list;
	int n;

	va_start(list, format);
	n = vsnprintf(line, sizeof(line), format, list);
	va_end(list);
	if (real_write(fd, line, (size_t)n) != n)
		abort();
}

static void remember(uint64_t id)
{
	struct place *p = calloc(1, sizeof(*p));

	p->id = id;
	HASH_ADD(hh, failed, id, sizeof(id), p);
}

static void *find(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	if (!f)
		abort();
	return f;
}

__attribute__((constructor)) static void begin(void)
{
	void *frames[2];
	unsigned long long id;
	char line[PATH_MAX + 64];
	FILE *before;

	real_write = find("write");
	real_pwrite = find("pwrite64");
	real_fsync = find("fsync");
	real_fdatasync = find("fdatasync");
	real_close = find("close");
	real_ftruncate = find("ftruncate64");
	real_rename = find("rename");
	real_unlink = find("unlink");
	real_fallocate = find("posix_fallocate64");
	backtrace(frames, 2);			/* loads what it needs */
	if (!getenv("BEADLE_FAULTS"))
		return;
	how = getenv("BEADLE_FAULTS_HOW");
	odds = (unsigned)atoi(getenv("BEADLE_FAULTS_ODDS"));
	before = fopen(getenv("BEADLE_FAULTS_LOG"), "re");
	while (before && fgets(line, sizeof(line), before))
		if (sscanf(line, "failed %llx", &id) == 1)
			remember(id);
	if (before)
		fclose(before);
	log_fd = open(getenv("BEADLE_FAULTS_LOG"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	lost_fd = open(getenv("BEADLE_FAULTS_LOST"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	srandom((unsigned)getpid());
	folder = getenv("BEADLE_FAULTS");
}

/* ---- which file ---- */

static bool below(const char *path)
{
	size_t n = strlen(folder);

	return !strncmp(path, folder, n) && (!path[n] || path[n] == '/');
}

static bool ours(int fd, char path[PATH_MAX])
{
	char link[64];
	ssize_t n;

	if (!folder || inside)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	path[n > 0 ? n : 0] = '\0';
	return n > 0 && below(path);
}

/* The kind of file: its name without numbers. */
static void kind_of(const char *path, char kind[64])
{
	const char *name = strrchr(path, '/');
	size_t n = 0;

	for (name = name ? name + 1 : path; *name && n < 63; name++)
		if (*name < '0' || *name > '9')
			kind[n++] = *name;
	kind[n] = '\0';
}

/* ---- which place, and whether it fails now ---- */

static uint64_t mix(uint64_t hash, const void *data, size_t n)
{
	for (const uint8_t *p = data; n--; p++)
		hash = (hash ^ *p) * 0x100000001b3;
	return hash;
}

static uint64_t place_of(const char *call, const char *kind)
{
	uint64_t id = mix(mix(0xcbf29ce484222325, call, strlen(call)), kind, strlen(kind));
	void *frames[DEPTH];
	int n = backtrace(frames, DEPTH);

	for (int i = 0; i < n; i++) {
		Dl_info module;
		uint64_t offset = dladdr(frames[i], &module) ? (uint64_t)((char *)frames[i] - (char *)module.dli_fbase) : 0;

		id = mix(id, &offset, sizeof(offset));
	}
	return id;
}

static bool fails(const char *call, const char *path)
{
	char kind[64];
	struct place *known;
	uint64_t id;

	kind_of(path, kind);
	id = place_of(call, kind);
	HASH_FIND(hh, failed, &id, sizeof(id), known);
	if (known || (odds > 1 && random() % odds))
		return false;
	remember(id);
	say(log_fd, "failed %016llx %s %s\n", (unsigned long long)id, call, path);
	return true;
}

static int error(void)
{
	return !strcmp(how, "enospc") ? ENOSPC : !strcmp(how, "eintr") ? EINTR : EIO;
}

static bool is_short(void)
{
	return !strcmp(how, "short");
}

/* ---- what is lost ---- */

static struct page *page_at(ino_t inode, int64_t number, bool make)
{
	struct page *p, key;

	memset(&key, 0, sizeof(key));
	key.key.inode = inode;
	key.key.number = number;
	HASH_FIND(hh, pages, &key.key, sizeof(key.key), p);
	if (!p && make) {
		p = calloc(1, sizeof(*p));
		p->key = key.key;
		HASH_ADD(hh, pages, key, sizeof(p->key), p);
	}
	return p;
}

/* Before it is overwritten. */
static void keep_old(int fd, off_t at, size_t n)
{
	struct stat st;

	if (fstat(fd, &st))
		return;
	for (off_t number = at / PAGE; n && number <= (at + (off_t)n - 1) / PAGE; number++) {
		struct page *p = page_at(st.st_ino, number, false);

		if (!p) {
			p = page_at(st.st_ino, number, true);
			if (pread(fd, p->old, PAGE, number * PAGE) < 0)
				memset(p->old, 0, PAGE);	/* a descriptor for writing alone: a new file's */
		}
		p->lost = false;
	}
}

static void tell_lost(const char *path, const struct page *p)
{
	char hex[2 * PAGE + 1];

	for (size_t i = 0; i < PAGE; i++)
		snprintf(hex + 2 * i, 3, "%02x", p->old[i]);
	say(lost_fd, "%s %lld %s\n", path, (long long)p->key.number, hex);
}

static void after_sync(int fd, const char *path, bool good)
{
	struct page *p, *next;
	struct stat st;

	if (fstat(fd, &st))
		return;
	HASH_ITER(hh, pages, p, next) {
		if (p->key.inode != st.st_ino || p->lost)
			continue;
		if (good) {
			say(lost_fd, "%s %lld -\n", path, (long long)p->key.number);
			HASH_DEL(pages, p);
			free(p);
		} else {
			p->lost = true;
			tell_lost(path, p);
		}
	}
}

static void forget(ino_t inode, int64_t from, const char *path)
{
	struct page *p, *next;

	HASH_ITER(hh, pages, p, next)
		if (p->key.inode == inode && p->key.number >= from) {
			say(lost_fd, "%s %lld -\n", path, (long long)p->key.number);
			HASH_DEL(pages, p);
			free(p);
		}
}

/* ---- the calls ---- */

static void enter(void)
{
	pthread_mutex_lock(&lock);
	inside = true;
}

static void leave(void)
{
	int kept = errno;

	inside = false;
	pthread_mutex_unlock(&lock);
	errno = kept;
}

static ssize_t put(const char *call, int fd, const char *path, const void *data, size_t n, off_t at, bool placed)
{
	ssize_t r;

	enter();
	if ((!is_short() || n > 1) && fails(call, path)) {
		if (!is_short()) {
			errno = error();
			leave();
			return -1;
		}
		n /= 2;
	}
	keep_old(fd, placed ? at : lseek(fd, 0, SEEK_CUR), n);
	r = placed ? real_pwrite(fd, data, n, at) : real_write(fd, data, n);
	leave();
	return r;
}

ssize_t write(int fd, const void *data, size_t n)
{
	char path[PATH_MAX];

	return ours(fd, path) ? put("write", fd, path, data, n, 0, false) : real_write(fd, data, n);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off_t at)
{
	char path[PATH_MAX];

	return ours(fd, path) ? put("pwrite", fd, path, data, n, at, true) : real_pwrite(fd, data, n, at);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
	return pwrite64(fd, data, n, at);
}

/* And from where: addr2line knows. A file that is being made has a rollback journal; SQLite writes all of it anew before it syncs again. */
static void tell_again(const char *call, const char *path)
{
	char journal[PATH_MAX + 16];
	void *frames[DEPTH];

	snprintf(journal, sizeof(journal), "%s-journal", path);
	if (!access(journal, F_OK))
		return;
	say(log_fd, "again %s %s\n", call, path);
	backtrace_symbols_fd(frames, backtrace(frames, DEPTH), log_fd);
}

static int sync_it(const char *call, int fd, const char *path, int (*real)(int))
{
	int r;

	enter();
	if (fd < FDS && bad[fd])
		tell_again(call, path);
	if (!is_short() && fails(call, path)) {
		if (fd < FDS)
			bad[fd] = true;
		after_sync(fd, path, false);
		errno = error();
		r = -1;
	} else {
		r = real(fd);
		after_sync(fd, path, r == 0);
	}
	leave();
	return r;
}

int fsync(int fd)
{
	char path[PATH_MAX];

	return ours(fd, path) ? sync_it("fsync", fd, path, real_fsync) : real_fsync(fd);
}

int fdatasync(int fd)
{
	char path[PATH_MAX];

	return ours(fd, path) ? sync_it("fdatasync", fd, path, real_fdatasync) : real_fdatasync(fd);
}

int close(int fd)
{
	if (fd >= 0 && fd < FDS)
		bad[fd] = false;
	return real_close ? real_close(fd) : -1;
}

int ftruncate64(int fd, off_t size)
{
	char path[PATH_MAX];
	struct stat st;
	int r;

	if (!ours(fd, path))
		return real_ftruncate(fd, size);
	enter();
	if (!is_short() && fails("ftruncate", path)) {
		errno = error();
		leave();
		return -1;
	}
	r = real_ftruncate(fd, size);
	if (!r && !fstat(fd, &st))
		forget(st.st_ino, (size + PAGE - 1) / PAGE, path);
	leave();
	return r;
}

int ftruncate(int fd, off_t size)
{
	return ftruncate64(fd, size);
}

int posix_fallocate64(int fd, off_t at, off_t n)
{
	char path[PATH_MAX];
	bool bad_now;

	if (!ours(fd, path))
		return real_fallocate(fd, at, n);
	enter();
	bad_now = !is_short() && fails("fallocate", path);
	leave();
	return bad_now ? error() : real_fallocate(fd, at, n);
}

int posix_fallocate(int fd, off_t at, off_t n)
{
	return posix_fallocate64(fd, at, n);
}

int rename(const char *from, const char *to)
{
	bool bad_now = false;

	if (folder && !inside && below(to)) {
		enter();
		bad_now = !is_short() && fails("rename", to);
		leave();
	}
	if (bad_now)
		errno = error();
	return bad_now ? -1 : real_rename(from, to);
}

int unlink(const char *path)
{
	bool bad_now = false;
	struct stat st;

	if (folder && !inside && below(path)) {
		enter();
		bad_now = !is_short() && fails("unlink", path);
		if (!bad_now && !stat(path, &st))
			forget(st.st_ino, 0, path);
		leave();
	}
	if (bad_now)
		errno = error();
	return bad_now ? -1 : real_unlink(path);
}
