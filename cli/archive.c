#include "archive.h"

#include <errno.h>
#include <grp.h>
#include <openssl/rand.h>
#include <pwd.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "sealed.h"
#include "text.h"

#define HASH 32
#define CHUNK (256u * 1024)
#define MANIFEST_MAX (1024u * 1024)
#define OCTAL_MAX (UINT64_C(1) << 33)

/* POSIX.1-1988 ustar */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], chksum[8], typeflag, linkname[100], magic[6], version[2], uname[32], gname[32],
		devmajor[8], devminor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct header) == ARCHIVE_BLOCK, "a header is a block");

static const uint8_t zeros[ARCHIVE_BLOCK];

/* ---- names and numbers ---- */

bool archive_is_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t n = strlen(name);

	if (n == 0 || n >= ARCHIVE_NAME)
		return false;
	for (const char *part = name;; part++) {	/* an empty part too is none: no slash at either end, no two together */
		size_t k = strspn(part, letters);

		if (k == 0 || *part == '.')
			return false;
		part += k;
		if (*part != '/')
			return !*part;
	}
}

static unsigned sum_of(const struct header *h)
{
	struct header copy = *h;
	unsigned sum = 0;

	memset(copy.chksum, ' ', sizeof(copy.chksum));
	for (size_t i = 0; i < sizeof(copy); i++)
		sum += ((const uint8_t *)&copy)[i];
	return sum;
}

/* A size that has no room as octal digits stands there in base 256, behind a byte of 0x80, as GNU tar and bsdtar have it. */
static void put_size(uint64_t size, char field[12])
{
	char digits[16];

	if (size < OCTAL_MAX) {
		snprintf(digits, sizeof(digits), "%011llo", (unsigned long long)size);
		memcpy(field, digits, 12);
		return;
	}
	field[0] = (char)0x80;
	for (int i = 11; i > 0; i--, size >>= 8)
		field[i] = (char)(size & 0xff);
}

/* Octal digits, then NUL or space. */
static bool octal(const char *field, size_t n, uint64_t *ret)
{
	size_t i = 0;

	for (*ret = 0; i < n && field[i] >= '0' && field[i] <= '7'; i++)
		*ret = *ret * 8 + (uint64_t)(field[i] - '0');
	return i > 0 && i < n && (field[i] == 0 || field[i] == ' ');
}

/* One spelling for each number. */
static bool get_size(const char field[12], uint64_t *ret)
{
	if ((uint8_t)field[0] != 0x80)
		return octal(field, 12, ret);
	*ret = 0;
	for (int i = 4; i < 12; i++)
		*ret = *ret << 8 | (uint8_t)field[i];
	return !field[1] && !field[2] && !field[3] && *ret >= OCTAL_MAX && *ret <= SEALED_MAX + SEALED_MORE;
}

static bool text(const char *field, size_t n, char *ret)
{
	memcpy(ret, field, n);
	ret[n] = 0;
	return memchr(field, 0, n) != NULL || n == sizeof(((struct header *)0)->name);
}

int archive_header(const uint8_t block[ARCHIVE_BLOCK], struct member *ret)
{
	const struct header *h = (const struct header *)block;
	uint64_t mode, size, time, sum;
	size_t n;

	if (!memcmp(block, zeros, ARCHIVE_BLOCK))
		return 0;
	*ret = (struct member){.folder = h->typeflag == '5'};
	if (memcmp(block + offsetof(struct header, magic), "ustar\00000", 8) || (h->typeflag != '0' && h->typeflag != '5') || h->prefix[0] || h->linkname[0] ||
	    !octal(h->mode, sizeof(h->mode), &mode) || !get_size(h->size, &size) || !octal(h->mtime, sizeof(h->mtime), &time) ||
	    !octal(h->chksum, sizeof(h->chksum), &sum) || sum != sum_of(h) || !text(h->name, sizeof(h->name), ret->name) ||
	    !text(h->uname, sizeof(h->uname), ret->owner) || !text(h->gname, sizeof(h->gname), ret->group) || mode > 0777 || (ret->folder && size))
		return -EBADMSG;
	n = strlen(ret->name);
	if (ret->folder && n && ret->name[n - 1] == '/')
		ret->name[n - 1] = 0;
	ret->mode = (mode_t)mode;
	ret->size = size;
	ret->time = (int64_t)time;
	return archive_is_name(ret->name) ? 1 : -EBADMSG;
}

