/* baseline.c - objects to bytes and back. */
#define _GNU_SOURCE
#include "plugins/integrity/baseline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#define MAGIC "BEADLEI1"
#define HEAD 16
#define RECORD_MAX (2 * (OBJECT_PATH_MAX + 1) + 256)
#define BUFFER 65536

struct baseline_writer {
	FILE *file;
	EVP_MD_CTX *md;
	char *path, *other;
	uint64_t objects;
	char last[OBJECT_PATH_MAX + 1];
};

struct baseline_reader {
	FILE *file;
	uint64_t left;
	char path[OBJECT_PATH_MAX + 1];
};

/* ---- writing ---- */

static unsigned char *put_number(unsigned char *to, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		*to++ = (unsigned char)(n | 0x80);
	*to++ = (unsigned char)n;
	return to;
}

static unsigned char *put_time(unsigned char *to, int64_t ns)
{
	for (int i = 0; i < 8; i++)
		*to++ = (unsigned char)((uint64_t)ns >> (8 * i));
	return to;
}

static unsigned char *put_bytes(unsigned char *to, const void *bytes, size_t n)
{
	return (unsigned char *)memcpy(put_number(to, n), bytes, n) + n;
}

static int write_bytes(struct baseline_writer *writer, const void *bytes, size_t n)
{
	if (!EVP_DigestUpdate(writer->md, bytes, n))
		return -EIO;
	return fwrite_unlocked(bytes, 1, n, writer->file) == n ? 0 : errno ? -errno : -EIO;
}

static void free_writer(struct baseline_writer *writer)
{
	if (writer->file)
		fclose(writer->file);
	EVP_MD_CTX_free(writer->md);
	free(writer->path);
	free(writer->other);
	free(writer);
}

void baseline_discard(struct baseline_writer *writer)
{
	if (!writer)
		return;
	if (writer->file)
		unlink(writer->other);
	free_writer(writer);
}

