/*
 * Certificates against the one function that decides (I1, I2): a factory makes one good one and many that are wrong in one thing each,
 * and every one is shown to a real peer in a real handshake, in both directions.
 */
#include <check.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/identity.h"

#define NOW INT64_C(1800000000)		/* the verifier's clock; the library's own must not matter */
#define DAY 86400
#define UUID "0189f7e2-7d3c-7a10-8f31-2b6c1d4e5f60"
#define AGENT "beadle://twvs/agent/" UUID
#define COLLECTOR "beadle://twvs/collector/main"

enum { AGENTS, COLLECTORS };		/* whose certificate is shown */
enum issuer { OURS, SAME_NAME, SELF, LEAF, BETWEEN, DEEP };

/* What the certificate is; what is not set is right. */
struct wish {
	const char *what;
	enum issuer by;
	int from, to;			/* days from NOW; both 0: valid */
	const char *key;		/* "rsa1024" "rsa2048" "p384" "ed25519" */
	const EVP_MD *(*md)(void);
	const char *eku;		/* "none": leaves it out */
	const char *usage;		/* of the key */
	bool ca, none, late_root;
	const char *name, *second;	/* URI; the second one */
	size_t name_n;			/* of a name with a NUL in it */
	int type;			/* GEN_DNS ... instead of a URI */
	size_t bulk;			/* bytes of a further extension */
};

static const struct wish agents[] = {
	{"expired", .from = -400, .to = -1},
	{"not yet valid", .from = 1, .to = 398},
	{"self-signed", .by = SELF},
	{"of another CA of the same name", .by = SAME_NAME},
	{"signed by a leaf", .by = LEAF},
	{"of a chain 20 deep", .by = DEEP},
	{"a server's", .eku = "serverAuth"},
	{"for both uses", .eku = "clientAuth,serverAuth"},
	{"for a client and mail", .eku = "clientAuth,emailProtection"},
	{"for any use", .eku = "anyExtendedKeyUsage"},
	{"for no stated use", .eku = "none"},
	{"a CA's", .ca = true},
	{"with a key for encryption alone", .usage = "critical,keyEncipherment"},
	{"without key usage", .usage = "none"},
	{"two names", .second = "beadle://twvs/agent/0189f7e2-7d3c-7a10-8f31-2b6c1d4e5f61"},
	{"a name and a DNS name", .second = "dns"},
	{"no name", .none = true},
	{"a DNS name", .name = "agent.twvs.example", .type = GEN_DNS},
	{"a mail address", .name = "a@twvs.example", .type = GEN_EMAIL},
	{"a collector's name", .name = COLLECTOR},
	{"a NUL in the name", .name = AGENT "\0.evil", .name_n = sizeof(AGENT "\0.evil") - 1},
	{"a NUL at the name's end", .name = AGENT "\0", .name_n = sizeof(AGENT)},
	{"a wildcard", .name = "beadle://twvs/agent/*"},
	{"a wildcard for the school", .name = "beadle://*/agent/" UUID},
	{"capitals", .name = "beadle://twvs/agent/0189F7E2-7D3C-7A10-8F31-2B6C1D4E5F60"},
	{"a short UUID", .name = "beadle://twvs/agent/0189f7e2"},
	{"more path", .name = AGENT "/x"},
	{"a query", .name = AGENT "?x"},
	{"another school's name", .name = "beadle://twvs2/agent/" UUID},
	{"a part of the school's name", .name = "beadle://twv/agent/" UUID},
	{"a percent sign", .name = "beadle://twvs/agent/0189f7e2%2d7d3c-7a10-8f31-2b6c1d4e5f60"},
	{"another scheme", .name = "https://twvs/agent/" UUID},
	{"no school", .name = "beadle:///agent/" UUID},
	{"a user in the school", .name = "beadle://a@twvs/agent/" UUID},
	{"an empty name", .name = "", .name_n = 0},
	{"RSA-1024", .key = "rsa1024"},
	{"RSA-2048", .key = "rsa2048"},
	{"P-384", .key = "p384"},
	{"SHA-1", .md = EVP_sha1},
	{"SHA-384", .md = EVP_sha384},
	{"100 KiB of extensions", .bulk = 100 * 1024},
	{"9 KiB of extensions", .bulk = 9 * 1024},
	{"a root that is over", .late_root = true},
};
static const struct wish collectors[] = {
	{"expired", .from = -400, .to = -1},
	{"not yet valid", .from = 1, .to = 398},
	{"self-signed", .by = SELF},
	{"of another CA of the same name", .by = SAME_NAME},
	{"signed by a leaf", .by = LEAF},
	{"of a chain 20 deep", .by = DEEP},
	{"a client's", .eku = "clientAuth"},
	{"for both uses", .eku = "clientAuth,serverAuth"},
	{"for no stated use", .eku = "none"},
	{"a CA's", .ca = true},
	{"two names", .second = COLLECTOR "2"},
	{"no name", .none = true},
	{"an agent's name", .name = AGENT},
	{"a wildcard", .name = "beadle://twvs/collector/*"},
	{"another school's name", .name = "beadle://twvs2/collector/main"},
	{"a part of the school's name", .name = "beadle://twv/collector/main"},
	{"for any use", .eku = "anyExtendedKeyUsage"},
	{"with a key for encryption alone", .usage = "critical,keyEncipherment"},
	{"without key usage", .usage = "none"},
	{"a name and a DNS name", .second = "dns"},
	{"a DNS name", .name = "main.twvs.example", .type = GEN_DNS},
	{"a mail address", .name = "a@twvs.example", .type = GEN_EMAIL},
	{"a NUL in the name", .name = COLLECTOR "\0.evil", .name_n = sizeof(COLLECTOR "\0.evil") - 1},
	{"a NUL at the name's end", .name = COLLECTOR "\0", .name_n = sizeof(COLLECTOR)},
	{"a wildcard for the school", .name = "beadle://*/collector/main"},
	{"more path", .name = COLLECTOR "/x"},
	{"another scheme", .name = "https://twvs/collector/main"},
	{"no school", .name = "beadle:///collector/main"},
	{"a user in the school", .name = "beadle://a@twvs/collector/main"},
	{"RSA-1024", .key = "rsa1024"},
	{"P-384", .key = "p384"},
	{"SHA-384", .md = EVP_sha384},
	{"100 KiB of extensions", .bulk = 100 * 1024},
	{"a root that is over", .late_root = true},
	{"capitals", .name = "beadle://twvs/collector/Main"},
	{"RSA-2048", .key = "rsa2048"},
	{"SHA-1", .md = EVP_sha1},
	{"9 KiB of extensions", .bulk = 9 * 1024},
};
#define N(a) ((int)(sizeof(a) / sizeof(*(a))))

