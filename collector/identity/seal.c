#include "seal.h"

#include <errno.h>
#include <limits.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca.h"
#include "cleanup.h"
#include "io.h"

struct seal {
	char path[PATH_MAX];		/* of the last checkpoint; its key's and the next one's: with .key, .next behind it */
	EVP_PKEY *key, *next;		/* next: that may follow it; NULL: none was made */
	struct checkpoint last, shown;	/* number 0: none; shown: that is what will be signed next */
	bool changes;			/* among what was shown the journal says that next follows */
};

static void free_key(EVP_PKEY **k) { EVP_PKEY_free(*k); }
#define KEY CLEANUP(free_key)

static int write_public(const char *path, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long n = bio && PEM_write_bio_PUBKEY(bio, key) == 1 ? BIO_get_mem_data(bio, &data) : 0;
	int r = n > 0 ? io_replace_file(path, data, (size_t)n, 0644) : -ENOMEM;

	BIO_free(bio);
	return r;
}

/* The public half last: it is the mark that both are made. */
int seal_init(const char *signer_folder, const char *identity_folder)
{
	char secret[PATH_MAX], public[PATH_MAX];
	KEY EVP_PKEY *key = NULL;
	int r = 0;

	snprintf(secret, sizeof(secret), "%s/checkpoint.key", signer_folder);
	snprintf(public, sizeof(public), "%s/checkpoint.pem", identity_folder);
	if (access(public, F_OK) == 0)
		return 0;
	key = ca_read_key(secret);
	if (!key) {
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		r = key ? ca_write_key(secret, key) : -EIO;
	}
	return r < 0 ? r : write_public(public, key);
}

static const char *path_of(const struct seal *s, const char *what, char buf[PATH_MAX + 8])
{
	snprintf(buf, PATH_MAX + 8, "%s%s", s->path, what);
	return buf;
}

static void forget(struct seal *s)
{
	s->shown = s->last;
	s->changes = false;
}

/* Its file takes the place of the former one's. */
static int follow(struct seal *s)
{
	char from[PATH_MAX + 8], to[PATH_MAX + 8];
	int r = io_rename(path_of(s, ".next", from), path_of(s, ".key", to));

	if (r < 0)
		return r;
	EVP_PKEY_free(s->key);
	s->key = TAKE(s->next);
	return 0;
}

static bool signed_by(const struct checkpoint *c, const EVP_PKEY *key)
{
	uint8_t bytes[CHECKPOINT_KEY];

	return key && checkpoint_key_of(key, bytes) == 0 && checkpoint_is_signed(c, bytes);
}

static int read_last(struct seal *s)
{
	FREE char *line = NULL;
	size_t n;
	int r = io_read_file(s->path, CHECKPOINT_LINE, &line, &n);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = checkpoint_parse(line, strcspn(line, "\n"), &s->last);
	if (r == 0 && signed_by(&s->last, s->next))
		r = follow(s);		/* we ended in between */
	if (r == 0 && !signed_by(&s->last, s->key))
		r = -EBADMSG;
	forget(s);
	return r;
}

int seal_open(const char *signer_folder, struct seal **ret)
{
	struct seal *s = calloc(1, sizeof(*s));
	char path[PATH_MAX + 8];
	int r = -ENOENT;

	if (!s)
		return -ENOMEM;
	snprintf(s->path, sizeof(s->path), "%s/checkpoint", signer_folder);
	s->key = ca_read_key(path_of(s, ".key", path));
	s->next = ca_read_key(path_of(s, ".next", path));
	if (s->key)
		r = read_last(s);
	if (r < 0)
		seal_close(s);
	else
		*ret = s;
	return r;
}

void seal_close(struct seal *s)
{
	if (!s)
		return;
	EVP_PKEY_free(s->key);
	EVP_PKEY_free(s->next);
	free(s);
}

/* ---- the chain ---- */

