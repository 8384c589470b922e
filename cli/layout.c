/* A backup's members, as files again. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "command.h"
#include "document.h"
#include "io.h"
#include "layout.h"
#include "sealed.h"
#include "text.h"

#define ABOUT_MAX (64u * 1024)
#define CHUNK (256u * 1024)

static int refused(const struct layout *l, const char *why)
{
	fprintf(stderr, "beadle: %s: %s; nothing was changed\n", l->file, why);
	return EXIT_FAILED;
}

/* Names, not numbers: this may be another machine. Who does not exist here, and without root, it stays ours. */
int layout_give(int fd, const struct member *m)
{
	const struct passwd *user = geteuid() == 0 && *m->owner ? getpwnam(m->owner) : NULL;
	const struct group *group = geteuid() == 0 && *m->group ? getgrnam(m->group) : NULL;

	if (fchmod(fd, m->mode) < 0)
		return -errno;
	return (user || group) && fchown(fd, user ? user->pw_uid : (uid_t)-1, group ? group->gr_gid : (gid_t)-1) < 0 ? -errno : 0;
}

static int make_folder(const char *path, const struct member *m)
{
	CLOSE int fd = -1;

	if (mkdir(path, 0700) < 0)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : layout_give(fd, m);
}

static int take_all(struct archive_reader *in, uint8_t *ret, size_t n)
{
	ssize_t got = 1;

	for (size_t at = 0; at < n && got > 0; at += (size_t)got)
		got = archive_read(in, ret + at, n - at);
	return got < 0 ? (int)got : 0;
}

static int lay_content(struct archive_reader *in, EVP_CIPHER_CTX *cipher, uint64_t left, int fd)
{
	FREE uint8_t *chunk = malloc(CHUNK);
	uint8_t tag[SEALED_TAG];
	int r = chunk ? 0 : -ENOMEM;

	while (r == 0 && left) {
		size_t n = left < CHUNK ? (size_t)left : CHUNK;

		r = take_all(in, chunk, n);
		if (r == 0)
			r = sealed_some(cipher, chunk, n, chunk);
		if (r == 0)
			r = io_write_all(fd, chunk, n);
		left -= n;
	}
	if (r == 0)
		r = take_all(in, tag, sizeof(tag));
	return r ? r : sealed_end(cipher, tag);
}

/* Opened, and its bytes to the disk. -EACCES: another key, or damaged. */
static int lay_file(const struct layout *l, struct archive_reader *in, const char *path, const struct member *m)
{
	uint8_t nonce[SEALED_NONCE];
	CLOSE int fd = -1;
	EVP_CIPHER_CTX *cipher;
	int e = m->size < SEALED_MORE ? -EBADMSG : take_all(in, nonce, sizeof(nonce));

	if (e)
		return e;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	cipher = sealed_begin(l->key, m->name, nonce, false);
	e = cipher ? lay_content(in, cipher, m->size - SEALED_MORE, fd) : -EIO;
	EVP_CIPHER_CTX_free(cipher);
	if (e == 0)
		e = layout_give(fd, m);
	return e == 0 && fsync(fd) < 0 ? -errno : e;
}

int layout_folders_of(const char *path)
{
	char folder[PATH_MAX + ARCHIVE_NAME];

	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = 0;
	return io_make_folders(folder, 0755);
}

static bool is_in(const char *name, const char *folder)
{
	size_t n = strlen(folder);

	return !strncmp(name, folder, n) && (name[n] == '/' || !name[n]);
}

static int lay(struct layout *l, struct archive_reader *in, const struct member *m)
{
	char path[PATH_MAX + ARCHIVE_NAME];
	int e;

	snprintf(path, sizeof(path), "%s/%s", l->into, m->name);
	if (m->folder)
		return make_folder(path, m);
	e = is_in(m->name, "config") ? layout_folders_of(path) : 0;
	if (e == 0)
		e = lay_file(l, in, path, m);
	l->opened |= e == 0;
	return e == -EACCES && l->opened ? -EBADMSG : e == -ENOENT ? -EBADMSG : e;
}

