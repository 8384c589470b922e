#include "tests/bench/issue.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void *must(void *p, const char *what)
{
	if (!p) {
		fprintf(stderr, "issue: %s failed\n", what);
		exit(2);
	}
	return p;
}

static EVP_PKEY *new_key(void)
{
	return must(EVP_EC_gen("P-256"), "making a key");
}

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	e = must(X509V3_EXT_conf_nid(NULL, &ctx, nid, value), value);
	X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
}

/* uri NULL: the CA itself. */
static X509 *certify(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, const char *name, const char *uri, const char *usage)
{
	X509 *cert = must(X509_new(), "a certificate");
	X509 *issuer = ca ? ca : cert;
	X509_NAME *subject = X509_get_subject_name(cert);
	static long serial = 1;
	char san[160];

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(issuer));
	X509_set_pubkey(cert, key);
	extend(cert, issuer, NID_basic_constraints, uri ? "critical,CA:FALSE" : "critical,CA:TRUE,pathlen:0");
	extend(cert, issuer, NID_key_usage, uri ? "critical,digitalSignature" : "critical,keyCertSign,cRLSign");
	extend(cert, issuer, NID_subject_key_identifier, "hash");
	if (uri) {
		snprintf(san, sizeof(san), "URI:%s", uri);
		extend(cert, issuer, NID_authority_key_identifier, "keyid");
		extend(cert, issuer, NID_ext_key_usage, usage);
		extend(cert, issuer, NID_subject_alt_name, san);
	}
	must(X509_sign(cert, ca_key ? ca_key : key, EVP_sha256()) ? cert : NULL, "signing");
	return cert;
}

static FILE *open_file(const char *folder, const char *name, const char *mode)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = must(fopen(path, mode), path);
	if (*mode == 'w')
		chmod(path, 0600);
	return f;
}

static void write_cert(const char *folder, const char *name, X509 *cert)
{
	FILE *f = open_file(folder, name, "w");

	PEM_write_X509(f, cert);
	fclose(f);
}

static void write_key(const char *folder, const char *name, EVP_PKEY *key)
{
	FILE *f = open_file(folder, name, "w");

	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
}

/* What a collector's journal begins with; nobody signs with it. */
static void write_checkpoint_key(const char *folder)
{
	EVP_PKEY *key = must(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), "making a key");
	FILE *f = open_file(folder, "checkpoint.pem", "w");

	PEM_write_PUBKEY(f, key);
	fclose(f);
	EVP_PKEY_free(key);
}

void issue_school(const char *folder)
{
	EVP_PKEY *ca_key = new_key(), *key = new_key();
	X509 *ca = certify(ca_key, NULL, NULL, "Bench CA", NULL, NULL);
	X509 *cert = certify(key, ca, ca_key, "collector", "beadle://" ISSUE_SCHOOL "/collector/main", "serverAuth");
	char identity[512];

	snprintf(identity, sizeof(identity), "%s/identity", folder);
	mkdir(identity, 0700);
	write_cert(folder, "ca.pem", ca);
	write_key(folder, "ca-key.pem", ca_key);
	write_cert(identity, "ca.pem", ca);
	write_cert(identity, "cert.pem", cert);
	write_key(identity, "key.pem", key);
	write_checkpoint_key(identity);
	X509_free(cert);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
}

SSL_CTX *issue_agent(const char *folder, unsigned number, char uuid[37])
{
	FILE *cert_file = open_file(folder, "ca.pem", "r"), *key_file = open_file(folder, "ca-key.pem", "r");
	X509 *ca = must(PEM_read_X509(cert_file, NULL, NULL, NULL), "reading ca.pem");
	EVP_PKEY *ca_key = must(PEM_read_PrivateKey(key_file, NULL, NULL, NULL), "reading ca-key.pem"), *key = new_key();
	SSL_CTX *ctx = must(SSL_CTX_new(TLS_client_method()), "a TLS context");
	char uri[128];
	X509 *cert;

	fclose(cert_file);
	fclose(key_file);
	snprintf(uuid, 37, "00000000-0000-4000-8000-%012u", number);
	snprintf(uri, sizeof(uri), "beadle://" ISSUE_SCHOOL "/agent/%s", uuid);
	cert = certify(key, ca, ca_key, uuid, uri, "clientAuth");
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)"\x08" "beadle/1", 9);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_use_certificate(ctx, cert);
	SSL_CTX_use_PrivateKey(ctx, key);
	X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	X509_free(cert);
	EVP_PKEY_free(key);
	X509_free(ca);
	EVP_PKEY_free(ca_key);
	return ctx;
}
