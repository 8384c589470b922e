#include "sealed.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "cleanup.h"

#define MARK "beadle sealed 1\n"
#define MARK_N 16
#define SALT_N 16
#define NONCE_N 12
#define HEAD (MARK_N + SALT_N + NONCE_N)
#define TAG_N 16
/* 128 MiB and some half a second a try. */
#define SCRYPT_N (1u << 17)
#define SCRYPT_R 8
#define SCRYPT_P 1
#define SCRYPT_MEMORY (160u * 1024 * 1024)

_Static_assert(HEAD + TAG_N == SEALED_MORE, "sealed.h says how long it is");

CLEANUP_FOR(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free)
#define CIPHER CLEANUP(EVP_CIPHER_CTX_free_p)

static int begin(const char *passphrase, const uint8_t *head, int encrypt, EVP_CIPHER_CTX *c)
{
	uint8_t key[32];
	int n, good;

	good = EVP_PBE_scrypt(passphrase, strlen(passphrase), head + MARK_N, SALT_N, SCRYPT_N, SCRYPT_R, SCRYPT_P, SCRYPT_MEMORY, key, sizeof(key)) == 1 &&
	       EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key, head + MARK_N + SALT_N, encrypt) == 1 &&
	       EVP_CipherUpdate(c, NULL, &n, head, HEAD) == 1;
	OPENSSL_cleanse(key, sizeof(key));
	return good ? 0 : -EIO;
}

int sealed_make(const char *passphrase, const void *data, size_t n, uint8_t *ret)
{
	CIPHER EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int some, last;

	memcpy(ret, MARK, MARK_N);
	if (!c || n > INT_MAX || RAND_bytes(ret + MARK_N, SALT_N + NONCE_N) != 1 || begin(passphrase, ret, 1, c) < 0)
		return -EIO;
	return EVP_CipherUpdate(c, ret + HEAD, &some, data, (int)n) == 1 && EVP_CipherFinal_ex(c, ret + HEAD + some, &last) == 1 &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_N, ret + HEAD + n) == 1 ? 0 : -EIO;
}

int sealed_open(const char *passphrase, const void *data, size_t n, uint8_t *ret, size_t *ret_n)
{
	CIPHER EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	const uint8_t *head = data;
	int some, last;

	if (n < SEALED_MORE || n > INT_MAX || memcmp(head, MARK, MARK_N))
		return -EBADMSG;
	if (!c || begin(passphrase, head, 0, c) < 0)
		return -EIO;
	if (EVP_CipherUpdate(c, ret, &some, head + HEAD, (int)(n - SEALED_MORE)) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_N, (void *)(head + n - TAG_N)) != 1)
		return -EIO;
	if (EVP_CipherFinal_ex(c, ret + some, &last) != 1)
		return -EACCES;
	*ret_n = n - SEALED_MORE;
	return 0;
}