int archive_make_header(const struct member *m, uint8_t ret[ARCHIVE_BLOCK])
{
	struct header h = {.typeflag = m->folder ? '5' : '0', .magic = "ustar", .version = {'0', '0'}};
	char number[16];

	if (!archive_is_name(m->name) || (m->folder && strlen(m->name) + 1 > sizeof(h.name)))
		return -EINVAL;
	memcpy(h.name, m->name, strlen(m->name));
	if (m->folder)
		h.name[strlen(m->name)] = '/';
	snprintf(h.mode, sizeof(h.mode), "%07o", (unsigned)m->mode & 0777);
	snprintf(h.uid, sizeof(h.uid), "%07o", 0);
	snprintf(h.gid, sizeof(h.gid), "%07o", 0);
	put_size(m->size, h.size);
	snprintf(number, sizeof(number), "%011llo", m->time > 0 && m->time < (int64_t)OCTAL_MAX ? (unsigned long long)m->time : 0);
	memcpy(h.mtime, number, sizeof(h.mtime));
	memcpy(h.uname, m->owner, strnlen(m->owner, sizeof(h.uname) - 1));
	memcpy(h.gname, m->group, strnlen(m->group, sizeof(h.gname) - 1));
	snprintf(number, sizeof(number), "%06o", sum_of(&h));
	memcpy(h.chksum, number, 7);
	h.chksum[7] = ' ';
	memcpy(ret, &h, sizeof(h));
	return 0;
}

void archive_member(const char *name, const struct stat *st, struct member *ret)
{
	const struct passwd *user = getpwuid(st->st_uid);
	const struct group *group = getgrgid(st->st_gid);

	*ret = (struct member){.folder = S_ISDIR(st->st_mode), .mode = st->st_mode & 0777, .time = st->st_mtime};
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	snprintf(ret->owner, sizeof(ret->owner), "%s", user ? user->pw_name : "");
	snprintf(ret->group, sizeof(ret->group), "%s", group ? group->gr_name : "");
	ret->size = ret->folder ? 0 : (uint64_t)st->st_size;
}

static void note(FILE *list, const uint8_t hash[HASH], const char *name)
{
	char digits[2 * HASH + 1];

	text_hex(hash, HASH, digits);
	fprintf(list, "%s  %s\n", digits, name);
}

static void hex(EVP_MD_CTX *c, char ret[65])
{
	uint8_t hash[HASH];

	*ret = 0;
	if (EVP_DigestFinal_ex(c, hash, NULL) == 1)
		text_hex(hash, HASH, ret);
}

static EVP_MD_CTX *digest_new(void)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(c);
		c = NULL;
	}
	return c;
}

/* ---- writing ---- */

static int put(struct archive_writer *w, const void *data, size_t n)
{
	if (n && fwrite(data, n, 1, w->out) != 1)
		return errno ? -errno : -EIO;
	return EVP_DigestUpdate(w->all, data, n) == 1 ? 0 : -EIO;
}

static int put_header(struct archive_writer *w, const struct member *m)
{
	uint8_t block[ARCHIVE_BLOCK];
	int r = archive_make_header(m, block);

	return r < 0 ? r : put(w, block, sizeof(block));
}

static int pad(struct archive_writer *w, uint64_t size)
{
	return put(w, zeros, (size_t)(-size % ARCHIVE_BLOCK));
}

int archive_begin(struct archive_writer *w, FILE *out)
{
	*w = (struct archive_writer){.out = out, .all = digest_new()};
	w->list = open_memstream(&w->manifest, &w->n);
	if (w->all && w->list)
		return 0;
	archive_abandon(w);
	return -ENOMEM;
}

int archive_put(struct archive_writer *w, const struct member *m, const void *data)
{
	uint8_t hash[HASH];
	int r = put_header(w, m);

	if (m->folder || r < 0)
		return r;
	r = put(w, data, m->size);
	if (r == 0)
		r = pad(w, m->size);
	if (r == 0 && EVP_Digest(data, m->size, hash, NULL, EVP_sha256(), NULL) != 1)
		r = -EIO;
	if (r == 0)
		note(w->list, hash, m->name);
	return r;
}