/* ---- the factory ---- */

struct pair { X509 *cert; EVP_PKEY *key; };
static struct pair ours, same_name, between, late;
static char folder[2][64];		/* what an agent and a collector hold */

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

static void write_folder(int whose, X509 *root, char path[64])
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

static void remove_folder(const char *path)
{
	static const char *const names[] = {"ca.pem", "cert.pem", "key.pem"};
	char file[128];

	for (int i = 0; i < 3; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, names[i]);
		unlink(file);
	}
	rmdir(path);
}

static void set_up(void)
{
	ours = new_ca("Beadle twvs", NULL, 3650);
	same_name = new_ca("Beadle twvs", NULL, 3650);
	between = new_ca("Beadle twvs between", &ours, 3650);
	late = new_ca("Beadle twvs", NULL, -1);
	write_folder(AGENTS, ours.cert, folder[AGENTS]);
	write_folder(COLLECTORS, ours.cert, folder[COLLECTORS]);
}

static void tear_down(void)
{
	free_pair(&ours);
	free_pair(&same_name);
	free_pair(&between);
	free_pair(&late);
	remove_folder(folder[AGENTS]);
	remove_folder(folder[COLLECTORS]);
}

/* ---- the attacker: whatever the library would hold it back from is allowed ---- */

static SSL_CTX *bare(int server)
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

static SSL_CTX *impostor(const struct wish *w, int whose)
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

struct meeting { SSL *victim, *other; bool failed; };

static struct meeting meet(SSL_CTX *victim, SSL_CTX *other, int victim_is_server)
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

static void part(struct meeting *m)
{
	SSL_free(m->victim);
	SSL_free(m->other);
}

