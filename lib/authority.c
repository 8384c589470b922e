#include "authority.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "io.h"
#include "pem.h"

#define DER_MAX 8192
#define FILE_MAX 65536
#define TRUSTED_MAX 4

static void spell(const ASN1_OCTET_STRING *id, char ret[AUTHORITY_ID])
{
	const int n = id ? ASN1_STRING_length(id) : 0;

	*ret = 0;
	for (int i = 0; i < n && n <= (AUTHORITY_ID - 1) / 2; i++)
		snprintf(ret + 2 * i, 3, "%02x", ASN1_STRING_get0_data(id)[i]);
}

void authority_id(X509 *cert, char ret[AUTHORITY_ID])
{
	spell(X509_get0_subject_key_id(cert), ret);
}

void authority_of(X509 *cert, char ret[AUTHORITY_ID])
{
	spell(X509_get0_authority_key_id(cert), ret);
}

/* ---- files ---- */

int authority_read(const char *folder, const char *name, X509 **ret, size_t room)
{
	char path[PATH_MAX];
	FCLOSE FILE *f = NULL;
	size_t n = 0;
	bool whole;

	f = fopen(io_path(path, folder, name), "re");
	if (!f)
		return -errno;
	while (n < room && (ret[n] = PEM_read_X509(f, NULL, NULL, NULL)))
		n++;
	whole = n == room || ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	ERR_clear_error();
	if (n && whole)
		return (int)n;
	while (n > 0)
		X509_free(ret[--n]);
	return -EBADMSG;
}

int authority_write(const char *folder, const char *name, X509 *const *certs, size_t n)
{
	char path[PATH_MAX], *data;
	FREE char *before = NULL;
	size_t before_n = 0;
	BIO *bio = BIO_new(BIO_s_mem());
	bool good = bio != NULL;
	int r = -ENOMEM;
	long size;

	io_path(path, folder, name);
	for (size_t i = 0; i < n && good; i++)
		good = PEM_write_bio_X509(bio, certs[i]) == 1;
	size = good ? BIO_get_mem_data(bio, &data) : 0;
	if (good && n == 0)
		r = unlink(path) == 0 ? 1 : errno == ENOENT ? 0 : -errno;
	else if (good && io_read_file(path, FILE_MAX, &before, &before_n) == 0 && before_n == (size_t)size && !memcmp(before, data, before_n))
		r = 0;
	else if (good && (r = io_replace_file(path, data, (size_t)size, 0644)) == 0)
		r = 1;
	BIO_free(bio);
	return r;
}

/* ---- who may follow ---- */

static bool is_authority(X509 *cert)
{
	return X509_check_ca(cert) == 1 && (X509_get_extension_flags(cert) & EXFLAG_INVALID) == 0 && X509_get0_subject_key_id(cert);
}

static bool is_made_by(X509 *cert, X509 *by)
{
	bool made = X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(by)) == 0 && X509_verify(cert, X509_get0_pubkey(by)) == 1;

	ERR_clear_error();
	return made;
}

static bool same_key(X509 *a, X509 *b)
{
	return EVP_PKEY_eq(X509_get0_pubkey(a), X509_get0_pubkey(b)) == 1;
}

bool authority_is_vouched(X509 *root, X509 *vouched, X509 *const *trusted, size_t n)
{
	if (!is_authority(root) || !is_authority(vouched) || !is_made_by(root, root) || !same_key(root, vouched) ||
	    X509_NAME_cmp(X509_get_subject_name(root), X509_get_subject_name(vouched)) != 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (is_made_by(vouched, trusted[i]))
			return true;
	return false;
}

/* ---- an agent's ---- */

static X509 *decode(const uint8_t *der, size_t n)
{
	const unsigned char *p = der;
	X509 *cert = n <= DER_MAX ? d2i_X509(NULL, &p, (long)n) : NULL;

	ERR_clear_error();
	if (!cert || p == der + n)
		return cert;
	X509_free(cert);
	return NULL;
}

bool authority_made(const uint8_t *der, size_t n, X509 *cert)
{
	CERT *root = decode(der, n);

	return root && is_made_by(cert, root);
}

/* The new one first; of those before it what still counts. */
static int follow(const char *folder, X509 *root, X509 *const *trusted, size_t n, bool alone)
{
	X509 *all[TRUSTED_MAX + 1] = {root};
	size_t k = 1;

	for (size_t i = 0; i < n && !alone; i++)
		if (!same_key(trusted[i], root))
			all[k++] = trusted[i];
	return authority_write(folder, "ca.pem", all, k);
}

int authority_take(const char *folder, const struct authority_said *said, X509 *own)
{
	CERT *root = decode(said->root, said->root_n);
	CERT *vouched = decode(said->vouched, said->vouched_n);
	X509 *trusted[TRUSTED_MAX];
	int n = authority_read(folder, "ca.pem", trusted, TRUSTED_MAX), r = -EKEYREJECTED;
	bool known = false;

	for (int i = 0; i < n && root; i++)
		known |= X509_cmp(trusted[i], root) == 0;
	if (n < 0)
		r = n;
	else if (root && (known || (vouched && authority_is_vouched(root, vouched, trusted, (size_t)n))))
		r = follow(folder, root, trusted, (size_t)n, said->alone && known && own && is_made_by(own, root));
	for (int i = 0; i < n; i++)
		X509_free(trusted[i]);
	return r;
}
