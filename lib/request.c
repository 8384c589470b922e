#include "request.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#define REQUEST_MAX 16384

int request_make(EVP_PKEY *key, uint8_t **ret, size_t *ret_n)
{
	X509_REQ *request = X509_REQ_new();
	int n = 0;

	*ret = NULL;
	if (request && X509_REQ_set_version(request, 0) && X509_REQ_set_pubkey(request, key) && X509_REQ_sign(request, key, EVP_sha256()) > 0)
		n = i2d_X509_REQ(request, ret);
	X509_REQ_free(request);
	*ret_n = n > 0 ? (size_t)n : 0;
	return n > 0 ? 0 : -EIO;
}

EVP_PKEY *request_key(const uint8_t *der, size_t n)
{
	const uint8_t *p = der;
	X509_REQ *request = n <= REQUEST_MAX ? d2i_X509_REQ(NULL, &p, (long)n) : NULL;
	EVP_PKEY *key = request ? X509_REQ_get_pubkey(request) : NULL;
	char group[32] = "";
	size_t k;

	if (key && (p != der + n || !EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, sizeof(group), &k) != 1 ||
		    strcmp(group, "prime256v1") || X509_REQ_verify(request, key) != 1)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	X509_REQ_free(request);
	return key;
}

int request_prove(EVP_PKEY *present, const uint8_t *request, size_t n, uint8_t **ret, size_t *ret_n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, present) == 1 &&
		  EVP_DigestSign(ctx, NULL, ret_n, request, n) == 1 && (*ret = OPENSSL_malloc(*ret_n)) &&
		  EVP_DigestSign(ctx, *ret, ret_n, request, n) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -EIO;
}

bool request_is_proven(X509 *present, const uint8_t *request, size_t n, const uint8_t *proof, size_t proof_n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, X509_get0_pubkey(present)) == 1 &&
		  EVP_DigestVerify(ctx, proof, proof_n, request, n) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}
