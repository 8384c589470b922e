/* fingerprint.c - see fingerprint.h */
#define _GNU_SOURCE
#include "plugins/patch/fingerprint.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* FNV-1a. */
static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* A sum, so that the order in which a folder hands out its names does not count. */
static void add(uint64_t *sum, int dir, const char *path)
{
	uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), path, strlen(path));
	struct stat st;

	if (fstatat(dir, path, &st, 0) == 0) {
		int64_t what[] = {(int64_t)st.st_ino, st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec};

		hash = mix(hash, what, sizeof(what));
	}
	*sum += hash;
}

void fingerprint_file(uint64_t *sum, const char *root, const char *path)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", root, path);
	add(sum, AT_FDCWD, full);
}

/* What changes without news: locks, and apt's room for downloads. */
static bool is_noise(const char *name)
{
	return name[0] == '.' || !strcmp(name, "lock") || !strcmp(name, "partial") || !strcmp(name, "auxfiles");
}

void fingerprint_folder(uint64_t *sum, const char *root, const char *path)
{
	char full[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(full, sizeof(full), "%s%s", root, path);
	dir = opendir(full);
	*sum = mix(*sum, full, strlen(full));
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (!is_noise(entry->d_name))
			add(sum, dirfd(dir), entry->d_name);
	closedir(dir);
}
