#include "tests/unit/impostor.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the factory ---- */

static struct pair ours, same_name, between;
struct pair late;
char folder[2][64];

static EVP_PKEY *new_key(const char *kind)
{
	EVP_PKEY *k = !kind ? EVP_EC_gen("P-256") : !strcmp(kind, "p384") ? EVP_EC_gen("P-384") :
		      EVP_RSA_gen(strcmp(kind, "rsa1024") ? 2048 : 1024);

	ck_assert_ptr_nonnull(k);
	return k;
}

static void add_text(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ck_assert_ptr_nonnull(e);
	X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
}

static void push_name(GENERAL_NAMES *names, int type, const char *text, size_t n)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *s = ASN1_IA5STRING_new();

	ASN1_STRING_set(s, text, (int)n);
	GENERAL_NAME_set0_value(name, type, s);
	sk_GENERAL_NAME_push(names, name);
}

static void add_names(X509 *cert, const struct wish *w, const char *right)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	const char *text = w->name ? w->name : right;

	push_name(names, w->type ? w->type : GEN_URI, text, w->name_n ? w->name_n : strlen(text));
	if (w->second)
		push_name(names, strcmp(w->second, "dns") ? GEN_URI : GEN_DNS, w->second, strlen(w->second));
	X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0);
	GENERAL_NAMES_free(names);
}

static void add_bulk(X509 *cert, size_t n)
{
	ASN1_OCTET_STRING *data = ASN1_OCTET_STRING_new();
	ASN1_OBJECT *id = OBJ_txt2obj("1.2.3.4.5", 1);
	char *bytes = calloc(1, n);
	X509_EXTENSION *e;

	ASN1_OCTET_STRING_set(data, (unsigned char *)bytes, (int)n);
	e = X509_EXTENSION_create_by_OBJ(NULL, id, 0, data);
	X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(data);
	ASN1_OBJECT_free(id);
	free(bytes);
}

static X509 *start_cert(EVP_PKEY *key, const char *cn, X509 *issuer, int from_days, int to_days)
{
	static long serial = 1;
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
	ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)(NOW + from_days * DAY));
	ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)(NOW + to_days * DAY));
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
	X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : name);
	X509_set_pubkey(cert, key);
	add_text(cert, issuer ? issuer : cert, NID_subject_key_identifier, "hash");
	add_text(cert, issuer ? issuer : cert, NID_authority_key_identifier, "keyid");
	return cert;
}

static struct pair new_ca(const char *cn, const struct pair *issuer, int to_days)
{
	struct pair p = {.key = new_key(NULL)};

	p.cert = start_cert(p.key, cn, issuer ? issuer->cert : NULL, -10, to_days);
	add_text(p.cert, p.cert, NID_basic_constraints, "critical,CA:TRUE");
	add_text(p.cert, p.cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	ck_assert_int_gt(X509_sign(p.cert, issuer ? issuer->key : p.key, EVP_sha256()), 0);
	return p;
}

static struct pair new_leaf(const struct wish *w, int whose, const struct pair *issuer)
{
	struct pair p = {.key = new_key(w->key)};
	const char *eku = w->eku ? w->eku : whose == AGENTS ? "clientAuth" : "serverAuth";
	const char *usage = w->usage ? w->usage : w->ca ? "critical,digitalSignature,keyCertSign" : "critical,digitalSignature";