struct sealing { EVP_CIPHER_CTX *cipher; EVP_MD_CTX *one; uint8_t edge[SEALED_NONCE > SEALED_TAG ? SEALED_NONCE : SEALED_TAG]; };

static int put_edge(struct archive_writer *w, struct sealing *s, size_t n)
{
	return EVP_DigestUpdate(s->one, s->edge, n) == 1 ? put(w, s->edge, n) : -EIO;
}

static int put_content(struct archive_writer *w, struct sealing *s, uint64_t left, int fd)
{
	FREE uint8_t *chunk = malloc(CHUNK);
	int r = chunk ? 0 : -ENOMEM;

	while (r == 0 && left) {
		ssize_t n = read(fd, chunk, left < CHUNK ? (size_t)left : CHUNK);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		r = sealed_some(s->cipher, chunk, (size_t)n, chunk);
		if (r == 0)
			r = put(w, chunk, (size_t)n);
		if (r == 0 && EVP_DigestUpdate(s->one, chunk, (size_t)n) != 1)
			r = -EIO;
		left -= (uint64_t)n;
	}
	return r;
}

static int put_sealed(struct archive_writer *w, struct sealing *s, const struct member *m, int fd)
{
	struct member sealed = *m;
	uint8_t hash[HASH];
	int r;

	sealed.size = m->size + SEALED_MORE;
	r = put_header(w, &sealed);
	if (r == 0)
		r = put_edge(w, s, SEALED_NONCE);
	if (r == 0)
		r = put_content(w, s, m->size, fd);
	if (r == 0)
		r = sealed_end(s->cipher, s->edge);
	if (r == 0)
		r = put_edge(w, s, SEALED_TAG);
	if (r == 0)
		r = pad(w, sealed.size);
	if (r == 0 && EVP_DigestFinal_ex(s->one, hash, NULL) != 1)
		r = -EIO;
	if (r == 0)
		note(w->list, hash, m->name);
	return r;
}

int archive_put_sealed(struct archive_writer *w, const struct member *m, int fd, const uint8_t *key)
{
	struct sealing s = {.one = digest_new()};
	int r = m->size > SEALED_MAX ? -EFBIG : s.one && RAND_bytes(s.edge, SEALED_NONCE) == 1 ? 0 : -EIO;

	s.cipher = r == 0 ? sealed_begin(key, m->name, s.edge, true) : NULL;
	if (r == 0)
		r = s.cipher ? put_sealed(w, &s, m, fd) : -EIO;
	EVP_CIPHER_CTX_free(s.cipher);
	EVP_MD_CTX_free(s.one);
	return r;
}

int archive_end(struct archive_writer *w, char ret[65])
{
	struct member m = {.name = ARCHIVE_MANIFEST, .mode = 0600};
	int r = fflush(w->list) ? -ENOMEM : 0;

	m.size = w->n;
	if (r == 0)
		r = put_header(w, &m);
	if (r == 0)
		r = put(w, w->manifest, w->n);
	if (r == 0)
		r = pad(w, w->n);
	for (int i = 0; i < 2 && r == 0; i++)
		r = put(w, zeros, ARCHIVE_BLOCK);
	if (r == 0 && fflush(w->out))
		r = -errno;
	hex(w->all, ret);
	return r;
}

void archive_abandon(struct archive_writer *w)
{
	if (w->list)
		fclose(w->list);
	free(w->manifest);
	EVP_MD_CTX_free(w->all);
	*w = (struct archive_writer){0};
}

/* ---- reading ---- */

int archive_open(struct archive_reader *r, FILE *in)
{
	*r = (struct archive_reader){.in = in, .all = digest_new(), .one = EVP_MD_CTX_new()};
	r->list = open_memstream(&r->manifest, &r->n);
	if (r->all && r->one && r->list)
		return 0;
	archive_close(r);
	return -ENOMEM;
}

