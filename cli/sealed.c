#include "sealed.h"

#include <errno.h>
#include <string.h>

/* 128 MiB and some half a second a try. */
#define SCRYPT_N (1u << 17)
#define SCRYPT_R 8
#define SCRYPT_P 1
#define SCRYPT_MEMORY (160u * 1024 * 1024)

int sealed_key(const char *passphrase, const uint8_t salt[SEALED_SALT], uint8_t ret[SEALED_KEY])
{
	return EVP_PBE_scrypt(passphrase, strlen(passphrase), salt, SEALED_SALT, SCRYPT_N, SCRYPT_R, SCRYPT_P, SCRYPT_MEMORY, ret, SEALED_KEY) == 1 ? 0 : -EIO;
}

EVP_CIPHER_CTX *sealed_begin(const uint8_t key[SEALED_KEY], const char *name, const uint8_t nonce[SEALED_NONCE], bool seal)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n;

	if (c && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce, seal) == 1 &&
	    EVP_CipherUpdate(c, NULL, &n, (const uint8_t *)name, (int)strlen(name)) == 1)
		return c;
	EVP_CIPHER_CTX_free(c);
	return NULL;
}

int sealed_some(EVP_CIPHER_CTX *c, const void *data, size_t n, uint8_t *ret)
{
	int some;

	return EVP_CipherUpdate(c, ret, &some, data, (int)n) == 1 && (size_t)some == n ? 0 : -EIO;
}

int sealed_end(EVP_CIPHER_CTX *c, uint8_t tag[SEALED_TAG])
{
	uint8_t none[16];
	int n;

	if (EVP_CIPHER_CTX_is_encrypting(c))
		return EVP_CipherFinal_ex(c, none, &n) == 1 && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, SEALED_TAG, tag) == 1 ? 0 : -EIO;
	if (EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, SEALED_TAG, tag) != 1)
		return -EIO;
	return EVP_CipherFinal_ex(c, none, &n) == 1 ? 0 : -EACCES;
}