int baseline_create(struct baseline_writer **ret, const char *path, int64_t made)
{
	struct baseline_writer *writer = calloc(1, sizeof(*writer));
	unsigned char head[HEAD];
	int fd, error = -ENOMEM;

	if (!writer)
		return -ENOMEM;
	writer->md = EVP_MD_CTX_new();
	writer->path = strdup(path);
	if (!writer->md || !writer->path || asprintf(&writer->other, "%s.new", path) < 0)
		goto fail;
	unlink(writer->other);	/* left by a scan that was cut short */
	fd = open(writer->other, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		writer->file = fdopen(fd, "we");
	error = writer->file ? 0 : -errno;
	if (error && fd >= 0)
		close(fd);
	if (!error && !EVP_DigestInit_ex(writer->md, EVP_sha256(), NULL))
		error = -EIO;
	memcpy(head, MAGIC, 8);
	put_time(head + 8, made);
	if (!error)
		error = write_bytes(writer, head, HEAD);
	if (!error) {
		*ret = writer;
		return 0;
	}
fail:
	baseline_discard(writer);
	return error;
}

static unsigned char *put_content(unsigned char *to, const struct object *object)
{
	to = put_number(to, object->size);
	to = put_time(to, object->mtime);
	to = put_time(to, object->ctime);
	to = put_number(to, object->inode);
	if (object->flags & OBJECT_HASHED)
		to = (unsigned char *)memcpy(to, object->sha256, 32) + 32;
	return to;
}

int baseline_add(struct baseline_writer *writer, const struct object *object)
{
	unsigned char record[RECORD_MAX], *to = record;
	size_t shared = 0, n = strlen(object->path);

	while (object->path[shared] && object->path[shared] == writer->last[shared])
		shared++;
	to = put_number(to, 1);
	to = put_number(to, shared);
	to = put_bytes(to, object->path + shared, n - shared);
	memcpy(writer->last, object->path, n + 1);

	to = put_number(to, object->mode);
	to = put_number(to, object->uid);
	to = put_number(to, object->gid);
	to = put_number(to, object->flags);
	to = put_bytes(to, object->caps, object->caps_n);
	if (S_ISREG(object->mode))
		to = put_content(to, object);
	else if (S_ISLNK(object->mode))
		to = put_bytes(to, object->link ? object->link : "", object->link ? strlen(object->link) : 0);
	else if (S_ISCHR(object->mode) || S_ISBLK(object->mode))
		to = put_number(to, object->device);
	writer->objects++;
	return write_bytes(writer, record, (size_t)(to - record));
}

static int sync_folder(const char *path)
{
	char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
	int error = 0, fd;

	if (slash)
		*slash = '\0';
	fd = open(slash && *folder ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		error = -errno;
	if (fd >= 0)
		close(fd);
	free(folder);
	return error;
}

int baseline_commit(struct baseline_writer *writer, struct baseline_facts *ret)
{
	unsigned char tail[16], *to = put_number(put_number(tail, 0), writer->objects);
	int error = write_bytes(writer, tail, (size_t)(to - tail));

	if (!error && !EVP_DigestFinal_ex(writer->md, ret->sha256, NULL))
		error = -EIO;
	if (!error && (fwrite_unlocked(ret->sha256, 1, 32, writer->file) != 32 || fflush(writer->file) != 0 ||
		       fsync(fileno(writer->file)) < 0 || rename(writer->other, writer->path) < 0))
		error = errno ? -errno : -EIO;
	if (error) {
		baseline_discard(writer);
		return error;
	}
	ret->objects = writer->objects;
	error = sync_folder(writer->path);
	free_writer(writer);
	return error;
}

/* ---- reading ---- */

static int get_byte(struct baseline_reader *reader, unsigned char *ret)
{
	int c = reader->left > 0 ? getc_unlocked(reader->file) : EOF;

	if (c == EOF)
		return -EBADMSG;
	reader->left--;
	*ret = (unsigned char)c;
	return 0;
}

static int get_number(struct baseline_reader *reader, uint64_t *ret)
{
	uint64_t n = 0;

	for (int shift = 0; shift < 64; shift += 7) {
		unsigned char c;
		if (get_byte(reader, &c))
			return -EBADMSG;
		n |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80) {
			*ret = n;
			return 0;
		}
	}
	return -EBADMSG;
}

static int get_u32(struct baseline_reader *reader, uint32_t *ret)
{
	uint64_t n;

	if (get_number(reader, &n) || n > UINT32_MAX)
		return -EBADMSG;
	*ret = (uint32_t)n;
	return 0;
}

static int get_raw(struct baseline_reader *reader, void *to, size_t n)
{
	if (n > reader->left || fread_unlocked(to, 1, n, reader->file) != n)
		return -EBADMSG;
	reader->left -= n;
	return 0;
}

static int get_bytes(struct baseline_reader *reader, void *to, size_t room, size_t *ret_n)
{
	uint64_t n;

	if (get_number(reader, &n) || n > room)
		return -EBADMSG;
	*ret_n = (size_t)n;
	return get_raw(reader, to, (size_t)n);
}

static int get_time(struct baseline_reader *reader, int64_t *ret)
{
	unsigned char bytes[8];
	uint64_t ns = 0;

	if (get_raw(reader, bytes, 8))
		return -EBADMSG;
	for (int i = 0; i < 8; i++)
		ns |= (uint64_t)bytes[i] << (8 * i);
	*ret = (int64_t)ns;
	return 0;
}

/* Reads the file through once: its last 32 bytes must be the digest of all before. */
static int check(FILE *file, uint64_t size, uint8_t digest[32])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char buffer[16384], said[32];
	int error = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) ? 0 : -ENOMEM;

	for (uint64_t left = size - 32; left > 0 && !error;) {
		size_t n = left < sizeof(buffer) ? (size_t)left : sizeof(buffer);
		if (fread_unlocked(buffer, 1, n, file) != n)
			error = -EBADMSG;
		else
			EVP_DigestUpdate(md, buffer, n);
		left -= n;
	}
	if (!error && (fread_unlocked(said, 1, 32, file) != 32 || !EVP_DigestFinal_ex(md, digest, NULL) ||
		       memcmp(said, digest, 32) != 0))
		error = -EBADMSG;
	EVP_MD_CTX_free(md);
	return error;
}

