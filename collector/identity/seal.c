#include "seal.h"

#include <errno.h>
#include <limits.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca.h"
#include "cleanup.h"
#include "io.h"

struct seal {
	char path[PATH_MAX];		/* of the last checkpoint */
	EVP_PKEY *key;
	struct checkpoint last, shown;	/* number 0: none; shown: that is what will be signed next */
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

static int read_last(struct seal *s)
{
	FREE char *line = NULL;
	uint8_t key[CHECKPOINT_KEY];
	size_t n;
	int r = io_read_file(s->path, CHECKPOINT_LINE, &line, &n);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = checkpoint_parse(line, strcspn(line, "\n"), &s->last);
	if (r == 0 && (checkpoint_key_of(s->key, key) < 0 || !checkpoint_is_signed(&s->last, key)))
		r = -EBADMSG;
	s->shown = s->last;
	return r;
}

int seal_open(const char *signer_folder, struct seal **ret)
{
	struct seal *s = calloc(1, sizeof(*s));
	char path[PATH_MAX];
	int r = -ENOENT;

	if (!s)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/checkpoint.key", signer_folder);
	snprintf(s->path, sizeof(s->path), "%s/checkpoint", signer_folder);
	s->key = ca_read_key(path);
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
	free(s);
}

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
	if (r < 0)
		s->shown = s->last;
	else
		s->shown.number = e.number;
	return r;
}

int seal_sign(struct seal *s, int64_t now)
{
	struct checkpoint c = s->shown;
	char line[CHECKPOINT_LINE + 1];
	int r;

	if (c.number == s->last.number)
		return 0;
	c.time = now;
	r = checkpoint_sign(&c, s->key);
	checkpoint_line(&c, line);
	strcat(line, "\n");
	if (r == 0)
		r = io_replace_file(s->path, line, strlen(line), 0600);
	s->shown = s->last;
	if (r == 0)
		s->shown = s->last = c;
	return r;
}

void seal_last(const struct seal *s, char ret[CHECKPOINT_LINE])
{
	*ret = 0;
	if (s->last.number)
		checkpoint_line(&s->last, ret);
}
