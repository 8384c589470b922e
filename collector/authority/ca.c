#include "ca.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "identity.h"

#define DAY 86400L

EVP_PKEY *ca_key_new(void)
{
	return EVP_EC_gen("P-256");
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;
	bool ok;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = e && X509_add_ext(cert, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok;
}

/* 96 random bits, not to be guessed (CA/B forum baseline, 7.1), behind the generation (lib/identity.h). */
static bool set_serial(X509 *cert, uint32_t generation)
{
	unsigned char bytes[IDENTITY_SERIAL];
	BIGNUM *n = NULL;
	bool ok = RAND_bytes(bytes, sizeof(bytes)) == 1;

	bytes[0] = IDENTITY_SERIAL_MARK;
	for (int i = 1; i < 4; i++)
		bytes[i] = (unsigned char)(generation >> 8 * (3 - i));
	if (ok)
		n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
	BN_free(n);
	return ok;
}

/* Valid from a day ago: a server whose clock is behind is one of the things we are here to find. */
static bool set_frame(X509 *cert, EVP_PKEY *subject, const char *common_name, const X509_NAME *issuer, long days,
		      uint32_t generation)
{
	X509_NAME *name = X509_get_subject_name(cert);

	return X509_set_version(cert, X509_VERSION_3) && set_serial(cert, generation) &&
	       X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(cert, issuer ? issuer : name) && X509_gmtime_adj(X509_getm_notBefore(cert), -DAY) &&
	       X509_gmtime_adj(X509_getm_notAfter(cert), days * DAY) && X509_set_pubkey(cert, subject);
}

int ca_name(const char *school, const char *kind, const char *name, char ret[CA_NAME])
{
	struct identity id;

	snprintf(ret, CA_NAME, "URI:beadle://%s/%s/%s", school, kind, name);
	return identity_parse(ret + 4, strlen(ret + 4), &id);
}

X509 *ca_root(EVP_PKEY *key, const char *common_name, const char *constraints)
{
	X509 *cert = X509_new();

	if (cert && set_frame(cert, key, common_name, NULL, CA_ROOT_DAYS, 0) &&
	    add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	    add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	    add_extension(cert, cert, NID_subject_key_identifier, "hash") &&
	    (!constraints || add_extension(cert, cert, NID_name_constraints, constraints)) &&
	    X509_sign(cert, key, EVP_sha256()))
		return cert;
	X509_free(cert);
	return NULL;
}

X509 *ca_root_like(EVP_PKEY *key, X509 *before)
{
	char name[128];

	return X509_NAME_get_text_by_NID(X509_get_subject_name(before), NID_commonName, name, sizeof(name)) > 0 ? ca_root(key, name, NULL) : NULL;
}

/* One name for both: a certificate of an authority for itself does not count as one between (RFC 5280, 6.1), and these may have none. */
X509 *ca_vouch(EVP_PKEY *key, X509 *before, X509 *next)
{
	X509 *cert = X509_dup(next);
	bool ok = cert && set_serial(cert, 0);

	for (int i = cert ? X509_get_ext_by_NID(cert, NID_authority_key_identifier, -1) : -1; i >= 0; i = -1)
		X509_EXTENSION_free(X509_delete_ext(cert, i));
	if (ok && add_extension(cert, before, NID_authority_key_identifier, "keyid:always") && X509_sign(cert, key, EVP_sha256()))
		return cert;
	X509_free(cert);
	return NULL;
}

X509 *ca_issue(EVP_PKEY *root_key, X509 *root, EVP_PKEY *subject, const char *common_name, const char *alt_name,
	       enum ca_usage usage, uint32_t generation)
{
	X509 *cert = X509_new();

	if (cert && set_frame(cert, subject, common_name, X509_get_subject_name(root), CA_LEAF_DAYS, generation) &&
	    add_extension(cert, root, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_extension(cert, root, NID_key_usage, "critical,digitalSignature") &&
	    add_extension(cert, root, NID_ext_key_usage, usage == CA_CLIENT ? "clientAuth" : "serverAuth") &&
	    add_extension(cert, root, NID_subject_key_identifier, "hash") &&
	    add_extension(cert, root, NID_authority_key_identifier, "keyid:always") &&
	    add_extension(cert, root, NID_subject_alt_name, alt_name) && X509_sign(cert, root_key, EVP_sha256()))
		return cert;
	X509_free(cert);
	return NULL;
}

int ca_failed(char why[256], int error, const char *what)
{
	unsigned long e = ERR_peek_last_error();

	snprintf(why, 256, "%s: %s", what, ERR_reason_error_string(e) ? ERR_reason_error_string(e) : strerror(-error));
	ERR_clear_error();
	return error;
}