/* 0 when the victim serves the other; else why says why not. */
static int judge(SSL_CTX *victim, SSL_CTX *other, int whose, struct identity *id, char why[256])
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

static SSL_CTX *victim_for(int whose, const char *where)
{
	char why[256] = "";
	SSL_CTX *ctx = identity_context(where, whose == AGENTS, why);

	ck_assert_msg(ctx != NULL, "%s", why);
	return ctx;
}

static void refuses(const struct wish *w, int whose)
{
	char why[256], with_late[64];
	struct identity id = {.name = "untouched"};
	SSL_CTX *victim, *other = impostor(w, whose);
	int r;

	if (w->late_root)	/* pinned, and over */
		write_folder(!whose, late.cert, with_late);
	victim = victim_for(whose, w->late_root ? with_late : folder[!whose]);
	r = judge(victim, other, whose, &id, why);
	ck_assert_msg(r < 0, "served: %s", w->what);
	ck_assert_msg(strlen(why) > 10, "%s: no reason was told", w->what);
	ck_assert_str_eq(id.name, "untouched");
	if (w->late_root)
		remove_folder(with_late);
	SSL_CTX_free(victim);
	SSL_CTX_free(other);
}

START_TEST(test_i01_a_bad_agent_is_refused) { refuses(&agents[_i], AGENTS); } END_TEST
START_TEST(test_i01_a_bad_collector_is_refused) { refuses(&collectors[_i], COLLECTORS); } END_TEST

START_TEST(test_i01_the_good_ones_pass)
{
	static const struct wish good[] = {{"directly", .by = OURS}, {"through one between", .by = BETWEEN}};
	struct identity id;
	char why[256];

	for (int whose = AGENTS; whose <= COLLECTORS; whose++)
		for (int i = 0; i < N(good); i++) {
			SSL_CTX *victim = victim_for(whose, folder[!whose]), *other = impostor(&good[i], whose);

			ck_assert_msg(judge(victim, other, whose, &id, why) == 0, "%s: %s", good[i].what, why);
			ck_assert_str_eq(id.school, "twvs");
			ck_assert_str_eq(id.name, whose == AGENTS ? UUID : "main");
			SSL_CTX_free(victim);
			SSL_CTX_free(other);
		}
}
END_TEST

START_TEST(test_i01_no_certificate_is_refused)
{
	SSL_CTX *victim = victim_for(AGENTS, folder[COLLECTORS]), *other = bare(0);
	struct identity id;
	char why[256];

	SSL_CTX_set_alpn_protos(other, (const unsigned char *)"\x08" "beadle/1", 9);
	ck_assert_int_lt(judge(victim, other, AGENTS, &id, why), 0);
	ck_assert_msg(strlen(why) > 10, "no reason");
	SSL_CTX_free(victim);
	SSL_CTX_free(other);
}
END_TEST

START_TEST(test_i01_the_clock_is_the_verifiers)
{
	SSL_CTX *victim = victim_for(AGENTS, folder[COLLECTORS]), *other = impostor(&(struct wish){0}, AGENTS);
	struct meeting m = meet(victim, other, 1);
	struct identity id;
	char why[256];

	ck_assert_int_eq(identity_verify(m.victim, IDENTITY_AGENT, NOW, &id, why), 0);
	ck_assert_int_lt(identity_verify(m.victim, IDENTITY_AGENT, NOW + 397 * DAY, &id, why), 0);
	ck_assert_ptr_nonnull(strstr(why, "expired"));
	ck_assert_int_lt(identity_verify(m.victim, IDENTITY_AGENT, NOW - 2 * DAY, &id, why), 0);
	ck_assert_ptr_nonnull(strstr(why, "not yet valid"));
	ck_assert_int_eq(identity_verify(m.victim, IDENTITY_AGENT, IDENTITY_ANY_TIME, &id, why), 0);
	ck_assert_int_lt(identity_verify(m.victim, IDENTITY_COLLECTOR, IDENTITY_ANY_TIME, &id, why), 0);
	ck_assert_int_lt(identity_verify(m.victim, IDENTITY_COLLECTOR, NOW, &id, why), 0);
	part(&m);
	SSL_CTX_free(victim);
	SSL_CTX_free(other);
}
END_TEST

