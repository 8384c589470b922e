/*
 * request.h - what a certificate is asked for with: a PKCS#10 request, in DER, that says nothing but "this is my public key" (names are the signer's to
 * give), and the word of the key that it takes the place of. 0 or -EIO.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int request_make(EVP_PKEY *, uint8_t **ret, size_t *ret_n);		/* OPENSSL_free */
/* The public key, where the request's own signature is right and it is P-256; NULL otherwise. The caller frees. */
EVP_PKEY *request_key(const uint8_t *der, size_t n);

/* A signature of the present key over the request: OPENSSL_free. */
int request_prove(EVP_PKEY *present, const uint8_t *request, size_t n, uint8_t **ret, size_t *ret_n);
bool request_is_proven(X509 *present, const uint8_t *request, size_t n, const uint8_t *proof, size_t proof_n);

#endif
