#include "roll.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "authority.h"
#include "ca.h"
#include "cleanup.h"
#include "io.h"
#include "pem.h"

#define NEXT_KEY "next-ca.key"
#define NEXT_CERTIFICATES "next-ca.pem"
#define OVER "former-over"

static int move(const char *folder, const char *from, const char *to)
{
	char a[PATH_MAX], b[PATH_MAX];

	return io_rename(io_path(a, folder, from), io_path(b, folder, to));
}

/* The key first: a next certificate without its key is in the midst of this. */
static int settle(const char *folder)
{
	int r = move(folder, NEXT_KEY, "ca.key");

	return r < 0 && r != -ENOENT ? r : move(folder, NEXT_CERTIFICATES, "ca.pem");
}

static int recover(const char *folder)
{
	char key[PATH_MAX], certificates[PATH_MAX];
	bool has_key = access(io_path(key, folder, NEXT_KEY), F_OK) == 0;
	bool has_certificates = access(io_path(certificates, folder, NEXT_CERTIFICATES), F_OK) == 0;

	if (has_certificates && !has_key)
		return settle(folder);
	if (has_certificates)		/* nothing was changed yet, and nobody was told */
		unlink(certificates);
	if (has_key)
		unlink(key);
	return 0;
}

static bool is_over(const char *folder, X509 *former)
{
	char path[PATH_MAX], id[AUTHORITY_ID];
	FREE char *text = NULL;

	authority_id(former, id);
	return io_read_file(io_path(path, folder, OVER), AUTHORITY_ID, &text, NULL) == 0 && !strcmp(text, id);
}

int roll_open(const char *folder, struct roll *ret)
{
	X509 *all[3] = {NULL, NULL, NULL};
	int r = recover(folder), n;

	if (r < 0)
		return r;
	n = authority_read(folder, "ca.pem", all, 3);
	*ret = (struct roll){pem_read_key(folder, "ca.key"), all[0], all[1], all[2], false};
	if ((n != 1 && n != 3) || !ret->key || X509_check_private_key(ret->root, ret->key) != 1) {
		roll_clear(ret);
		return -ENOENT;
	}
	ret->over = ret->former && is_over(folder, ret->former);
	return 0;
}

void roll_clear(struct roll *r)
{
	EVP_PKEY_free(r->key);
	X509_free(r->root);
	X509_free(r->vouched);
	X509_free(r->former);
	*r = (struct roll){0};
}

bool roll_made(const struct roll *r, X509 *cert)
{
	return X509_verify(cert, X509_get0_pubkey(r->root)) == 1 ||
	       (r->former && !r->over && X509_verify(cert, X509_get0_pubkey(r->former)) == 1);
}

static int prepare(const char *folder, const struct roll *now, struct roll *next)
{
	int r;

	next->key = ca_key_new();
	next->root = next->key ? ca_root_like(next->key, now->root) : NULL;
	next->vouched = next->root ? ca_vouch(now->key, now->root, next->root) : NULL;
	if (!next->vouched)
		return -EIO;
	next->former = X509_dup(now->root);
	r = next->former ? pem_write_key(folder, NEXT_KEY, next->key) : -ENOMEM;
	return r < 0 ? r : pem_write_certificates(folder, NEXT_CERTIFICATES, (X509 *[]){next->root, next->vouched, next->former}, 3);
}

int roll_begin(const char *folder, struct roll *now)
{
	struct roll next = {0};
	int r = now->former && !now->over ? -EBUSY : prepare(folder, now, &next);

	if (r == 0)
		r = settle(folder);
	if (r < 0) {
		roll_clear(&next);
		return r;
	}
	roll_clear(now);
	*now = next;
	return 0;
}

int roll_finish(const char *folder, struct roll *now)
{
	char path[PATH_MAX], id[AUTHORITY_ID];
	int r = 0;

	if (!now->former)
		return -ENOENT;
	authority_id(now->former, id);
	if (!now->over)
		r = io_replace_file(io_path(path, folder, OVER), id, strlen(id), 0600);
	now->over = r == 0;
	return r;
}