/* ---- the file ---- */

/* What it is, and what its key is made with. */
static int take_about(struct layout *l, struct archive_reader *in, const struct member *m)
{
	uint8_t text[ABOUT_MAX], salt[SEALED_SALT];
	int e = m->size <= sizeof(text) && !l->about ? take_all(in, text, m->size) : -EBADMSG;

	l->about = e ? l->about : json_loadb((const char *)text, m->size, JSON_REJECT_DUPLICATES, NULL);
	if (e || !l->about || !text_unhex(document_text(l->about, "salt"), sizeof(salt), salt))
		return e ? e : -EBADMSG;
	if (json_integer_value(json_object_get(l->about, "format")) != 1)
		return -EPROTONOSUPPORT;
	return sealed_key(l->passphrase, salt, l->key);
}

static int take_member(struct layout *l, struct archive_reader *in, const struct member *m)
{
	static const char *const folders[] = {"signer", "identity", "web", "config", "notify", "store"};

	if (!strcmp(m->name, "backup.json") && !m->folder)
		return take_about(l, in, m);
	if (!strcmp(m->name, "store") && m->folder)
		l->store = *m;
	for (size_t i = 0; l->about && i < sizeof(folders) / sizeof(folders[0]); i++)
		if (is_in(m->name, folders[i]))
			return lay(l, in, m);
	return -EBADMSG;
}

/* Every member, as it was checked before, and what it says once more. */
static int read_members(struct layout *l, struct archive_reader *in)
{
	struct member m;
	char why[256] = "";
	int e;

	while ((e = archive_next(in, &m, why)) > 0) {
		e = take_member(l, in, &m);
		if (e == -EPROTONOSUPPORT)
			snprintf(why, sizeof(why), "it is of a later version than this program: install that version here");
		else if (e == -EACCES)
			snprintf(why, sizeof(why), "this is not its passphrase");
		else if (e == -EBADMSG)
			snprintf(why, sizeof(why), "it is damaged at %s, or cut off there", m.name);
		else if (e)
			return command_failed(m.name, e);
		if (e)
			break;
	}
	if (e)
		return refused(l, *why ? why : strerror(-e));
	if (!l->opened || !l->store.folder)
		return refused(l, "it is no whole backup");
	archive_digest(in, l->sha256);
	return 0;
}

static int check_members(struct layout *l, struct archive_reader *in)
{
	FREE uint8_t *chunk = malloc(CHUNK);
	struct member m;
	char why[256] = "";
	ssize_t n;
	int e;

	if (!chunk)
		return command_failed(l->file, -ENOMEM);
	while ((e = archive_next(in, &m, why)) > 0) {
		while ((n = archive_read(in, chunk, CHUNK)) > 0)
			;
		if (n < 0) {
			snprintf(why, sizeof(why), "it is damaged at %s, or cut off there", m.name);
			e = (int)n;
			break;
		}
	}
	return e ? refused(l, why) : 0;
}

/* Read from its beginning to its end. */
static int read_file(struct layout *l, int (*members)(struct layout *, struct archive_reader *))
{
	FCLOSE FILE *in = fopen(l->file, "re");
	struct archive_reader reader;
	int e;

	if (!in)
		return command_failed(l->file, -errno);
	if (archive_open(&reader, in) < 0)
		return command_failed(l->file, -ENOMEM);
	e = members(l, &reader);
	archive_close(&reader);
	return e;
}

int layout_check(struct layout *l)
{
	return read_file(l, check_members);
}

int layout_read(struct layout *l)
{
	return read_file(l, read_members);
}

void layout_close(struct layout *l)
{
	json_decref(l->about);
	OPENSSL_cleanse(l->key, sizeof(l->key));
	OPENSSL_cleanse(l->passphrase, sizeof(l->passphrase));
}