int baseline_open(struct baseline_reader **ret, const char *path, struct baseline_facts *ret_facts)
{
	struct baseline_reader *reader = calloc(1, sizeof(*reader));
	struct baseline_facts facts = {0};
	struct stat st;
	char magic[8];
	int error = -ENOMEM;

	if (!reader)
		return -ENOMEM;
	reader->file = fopen(path, "re");
	if (!reader->file || fstat(fileno(reader->file), &st) < 0)
		error = -errno;
	else if (st.st_size < HEAD + 34)
		error = -EBADMSG;
	else
		error = check(reader->file, (uint64_t)st.st_size, facts.sha256);
	if (!error) {
		rewind(reader->file);
		reader->left = (uint64_t)st.st_size - 32;
		if (get_raw(reader, magic, 8) || memcmp(magic, MAGIC, 8) != 0 || get_time(reader, &facts.made))
			error = -EBADMSG;
	}
	if (error) {
		baseline_close(reader);
		return error;
	}
	*ret = reader;
	*ret_facts = facts;
	return 0;
}

static int get_fields(struct baseline_reader *reader, struct object *object, char *link, bool *has_link)
{
	uint32_t flags;
	size_t n;

	if (get_u32(reader, &object->mode) || get_u32(reader, &object->uid) || get_u32(reader, &object->gid) ||
	    get_u32(reader, &flags) || get_bytes(reader, object->caps, OBJECT_CAPS_MAX, &n))
		return -EBADMSG;
	object->flags = (uint8_t)flags;
	object->caps_n = (uint8_t)n;
	*has_link = S_ISLNK(object->mode);
	if (*has_link) {
		if (get_bytes(reader, link, OBJECT_PATH_MAX, &n))
			return -EBADMSG;
		link[n] = '\0';
	} else if (S_ISREG(object->mode)) {
		if (get_number(reader, &object->size) || get_time(reader, &object->mtime) ||
		    get_time(reader, &object->ctime) || get_number(reader, &object->inode) ||
		    (flags & OBJECT_HASHED && get_raw(reader, object->sha256, 32)))
			return -EBADMSG;
	} else if (S_ISCHR(object->mode) || S_ISBLK(object->mode)) {
		return get_number(reader, &object->device);
	}
	return 0;
}

int baseline_next(struct baseline_reader *reader, struct object **ret)
{
	struct object fields = {0};
	char link[OBJECT_PATH_MAX + 1];
	bool has_link;
	unsigned char tag;
	uint64_t shared;
	size_t n;

	if (get_byte(reader, &tag))
		return -EBADMSG;
	if (tag == 0) {
		reader->left++;	/* asked again, it is the end again */
		ungetc(0, reader->file);
		*ret = NULL;
		return 0;
	}
	if (tag != 1 || get_number(reader, &shared) || shared > strlen(reader->path) ||
	    get_bytes(reader, reader->path + shared, OBJECT_PATH_MAX - shared, &n))
		return -EBADMSG;
	reader->path[shared + n] = '\0';
	if (get_fields(reader, &fields, link, &has_link))
		return -EBADMSG;
	fields.path = reader->path;
	fields.link = has_link ? link : NULL;
	*ret = object_copy(&fields);
	return *ret ? 0 : -ENOMEM;
}

void baseline_close(struct baseline_reader *reader)
{
	if (!reader)
		return;
	if (reader->file)
		fclose(reader->file);
	free(reader);
}
