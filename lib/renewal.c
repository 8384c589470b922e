#include "renewal.h"

#include <errno.h>
#include <limits.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "authority.h"
#include "cleanup.h"
#include "io.h"
#include "pem.h"
#include "request.h"

#define DAY 86400
#define FILE_MAX 65536

static bool is_there(const char *folder, const char *name)
{
	char path[PATH_MAX];

	return access(io_path(path, folder, name), F_OK) == 0;
}

/* FOLDER/ROOT may hold more than one, while one takes the other's place. */
static bool is_made_by(const char *folder, const char *root, X509 *cert)
{
	char path[PATH_MAX];
	FCLOSE FILE *f = fopen(io_path(path, folder, root), "re");
	bool made = false;
	X509 *r;

	while (f && !made && (r = PEM_read_X509(f, NULL, NULL, NULL))) {
		made = X509_verify(cert, X509_get0_pubkey(r)) == 1;
		X509_free(r);
	}
	ERR_clear_error();
	return made;
}

bool renewal_due(X509 *cert, int64_t now)
{
	struct tm begin;

	/* They are good from a day before they are made (collector/authority/ca.c). */
	return ASN1_TIME_to_tm(X509_get0_notBefore(cert), &begin) == 1 &&
	       now - (int64_t)timegm(&begin) > (RENEWAL_AFTER_DAYS + 1) * (int64_t)DAY;
}

int64_t renewal_end(const char *folder)
{
	CERT *cert = pem_read_certificate(folder, "cert.pem");
	struct tm end;

	return cert && ASN1_TIME_to_tm(X509_get0_notAfter(cert), &end) == 1 ? (int64_t)timegm(&end) : 0;
}

bool renewal_folder_due(const char *folder, const char *root, int64_t now)
{
	CERT *cert = pem_read_certificate(folder, "cert.pem");

	return cert && renewal_due(cert, now) && is_made_by(folder, root, cert);
}

/* ---- the request ---- */

static int make_key(const char *folder, EVP_PKEY **ret)
{
	char path[PATH_MAX];
	KEY *key = EVP_EC_gen("P-256");
	int r;

	if (!key)
		return -EIO;
	if (mkdir(io_path(path, folder, "next"), 0700) < 0 && errno != EEXIST)
		return -errno;
	r = pem_write_key(folder, "next/key.pem", key);
	if (r == 0)
		*ret = TAKE(key);
	return r;
}

int renewal_request(const char *folder, uint8_t **ret, size_t *ret_n)
{
	KEY *key = pem_read_key(folder, "next/key.pem");
	int r = key ? 0 : make_key(folder, &key);

	*ret = NULL;
	return r < 0 ? r : request_make(key, ret, ret_n);
}

int renewal_prove(const char *folder, const uint8_t *request, size_t n, uint8_t **ret, size_t *ret_n)
{
	KEY *key = pem_read_key(folder, "key.pem");

	return key ? request_prove(key, request, n, ret, ret_n) : -EIO;
}

/* ---- the answer ---- */

static bool same_name(const char *folder, X509 *cert)
{
	CERT *present = pem_read_certificate(folder, "cert.pem");
	X509_EXTENSION *a = X509_get_ext(cert, X509_get_ext_by_NID(cert, NID_subject_alt_name, -1));
	X509_EXTENSION *b = present ? X509_get_ext(present, X509_get_ext_by_NID(present, NID_subject_alt_name, -1)) : NULL;

	return a && b && ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(a), X509_EXTENSION_get_data(b)) == 0;
}

static int copy_root(const char *folder, const char *root)
{
	char from[PATH_MAX], to[PATH_MAX];
	FREE char *text = NULL;
	size_t n;
	int r = io_read_file(io_path(from, folder, root), FILE_MAX, &text, &n);

	snprintf(to, sizeof(to), "%s/next/%s", folder, root);
	return r < 0 ? r : io_replace_file(to, text, n, 0644);
}

int renewal_take(const char *folder, const char *root, const uint8_t *der, size_t n)
{
	const unsigned char *p = der;
	CERT *cert = n <= FILE_MAX ? d2i_X509(NULL, &p, (long)n) : NULL;
	KEY *key = pem_read_key(folder, "next/key.pem");
	int r;

	if (!cert || !key || X509_check_private_key(cert, key) != 1 || !same_name(folder, cert) || !is_made_by(folder, root, cert)) {
		ERR_clear_error();
		return -EKEYREJECTED;
	}
	r = copy_root(folder, root);
	return r < 0 ? r : pem_write_certificates(folder, "next/cert.pem", &cert, 1);
}

int renewal_adopt(const char *folder, X509 *const *roots, size_t n, X509 *cert)
{
	KEY *key = pem_read_key(folder, "next/key.pem");
	int r;

	if (!key || X509_check_private_key(cert, key) != 1 || X509_verify(cert, X509_get0_pubkey(roots[0])) != 1) {
		ERR_clear_error();
		return -EKEYREJECTED;
	}
	r = authority_write(folder, "next/ca.pem", roots, n);
	return r < 0 ? r : pem_write_certificates(folder, "next/cert.pem", &cert, 1);
}

/* ---- whose it is ---- */

bool renewal_marked(const char *folder, const char *mark)
{
	char path[PATH_MAX];
	FREE char *text = NULL;

	return io_read_file(io_path(path, folder, "next/mark"), 256, &text, NULL) == 0 && !strcmp(text, mark);
}

int renewal_mark(const char *folder, const char *mark)
{
	char path[PATH_MAX];

	if (mkdir(io_path(path, folder, "next"), 0700) < 0 && errno != EEXIST)
		return -errno;
	return io_replace_file(io_path(path, folder, "next/mark"), mark, strlen(mark), 0600);
}

static void leave_next(const char *folder)
{
	char path[PATH_MAX];

	unlink(io_path(path, folder, "next/mark"));
	rmdir(io_path(path, folder, "next"));
}

/* ---- in its place ---- */

bool renewal_complete(const char *folder)
{
	return is_there(folder, "next/cert.pem") && is_there(folder, "next/key.pem");
}

static int move(const char *folder, const char *name)
{
	char from[PATH_MAX], to[PATH_MAX];
	int r;

	snprintf(from, sizeof(from), "%s/next/%s", folder, name);
	if (rename(from, io_path(to, folder, name)) < 0)
		return errno == ENOENT ? 0 : -errno;
	r = io_sync_folder(folder);
	return r < 0 ? r : io_sync_folder(io_path(from, folder, "next"));
}

int renewal_settle(const char *folder)
{
	static const char *const names[] = {"key.pem", "ca.pem", "root.pem", "cert.pem"};
	int r = 0;

	if (!is_there(folder, "next/cert.pem"))
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && r == 0; i++)
		r = move(folder, names[i]);
	if (r == 0)
		leave_next(folder);
	return r;
}

int renewal_recover(const char *folder)
{
	bool cert = is_there(folder, "next/cert.pem"), key = is_there(folder, "next/key.pem");

	if (cert && !key)
		return renewal_settle(folder);
	if (!cert && !key)
		leave_next(folder);	/* the last step of one that was cut off */
	return 0;
}

void renewal_drop(const char *folder)
{
	/* The certificate first: without it, it is a request that is not answered yet. */
	static const char *const names[] = {"next/cert.pem", "next/ca.pem", "next/root.pem", "next/key.pem"};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(io_path(path, folder, names[i]));
	leave_next(folder);
}
