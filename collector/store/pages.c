/* pages.c - a VFS that stands before SQLite's own and looks at the pages of database files; all else goes through. */
#include "collector/store/pages.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "crc32c.h"

#define ROOM_AT 20	/* in a file's header: bytes left free in each page, */
#define MARK_AT 68	/* and the application's id, big-endian */

/* sealed: its pages have checksums. A file of before they were introduced is read and written as it is. */
struct file { sqlite3_file base; bool database, sealed; };

static sqlite3_vfs *under, vfs;

static sqlite3_file *real(sqlite3_file *f)
{
	return (sqlite3_file *)((struct file *)f + 1);
}

static uint32_t seal_of(const uint8_t *page, int64_t at)
{
	const uint64_t place = htole64((uint64_t)at);

	return htole32(crc32c(crc32c(0, &place, sizeof(place)), page, PAGE_SIZE - PAGES_ROOM));
}

static bool whole(const uint8_t *page, int64_t at)
{
	uint32_t seal;

	memcpy(&seal, page + PAGE_SIZE - PAGES_ROOM, sizeof(seal));
	return seal == seal_of(page, at);
}

/* Two marks, so that no one bit makes a file look like an old one. */
static bool is_marked(const uint8_t *first)
{
	uint32_t mark;

	memcpy(&mark, first + MARK_AT, sizeof(mark));
	return first[ROOM_AT] == PAGES_ROOM || be32toh(mark) == PAGES_MARK;
}

static int close_it(sqlite3_file *f)
{
	return real(f)->pMethods->xClose(real(f));
}

/* A header says how large pages are before its page was looked at: no other size is believed. */
static int read_it(sqlite3_file *f, void *data, int n, sqlite3_int64 at)
{
	const struct file *its = (struct file *)f;
	int r = real(f)->pMethods->xRead(real(f), data, n, at);

	if (r != SQLITE_OK || !its->database || !its->sealed || n < 512)
		return r;
	return n == PAGE_SIZE && at % PAGE_SIZE == 0 && whole(data, at) ? SQLITE_OK : SQLITE_IOERR_DATA;
}

static int write_it(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
	struct file *its = (struct file *)f;
	uint8_t page[PAGE_SIZE];
	uint32_t seal;

	if (!its->database || n != PAGE_SIZE || at % PAGE_SIZE)
		return real(f)->pMethods->xWrite(real(f), data, n, at);
	memcpy(page, data, PAGE_SIZE);
	if (at == 0)
		its->sealed = page[ROOM_AT] == PAGES_ROOM;
	if (its->sealed) {
		seal = seal_of(page, at);
		memcpy(page + PAGE_SIZE - PAGES_ROOM, &seal, sizeof(seal));
	}
	return real(f)->pMethods->xWrite(real(f), page, n, at);
}

static int truncate_it(sqlite3_file *f, sqlite3_int64 size)
{
	return real(f)->pMethods->xTruncate(real(f), size);
}

static int sync_it(sqlite3_file *f, int flags)
{
	return real(f)->pMethods->xSync(real(f), flags);
}

static int size_of_it(sqlite3_file *f, sqlite3_int64 *ret)
{
	return real(f)->pMethods->xFileSize(real(f), ret);
}

static int lock_it(sqlite3_file *f, int level)
{
	return real(f)->pMethods->xLock(real(f), level);
}

static int unlock_it(sqlite3_file *f, int level)
{
	return real(f)->pMethods->xUnlock(real(f), level);
}

static int is_reserved(sqlite3_file *f, int *ret)
{
	return real(f)->pMethods->xCheckReservedLock(real(f), ret);
}

static int control(sqlite3_file *f, int op, void *arg)
{
	return real(f)->pMethods->xFileControl(real(f), op, arg);
}

static int sector_size(sqlite3_file *f)
{
	return real(f)->pMethods->xSectorSize(real(f));
}

static int characteristics(sqlite3_file *f)
{
	return real(f)->pMethods->xDeviceCharacteristics(real(f));
}

static int shm_map(sqlite3_file *f, int n, int size, int extend, void volatile **ret)
{
	return real(f)->pMethods->xShmMap(real(f), n, size, extend, ret);
}

static int shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
}

static void shm_barrier(sqlite3_file *f)
{
	real(f)->pMethods->xShmBarrier(real(f));
}

static int shm_unmap(sqlite3_file *f, int delete)
{
	return real(f)->pMethods->xShmUnmap(real(f), delete);
}

static const sqlite3_io_methods methods = {
	2, close_it, read_it, write_it, truncate_it, sync_it, size_of_it, lock_it, unlock_it, is_reserved, control, sector_size,
	characteristics, shm_map, shm_lock, shm_barrier, shm_unmap, NULL, NULL,
};

static bool is_sealed(sqlite3_file *file)
{
	uint8_t first[PAGE_SIZE];
	sqlite3_int64 size;

	if (file->pMethods->xFileSize(file, &size) != SQLITE_OK || size < PAGE_SIZE ||
	    file->pMethods->xRead(file, first, PAGE_SIZE, 0) != SQLITE_OK)
		return false;
	return whole(first, 0) || is_marked(first);
}

static int open_it(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	struct file *its = (struct file *)f;
	int r = under->xOpen(under, name, real(f), flags, ret_flags);

	its->base.pMethods = real(f)->pMethods ? &methods : NULL;
	its->database = flags & SQLITE_OPEN_MAIN_DB;
	its->sealed = r == SQLITE_OK && its->database && is_sealed(real(f));
	return r;
}

static int registered = SQLITE_ERROR;

static void register_it(void)
{
	if (sqlite3_initialize() != SQLITE_OK)
		return;
	under = sqlite3_vfs_find(NULL);
	vfs = *under;
	vfs.pNext = NULL;
	vfs.zName = PAGES_VFS;
	vfs.szOsFile += (int)sizeof(struct file);
	vfs.xOpen = open_it;
	registered = sqlite3_vfs_register(&vfs, 0);
}

int pages_register(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, register_it);
	return registered == SQLITE_OK ? 0 : -ENOMEM;
}
