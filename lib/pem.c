#include "pem.h"

#include <errno.h>
#include <limits.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>

#include "io.h"

static FILE *open_file(const char *folder, const char *name)
{
	char path[PATH_MAX];

	return fopen(io_path(path, folder, name), "re");
}

EVP_PKEY *pem_read_key(const char *folder, const char *name)
{
	FCLOSE FILE *f = open_file(folder, name);

	return f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
}

X509 *pem_read_certificate(const char *folder, const char *name)
{
	FCLOSE FILE *f = open_file(folder, name);

	return f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
}

/* The buffer is gone afterwards. */
static int write_out(const char *folder, const char *name, BIO *bio, bool good, mode_t mode)
{
	char path[PATH_MAX], *data;
	long n = good ? BIO_get_mem_data(bio, &data) : 0;
	int r = n > 0 ? io_replace_file(io_path(path, folder, name), data, (size_t)n, mode) : -EIO;

	BIO_free(bio);
	return r;
}

int pem_write_key(const char *folder, const char *name, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_secmem());

	return write_out(folder, name, bio, bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1, 0600);
}

int pem_write_public_key(const char *folder, const char *name, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	return write_out(folder, name, bio, bio && PEM_write_bio_PUBKEY(bio, key) == 1, 0644);
}

int pem_write_certificates(const char *folder, const char *name, X509 *const *certs, size_t n)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool good = bio != NULL;

	for (size_t i = 0; i < n && good; i++)
		good = PEM_write_bio_X509(bio, certs[i]) == 1;
	return write_out(folder, name, bio, good, 0644);
}