static void refused_protocol(SSL_CTX *other)
{
	SSL_CTX *victim = victim_for(AGENTS, folder[COLLECTORS]);
	struct identity id;
	char why[256];

	ck_assert_int_lt(judge(victim, other, AGENTS, &id, why), 0);
	ck_assert_msg(strlen(why) > 10, "no reason");
	SSL_CTX_free(victim);
	SSL_CTX_free(other);
}

START_TEST(test_i02_nothing_below_tls_1_3)
{
	static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION};
	SSL_CTX *other = impostor(&(struct wish){0}, AGENTS);

	SSL_CTX_set_min_proto_version(other, versions[_i]);
	SSL_CTX_set_max_proto_version(other, versions[_i]);
	refused_protocol(other);
}
END_TEST

START_TEST(test_i02_another_protocol_or_none_is_refused)
{
	static const char *const protocols[] = {"", "\x02h2", ("\x08" "beadle/2")};
	SSL_CTX *other = impostor(&(struct wish){0}, AGENTS);

	SSL_CTX_set_alpn_protos(other, (const unsigned char *)protocols[_i], (unsigned)strlen(protocols[_i]));
	refused_protocol(other);
}
END_TEST

/* The client keeps whatever session it can get, and offers it the next time. */
START_TEST(test_i02_a_second_connection_is_verified_like_the_first)
{
	SSL_CTX *victim = victim_for(AGENTS, folder[COLLECTORS]), *other = impostor(&(struct wish){0}, AGENTS);
	struct meeting m = meet(victim, other, 1);
	SSL_SESSION *session;
	char byte;
	BIO *a, *b;

	SSL_read(m.other, &byte, 1);	/* takes in tickets, if there were any */
	session = SSL_get1_session(m.other);
	ck_assert(!SSL_SESSION_is_resumable(session));
	ck_assert_uint_eq(SSL_SESSION_get_max_early_data(session), 0);
	part(&m);

	m = (struct meeting){SSL_new(victim), SSL_new(other), false};
	ck_assert_int_eq(BIO_new_bio_pair(&a, 1 << 20, &b, 1 << 20), 1);
	SSL_set_bio(m.victim, a, a);
	SSL_set_bio(m.other, b, b);
	SSL_set_accept_state(m.victim);
	SSL_set_connect_state(m.other);
	SSL_set_session(m.other, session);
	for (int i = 0; i < 10; i++) {
		SSL_do_handshake(m.other);
		SSL_do_handshake(m.victim);
	}
	ck_assert(SSL_is_init_finished(m.victim));
	ck_assert(!SSL_session_reused(m.victim));
	ck_assert_ptr_nonnull(SSL_get0_verified_chain(m.victim));
	SSL_SESSION_free(session);
	part(&m);
	SSL_CTX_free(victim);
	SSL_CTX_free(other);
}
END_TEST

START_TEST(a_key_that_others_can_read_is_not_loaded)
{
	char why[256], file[128];

	snprintf(file, sizeof(file), "%s/key.pem", folder[AGENTS]);
	chmod(file, 0640);
	ck_assert_ptr_null(identity_context(folder[AGENTS], 0, why));
	ck_assert_ptr_nonnull(strstr(why, "chmod 600"));
	chmod(file, 0600);
	ck_assert_ptr_null(identity_context("/nonexistent", 0, why));
	ck_assert_ptr_nonnull(strstr(why, "ca.pem"));
	ck_assert_ptr_nonnull(strstr(why, "No such file or directory"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("identity");
	TCase *t = tcase_create("identity");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, test_i01_a_bad_agent_is_refused, 0, N(agents));
	tcase_add_loop_test(t, test_i01_a_bad_collector_is_refused, 0, N(collectors));
	tcase_add_test(t, test_i01_the_good_ones_pass);
	tcase_add_test(t, test_i01_no_certificate_is_refused);
	tcase_add_test(t, test_i01_the_clock_is_the_verifiers);
	tcase_add_loop_test(t, test_i02_nothing_below_tls_1_3, 0, 3);
	tcase_add_loop_test(t, test_i02_another_protocol_or_none_is_refused, 0, 3);
	tcase_add_test(t, test_i02_a_second_connection_is_verified_like_the_first);
	tcase_add_test(t, a_key_that_others_can_read_is_not_loaded);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