	p.cert = start_cert(p.key, "leaf", issuer ? issuer->cert : NULL, w->from || w->to ? w->from : -1, w->from || w->to ? w->to : 396);
	add_text(p.cert, p.cert, NID_basic_constraints, w->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (strcmp(usage, "none"))
		add_text(p.cert, p.cert, NID_key_usage, usage);
	if (strcmp(eku, "none"))
		add_text(p.cert, p.cert, NID_ext_key_usage, eku);
	if (!w->none)
		add_names(p.cert, w, whose == AGENTS ? AGENT : COLLECTOR);
	if (w->bulk)
		add_bulk(p.cert, w->bulk);
	ck_assert_int_gt(X509_sign(p.cert, issuer ? issuer->key : p.key, w->md ? w->md() : EVP_sha256()), 0);
	return p;
}

static void free_pair(struct pair *p)
{
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
	*p = (struct pair){0};
}

static void write_pem(const char *path, X509 *cert, EVP_PKEY *key)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	if (cert)
		PEM_write_X509(f, cert);
	else
		PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	chmod(path, 0600);
}

void write_folder(int whose, X509 *root, char path[64])
{
	struct pair p = new_leaf(&(struct wish){0}, whose, &ours);
	char file[128];

	strcpy(path, "/tmp/beadle-identity-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(path));
	snprintf(file, sizeof(file), "%s/ca.pem", path);
	write_pem(file, root, NULL);
	snprintf(file, sizeof(file), "%s/cert.pem", path);
	write_pem(file, p.cert, NULL);
	snprintf(file, sizeof(file), "%s/key.pem", path);
	write_pem(file, NULL, p.key);
	free_pair(&p);
}

void remove_folder(const char *path)
{
	static const char *const names[] = {"ca.pem", "cert.pem", "key.pem"};
	char file[128];

	for (int i = 0; i < 3; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, names[i]);
		unlink(file);
	}
	rmdir(path);
}

void set_up(void)
{
	ours = new_ca("Beadle twvs", NULL, 3650);
	same_name = new_ca("Beadle twvs", NULL, 3650);
	between = new_ca("Beadle twvs between", &ours, 3650);
	late = new_ca("Beadle twvs", NULL, -1);
	write_folder(AGENTS, ours.cert, folder[AGENTS]);
	write_folder(COLLECTORS, ours.cert, folder[COLLECTORS]);
}

void tear_down(void)
{
	free_pair(&ours);
	free_pair(&same_name);
	free_pair(&between);
	free_pair(&late);
	remove_folder(folder[AGENTS]);
	remove_folder(folder[COLLECTORS]);
}

/* ---- the attacker: whatever the library would hold it back from is allowed ---- */

SSL_CTX *bare(int server)
{
	SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	return ctx;
}

static int take_alpn(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in, unsigned in_n, void *arg)
{
	*out = in + 1;
	*n = in[0];
	return SSL_TLSEXT_ERR_OK;
}

SSL_CTX *impostor(const struct wish *w, int whose)
{
	SSL_CTX *ctx = bare(whose == COLLECTORS);
	struct pair leaf, chain[20] = {{0}};
	struct pair signing_leaf = new_leaf(&(struct wish){0}, whose, &ours);
	const struct pair *by = w->late_root ? &late : w->by == SAME_NAME ? &same_name : w->by == LEAF ? &signing_leaf :
				w->by == BETWEEN ? &between : &ours;

	if (w->by == DEEP) {
		for (int i = 0; i < 20; i++)
			chain[i] = new_ca("deep", i ? &chain[i - 1] : &ours, 3650);
		by = &chain[19];
	}
	leaf = new_leaf(w, whose, w->by == SELF ? NULL : by);
	ck_assert_int_eq(SSL_CTX_use_certificate(ctx, leaf.cert), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(ctx, leaf.key), 1);
	for (int i = 19; i >= 0 && w->by == DEEP; i--)
		SSL_CTX_add1_chain_cert(ctx, chain[i].cert);
	if (w->by == LEAF)
		SSL_CTX_add1_chain_cert(ctx, signing_leaf.cert);
	if (w->by == BETWEEN)
		SSL_CTX_add1_chain_cert(ctx, between.cert);
	for (int i = 0; i < 20; i++)
		free_pair(&chain[i]);
	free_pair(&signing_leaf);
	free_pair(&leaf);
	SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)"\x08" "beadle/1", 9);
	SSL_CTX_set_alpn_select_cb(ctx, take_alpn, NULL);
	return ctx;
}

/* ---- the handshake ---- */

struct meeting meet(SSL_CTX *victim, SSL_CTX *other, int victim_is_server)
{
	struct meeting m = {SSL_new(victim), SSL_new(other), false};
	BIO *a, *b;

	ck_assert_int_eq(BIO_new_bio_pair(&a, 1 << 20, &b, 1 << 20), 1);
	SSL_set_bio(m.victim, a, a);
	SSL_set_bio(m.other, b, b);
	victim_is_server ? SSL_set_accept_state(m.victim) : SSL_set_connect_state(m.victim);
	victim_is_server ? SSL_set_connect_state(m.other) : SSL_set_accept_state(m.other);
	for (int i = 0; i < 20 && !m.failed && !(SSL_is_init_finished(m.victim) && SSL_is_init_finished(m.other)); i++) {
		int r = SSL_do_handshake(m.other), v;

		if (r <= 0 && SSL_get_error(m.other, r) == SSL_ERROR_SSL)
			i = 18;		/* once more, so that the victim hears of it */
		v = SSL_do_handshake(m.victim);
		m.failed = v <= 0 && SSL_get_error(m.victim, v) != SSL_ERROR_WANT_READ && SSL_get_error(m.victim, v) != SSL_ERROR_WANT_WRITE;
	}
	return m;
}

void part(struct meeting *m)
{
	SSL_free(m->victim);
	SSL_free(m->other);
}

int judge(SSL_CTX *victim, SSL_CTX *other, int whose, struct identity *id, char why[256])
{
	struct meeting m = meet(victim, other, whose == AGENTS);
	int r = -1;

	why[0] = 0;
	if (m.failed || !SSL_is_init_finished(m.victim))
		identity_why(m.victim, why);
	else
		r = identity_verify(m.victim, whose == AGENTS ? IDENTITY_AGENT : IDENTITY_COLLECTOR, NOW, id, why);
	part(&m);
	return r;
}

SSL_CTX *victim_for(int whose, const char *where)
{
	char why[256] = "";
	SSL_CTX *ctx = identity_context(where, whose == AGENTS, why);

	ck_assert_msg(ctx != NULL, "%s", why);
	return ctx;
}
