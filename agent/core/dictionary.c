#include "config.h"

#include "agent/core/dictionary.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <uthash.h>

#include "agent/core/disk.h"
#include "agent/core/entry.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/vec.h"

#define FILE_MOST (256u * 1024 * 1024)

/* Entries of the file: number = kind << 32 | number of the name; data = check u32, key. Of a check, the key is "NAME\0PLUGIN\0". */
enum kind { CHECK = 1, SERIES = 2 };

struct name {
	uint32_t number, check;
	uint32_t n;			/* of key */
	UT_hash_handle hh;
	uint8_t key[];			/* kind u8, check u32, then the bytes */
};
#define PREFIX 5u

struct dictionary {
	char folder[PATH_MAX - 64];
	uint64_t salt;
	uint32_t generation;
	int fd;				/* -1: the file must be written anew */
	struct name *names;		/* uthash by key */
	VEC(struct name *) checks, series;	/* by number; [0] is no one's */
	VEC(uint32_t) of_check;		/* series of each check */
	uint8_t *pending;
	size_t n_pending, room;
};

static int path_of(const struct dictionary *d, uint32_t generation, uint64_t salt, char path[PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s/dictionary-%08" PRIx32 "-%016" PRIx64, d->folder, generation, salt) < PATH_MAX ? 0
															   : -ENAMETOOLONG;
}

/* ---- in memory ---- */

static bool reach(struct dictionary *d, enum kind kind, uint32_t number)
{
	while ((kind == CHECK ? d->checks.n : d->series.n) <= number)
		if (kind == CHECK ? !vec_push(&d->checks) : !vec_push(&d->series))
			return false;
	return true;
}

static bool reach_count(struct dictionary *d, uint32_t check)
{
	while (d->of_check.n <= check)
		if (!vec_push(&d->of_check))
			return false;
	return true;
}

static struct name *find(const struct dictionary *d, const uint8_t *key, size_t n)
{
	struct name *found;

	HASH_FIND(hh, d->names, key, (unsigned)n, found);
	return found;
}

static int keep(struct dictionary *d, enum kind kind, uint32_t number, uint32_t check, const uint8_t *key, size_t n)
{
	struct name *name = malloc(sizeof(*name) + n);

	if (!name || !reach(d, kind, number) || !reach_count(d, check)) {
		free(name);
		return -ENOMEM;
	}
	*name = (struct name){.number = number, .check = check, .n = (uint32_t)n};
	memcpy(name->key, key, n);
	HASH_ADD_KEYPTR(hh, d->names, name->key, (unsigned)n, name);
	if (kind == CHECK)
		d->checks.at[number] = name;
	else
		d->series.at[number] = name;
	if (kind == SERIES)
		d->of_check.at[check]++;
	return 0;
}

/* ---- the file ---- */

static int queue(struct dictionary *d, uint64_t number, const uint8_t *key, size_t n)
{
	if (d->n_pending + ENTRY_HEAD + n > d->room) {
		size_t room = (d->n_pending + ENTRY_HEAD + n) * 2;
		uint8_t *bigger = realloc(d->pending, room);

		if (!bigger)
			return -ENOMEM;
		d->pending = bigger;
		d->room = room;
	}
	entry_head(d->pending + d->n_pending, d->salt, number, key, n);
	memcpy(d->pending + d->n_pending + ENTRY_HEAD, key, n);
	d->n_pending += ENTRY_HEAD + n;
	return 0;
}

static int queue_all(struct dictionary *d)
{
	int r = 0;

	d->n_pending = 0;
	for (size_t i = 1; i < d->checks.n && r == 0; i++)
		if (d->checks.at[i])
			r = queue(d, (uint64_t)CHECK << 32 | i, d->checks.at[i]->key, d->checks.at[i]->n);
	for (size_t i = 1; i < d->series.n && r == 0; i++)
		if (d->series.at[i])
			r = queue(d, (uint64_t)SERIES << 32 | i, d->series.at[i]->key, d->series.at[i]->n);
	return r;
}

/* A file of its own, complete before it gets its name; only then the old one goes. */
static int write_anew(struct dictionary *d)
{
	char path[PATH_MAX], temporary[PATH_MAX], old[PATH_MAX];
	uint64_t old_salt = d->salt;
	CLOSE int fd = -1;
	int r;

	if (getrandom(&d->salt, sizeof(d->salt), 0) != sizeof(d->salt))
		return -EIO;
	r = queue_all(d);
	if (r == 0)
		r = path_of(d, d->generation, old_salt, old);
	if (r == 0)
		r = path_of(d, d->generation + 1, d->salt, path);
	if (r == 0 && snprintf(temporary, sizeof(temporary), "%s/new-dictionary", d->folder) >= (int)sizeof(temporary))
		r = -ENAMETOOLONG;
	if (r == 0)
		r = fd = disk_open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
	if (fd >= 0)
		r = disk_write(fd, d->pending, d->n_pending);
	if (fd >= 0 && r == 0)
		r = disk_sync(fd);
	if (r == 0)
		r = disk_rename(temporary, path);
	if (r == 0)
		r = disk_sync_folder(d->folder);
	if (r < 0) {
		d->salt = old_salt;
		return r;
	}
	d->generation++;
	d->n_pending = 0;
	d->fd = TAKE_FD(fd);
	disk_unlink(old);	/* may never have been */
	return 0;
}

int dictionary_sync(struct dictionary *d)
{
	int r;

	if (d->fd < 0)
		return write_anew(d);
	if (d->n_pending == 0)
		return 0;
	r = disk_write(d->fd, d->pending, d->n_pending);
	if (r == 0)
		r = disk_sync(d->fd);
	if (r < 0) {
		close(TAKE_FD(d->fd));
		return r;
	}
	free(TAKE(d->pending));
	d->n_pending = d->room = 0;
	return 0;
}

/* ---- open ---- */

static int take(struct dictionary *d, const struct entry *e)
{
	uint32_t kind = (uint32_t)(e->number >> 32), number = (uint32_t)e->number, check;

	if (e->n < PREFIX || (kind != CHECK && kind != SERIES) || number == 0 || e->data[0] != kind ||
	    number > (kind == CHECK ? DICTIONARY_CHECKS : DICTIONARY_SERIES))
		return 0;
	memcpy(&check, e->data + 1, sizeof(check));
	if (check > DICTIONARY_CHECKS || find(d, e->data, e->n) || (kind == CHECK && memchr(e->data + PREFIX, 0, e->n - PREFIX) == NULL))
		return 0;
	return keep(d, (enum kind)kind, number, check, e->data, e->n);
}

static int load(struct dictionary *d, const char *path)
{
	FREE char *data = NULL;
	size_t n, offset = 0, need;
	bool damaged = false;
	enum entry_found found;
	struct entry e;
	int r = io_read_file(path, FILE_MOST, &data, &n);

	while (r == 0 && (found = entry_next((uint8_t *)data, n, d->salt, &offset, &e, &need)) != ENTRY_MORE) {
		if (found == ENTRY_GOOD) {
			r = take(d, &e);
			continue;
		}
		log_error("dictionary: %s is damaged at offset %zu: the name there is lost", path, e.at);
		damaged = true;
	}
	/* A lost number must not be given to another name: it may stand in the spool. A torn tail was never used. */
	if (r == 0 && damaged && (!reach(d, SERIES, (uint32_t)d->series.n + 16) || !reach(d, CHECK, (uint32_t)d->checks.n + 1)))
		r = -ENOMEM;
	return r;
}

/* The newest generation; an older one is what a crash left behind. */
static int find_file(struct dictionary *d, bool *ret_found)
{
	DIR *folder = opendir(d->folder);
	struct dirent *e;

	if (!folder)
		return -errno;
	while ((e = readdir(folder))) {
		uint32_t generation;
		uint64_t salt;
		int n = 0;

		if (sscanf(e->d_name, "dictionary-%8" SCNx32 "-%16" SCNx64 "%n", &generation, &salt, &n) != 2 ||
		    (size_t)n != strlen(e->d_name) || (*ret_found && generation < d->generation))
			continue;
		d->generation = generation;
		d->salt = salt;
		*ret_found = true;
	}
	closedir(folder);
	return 0;
}

int dictionary_open(const char *folder, struct dictionary **ret)
{
	struct dictionary *d = calloc(1, sizeof(*d));
	char path[PATH_MAX];
	bool found = false;
	int r = d ? 0 : -ENOMEM;

	if (r < 0)
		return r;
	d->fd = -1;		/* the first sync writes it anew: no tail of an old file is ever appended to */
	if (snprintf(d->folder, sizeof(d->folder), "%s", folder) >= (int)sizeof(d->folder))
		r = -ENAMETOOLONG;
	if (r == 0 && (!reach(d, CHECK, 0) || !reach(d, SERIES, 0)))
		r = -ENOMEM;
	if (r == 0)
		r = find_file(d, &found);
	if (r == 0 && found)
		r = path_of(d, d->generation, d->salt, path);
	if (r == 0 && found)
		r = load(d, path);
	if (r < 0) {
		dictionary_free(d);
		return r;
	}
	*ret = d;
	return 0;
}

void dictionary_free(struct dictionary *d)
{
	struct name *name, *next;

	if (!d)
		return;
	HASH_ITER(hh, d->names, name, next) {
		HASH_DEL(d->names, name);
		free(name);
	}
	vec_free(&d->checks);
	vec_free(&d->series);
	vec_free(&d->of_check);
	if (d->fd >= 0)
		close(d->fd);
	free(d->pending);
	free(d);
}

/* ---- names ---- */

static int number_of(struct dictionary *d, enum kind kind, uint32_t check, const void *bytes, size_t n, uint32_t *ret)
{
	uint8_t small[512];
	FREE uint8_t *large = n + PREFIX > sizeof(small) ? malloc(n + PREFIX) : NULL;
	uint8_t *key = n + PREFIX > sizeof(small) ? large : small;
	struct name *known;
	uint32_t number;
	int r;

	if (!key)
		return -ENOMEM;
	key[0] = kind;
	memcpy(key + 1, &check, sizeof(check));
	memcpy(key + PREFIX, bytes, n);
	known = find(d, key, n + PREFIX);
	if (known) {
		*ret = known->number;
		return 0;
	}
	number = (uint32_t)(kind == CHECK ? d->checks.n : d->series.n);
	if (number > (kind == CHECK ? DICTIONARY_CHECKS : DICTIONARY_SERIES) ||
	    (kind == SERIES && check < d->of_check.n && d->of_check.at[check] >= DICTIONARY_OF_CHECK))
		return -ENOSPC;
	r = queue(d, (uint64_t)kind << 32 | number, key, n + PREFIX);
	if (r == 0)
		r = keep(d, kind, number, check, key, n + PREFIX);
	if (r == 0)
		*ret = number;
	return r;
}

int dictionary_check(struct dictionary *d, const char *name, const char *plugin, uint32_t *ret)
{
	char key[256];
	int n = snprintf(key, sizeof(key), "%s%c%s", name, 0, plugin);

	return n >= (int)sizeof(key) ? -ENAMETOOLONG : number_of(d, CHECK, 0, key, (size_t)n + 1, ret);
}

bool dictionary_check_name(const struct dictionary *d, uint32_t check, const char **ret_name, const char **ret_plugin)
{
	if (check >= d->checks.n || !d->checks.at[check])
		return false;
	*ret_name = (const char *)d->checks.at[check]->key + PREFIX;
	*ret_plugin = *ret_name + strlen(*ret_name) + 1;
	return true;
}

uint32_t dictionary_checks(const struct dictionary *d)
{
	return (uint32_t)d->checks.n - 1;
}

int dictionary_series(struct dictionary *d, uint32_t check, const void *key, size_t n, uint32_t *ret)
{
	return number_of(d, SERIES, check, key, n, ret);
}

bool dictionary_key(const struct dictionary *d, uint32_t series, const void **ret, size_t *ret_n)
{
	if (series >= d->series.n || !d->series.at[series])
		return false;
	*ret = d->series.at[series]->key + PREFIX;
	*ret_n = d->series.at[series]->n - PREFIX;
	return true;
}

uint32_t dictionary_highest(const struct dictionary *d)
{
	return (uint32_t)d->series.n - 1;
}