/* The chain is named after its first entry and our key: no other key, and no other journal, can go on with it. */
static int name_chain(struct checkpoint *c, const EVP_PKEY *key)
{
	uint8_t bytes[CHECKPOINT_KEY];

	return checkpoint_key_of(key, bytes) < 0 ? -EIO : checkpoint_chain(c->hash, bytes, c->chain);
}

/* A backup that was put back goes on at a number that was never given, and says so. */
static bool may_follow(const struct entry *e, const struct checkpoint *before)
{
	return e->number == before->number + 1 ||
	       (before->number && e->number > before->number && entry_is(e->action, e->action_n, "journal.restored"));
}

static bool continues(const struct entry *e, const struct checkpoint *before)
{
	static const uint8_t zeros[ENTRY_HASH];

	return may_follow(e, before) && !memcmp(e->chain, before->number ? before->chain : zeros, ENTRY_HASH) &&
	       !memcmp(e->previous, before->number ? before->hash : zeros, ENTRY_HASH);
}

/* No other key than ours can follow, whatever the journal says. */
static int heed_change(struct seal *s, const struct entry *e)
{
	uint8_t bytes[CHECKPOINT_KEY], named[CHECKPOINT_KEY];
	size_t n = e->action_n;
	const char *object = entry_object(e->action, &n);

	if (!entry_is(e->action, e->action_n, "journal.key"))
		return 0;
	if (s->changes || !s->next || checkpoint_key_of(s->next, bytes) < 0 || n != 2 * CHECKPOINT_KEY ||
	    !checkpoint_unhex(object, CHECKPOINT_KEY, named) || memcmp(bytes, named, CHECKPOINT_KEY))
		return -ESTALE;
	s->changes = true;
	return 0;
}

int seal_show(struct seal *s, const uint8_t *bytes, size_t n)
{
	struct entry e;
	int r = entry_parse(bytes, n, &e);

	if (r == 0 && !continues(&e, &s->shown))
		r = -ESTALE;
	if (r == 0)
		r = entry_sha256(bytes, n, s->shown.hash);
	if (r == 0 && e.number == 1)
		r = name_chain(&s->shown, s->key);
	if (r == 0)
		r = heed_change(s, &e);
	if (r < 0)
		forget(s);
	else
		s->shown.number = e.number;
	return r;
}

/* The checkpoint first: its signature tells which key's turn it was, whenever we are killed. */
static int keep(struct seal *s, const struct checkpoint *c)
{
	char line[CHECKPOINT_LINE + 1];
	int r;

	checkpoint_line(c, line);
	strcat(line, "\n");
	r = io_replace_file(s->path, line, strlen(line), 0600);
	return r < 0 || !s->changes ? r : follow(s);
}

int seal_sign(struct seal *s, int64_t now)
{
	struct checkpoint c = s->shown;
	int r;

	if (c.number == s->last.number)
		return 0;
	c.time = now;
	r = checkpoint_sign(&c, s->changes ? s->next : s->key);
	if (r == 0)
		r = keep(s, &c);
	if (r == 0)
		s->last = c;
	forget(s);
	return r;
}

/* ---- another key ---- */

static int make_next(struct seal *s)
{
	char path[PATH_MAX + 8];
	KEY EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	int r = key ? ca_write_key(path_of(s, ".next", path), key) : -EIO;

	if (r == 0)
		s->next = TAKE(key);
	return r;
}

int seal_change(struct seal *s, struct seal_change *ret)
{
	int r = s->last.number ? 0 : -ENOENT;

	if (r == 0 && !s->next)
		r = make_next(s);
	if (r == 0)
		r = checkpoint_key_of(s->next, ret->key);
	return r < 0 ? r : checkpoint_change_sign(s->last.chain, s->last.number + 1, s->key, s->next, ret->old, ret->new_key);
}

void seal_last(const struct seal *s, char ret[CHECKPOINT_LINE])
{
	*ret = 0;
	if (s->last.number)
		checkpoint_line(&s->last, ret);
}
