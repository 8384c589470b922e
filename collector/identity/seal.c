#include "seal.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io.h"
#include "pem.h"

#define LAST "checkpoint"		/* a line */
#define ITS_KEY "checkpoint.key"
#define NEXT_KEY "checkpoint.next"

struct seal {
	char folder[PATH_MAX];
	EVP_PKEY *key, *next;		/* next: that may follow it; NULL: none was made */
	struct checkpoint last, shown;	/* number 0: none; shown: that is what will be signed next */
	bool changes;			/* among what was shown the journal says that next follows */
};

static void forget(struct seal *s)
{
	s->shown = s->last;
	s->changes = false;
}

/* Its file takes the place of the former one's. */
static int follow(struct seal *s)
{
	char from[PATH_MAX], to[PATH_MAX];
	int r = io_rename(io_path(from, s->folder, NEXT_KEY), io_path(to, s->folder, ITS_KEY));

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
	char path[PATH_MAX];
	FREE char *line = NULL;
	int r = io_read_file(io_path(path, s->folder, LAST), CHECKPOINT_LINE, &line, NULL);

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
	int r = -ENOENT;

	if (!s)
		return -ENOMEM;
	snprintf(s->folder, sizeof(s->folder), "%s", signer_folder);
	s->key = pem_read_key(signer_folder, ITS_KEY);
	s->next = pem_read_key(signer_folder, NEXT_KEY);
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
	char line[CHECKPOINT_LINE + 1], path[PATH_MAX];
	int r;

	checkpoint_line(c, line);
	strcat(line, "\n");
	r = io_replace_file(io_path(path, s->folder, LAST), line, strlen(line), 0600);
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
	KEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	int r = key ? pem_write_key(s->folder, NEXT_KEY, key) : -EIO;

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