static int take(struct archive_reader *r, void *data, size_t n)
{
	if (n && fread(data, n, 1, r->in) != 1)
		return ferror(r->in) ? -EIO : -EBADMSG;
	return EVP_DigestUpdate(r->all, data, n) == 1 ? 0 : -EIO;
}

static int take_zeros(struct archive_reader *r, size_t n)
{
	uint8_t block[ARCHIVE_BLOCK];
	int e = take(r, block, n);

	return e ? e : memcmp(block, zeros, n) ? -EBADMSG : 0;
}

static int end_member(struct archive_reader *r, const char **place)
{
	uint8_t hash[HASH];

	*place = r->now.name;
	if (!*r->now.name || r->now.folder)
		return 0;
	if (r->left || EVP_DigestFinal_ex(r->one, hash, NULL) != 1)
		return -EINVAL;
	note(r->list, hash, r->now.name);
	return take_zeros(r, (size_t)(-r->now.size % ARCHIVE_BLOCK));
}

/* Which line is the first that differs, for people. */
static void tell_different(const char *should, const char *is, size_t n, char why[256])
{
	size_t i = 0, begin = 0;

	while (i < n && should[i] == is[i]) {
		begin = is[i] == '\n' ? i + 1 : begin;
		i++;
	}
	if (n - begin > 66)
		snprintf(why, 256, "%.*s is damaged, or the manifest is", (int)strcspn(is + begin + 66, "\n"), is + begin + 66);
	else
		snprintf(why, 256, "the manifest is damaged, or a part is missing");
}

/* What was read before must be what it says, byte by byte; and nothing but the end comes behind it. */
static int check_manifest(struct archive_reader *r, uint64_t size, char why[256])
{
	FREE char *should = size <= MANIFEST_MAX ? malloc(size + 1) : NULL;
	int e = should && fflush(r->list) == 0 ? take(r, should, size) : -EBADMSG;

	if (e == 0)
		e = take_zeros(r, (size_t)(-size % ARCHIVE_BLOCK));
	if (e == 0 && (size != r->n || memcmp(should, r->manifest, size))) {
		should[size] = 0;
		tell_different(should, r->manifest, size < r->n ? size : r->n, why);
		return -EBADMSG;
	}
	for (int i = 0; i < 2 && e == 0; i++)
		e = take_zeros(r, ARCHIVE_BLOCK);
	if (e == 0 && fgetc(r->in) != EOF)
		e = -EBADMSG;
	if (e)
		snprintf(why, 256, "the manifest or the end of the file is damaged");
	return e;
}

int archive_next(struct archive_reader *r, struct member *ret, char why[256])
{
	uint8_t block[ARCHIVE_BLOCK];
	const char *place;
	int e = end_member(r, &place);

	if (e == 0)
		e = take(r, block, sizeof(block));
	if (e == 0) {
		e = archive_header(block, &r->now);
		place = r->now.name;
	}
	if (e <= 0) {
		if (*place && archive_is_name(place))
			snprintf(why, 256, "it is damaged at %s, or cut off there", place);
		else
			snprintf(why, 256, "this is no backup, or it is damaged or cut off");
		return e ? e : -EBADMSG;
	}
	if (!strcmp(r->now.name, ARCHIVE_MANIFEST))
		return check_manifest(r, r->now.size, why);
	r->left = r->now.size;
	*ret = r->now;
	return r->now.folder || EVP_DigestInit_ex(r->one, EVP_sha256(), NULL) == 1 ? 1 : -EIO;
}

ssize_t archive_read(struct archive_reader *r, void *data, size_t room)
{
	size_t n = r->left < room ? (size_t)r->left : room;
	int e = take(r, data, n);

	if (e == 0 && EVP_DigestUpdate(r->one, data, n) != 1)
		e = -EIO;
	r->left -= e ? 0 : n;
	return e ? e : (ssize_t)n;
}

void archive_digest(struct archive_reader *r, char ret[65])
{
	hex(r->all, ret);
}

void archive_close(struct archive_reader *r)
{
	if (r->list)
		fclose(r->list);
	free(r->manifest);
	EVP_MD_CTX_free(r->all);
	EVP_MD_CTX_free(r->one);
	*r = (struct archive_reader){0};
}
