#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "io.h"

#define FILES_MAX 64
#define FILE_SIZE_MAX (4u * 1024 * 1024)

static const char *type_of(const char *name)
{
	static const struct { const char *end, *type; } types[] = {{".html", "text/html; charset=utf-8"},
		{".js", "text/javascript; charset=utf-8"}, {".css", "text/css; charset=utf-8"}, {".svg", "image/svg+xml"},
		{".png", "image/png"}, {".woff2", "font/woff2"}};
	const char *end = strrchr(name, '.');

	for (size_t i = 0; end && i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(end, types[i].end))
			return types[i].type;
	return NULL;
}

static int load(const char *folder, const char *name, struct file *ret)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	char path[4096];
	int r;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	r = io_read_file(path, FILE_SIZE_MAX, &ret->data, &ret->n);
	if (r < 0)
		return r;
	if (asprintf(&ret->path, "/%s", strcmp(name, "index.html") ? name : "") < 0)
		return -ENOMEM;
	if (EVP_Digest(ret->data, ret->n, hash, NULL, EVP_sha256(), NULL) != 1)
		return -EIO;
	for (int i = 0; i < 16; i++)
		snprintf(ret->etag + 1 + 2 * i, 4, "%02x\"", hash[i]);
	ret->etag[0] = '"';
	return 0;
}

/* No link: what it leads to is not what was installed here. */
static const char *type_of_file(DIR *dir, const char *name)
{
	struct stat st;

	if (fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	return type_of(name);
}

static void close_dir(DIR **d) { if (*d) closedir(*d); }

int files_load(const char *folder, struct files *ret)
{
	CLEANUP(close_dir) DIR *dir = opendir(folder);
	struct files f = {calloc(FILES_MAX, sizeof(*f.at)), 0};
	const struct dirent *e;
	int r = f.at && dir ? 0 : dir ? -ENOMEM : -errno;

	while (r == 0 && f.n < FILES_MAX && (e = readdir(dir))) {
		const char *type = type_of_file(dir, e->d_name);

		if (!type)
			continue;
		f.at[f.n].type = type;
		r = load(folder, e->d_name, &f.at[f.n++]);
	}
	if (r == 0 && !files_find(&f, "/"))
		r = -ENOENT;
	if (r < 0)
		files_free(&f);
	else
		*ret = f;
	return r;
}

void files_free(struct files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->at[i].path);
		free(f->at[i].data);
	}
	free(f->at);
	*f = (struct files){0};
}

const struct file *files_find(const struct files *f, const char *path)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->at[i].path, path))
			return &f->at[i];
	return NULL;
}
