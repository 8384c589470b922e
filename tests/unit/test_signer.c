/* collector/identity: what the signer signs, and what of a request it ignores; its books (I1, I4). */
#include <check.h>
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/authority/ca.h"
#include "collector/authority/founding.h"
#include "collector/identity/office.h"
#include "lib/identity.h"
#include "lib/pem.h"
#include "tests/unit/folder.h"

#define UUID "0189f7e2-7d3c-7a10-8f31-2b6c1d4e5f60"
#define OTHER "0189f7e2-7d3c-7a10-8f31-2b6c1d4e5f61"

static char state[64], why[256];
static struct office opened, *office = &opened;

static const char *const hosts[] = {"beadle.twvs.example", "192.0.2.10"};

static void set_up(void)
{
	char path[128];
	static const char *const folders[] = {"signer", "identity", "web"};

	strcpy(state, "/tmp/beadle-signer-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(state));
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", state, folders[i]);
		mkdir(path, 0700);
	}
	ck_assert_msg(founding_make(state, "twvs", "main", hosts, 2, why) == 0, "%s", why);
	ck_assert_msg(office_open(state, office, why) == 0, "%s", why);
}

static void tear_down(void)
{
	office_close(office);
	folder_remove(state);
}

/* A request that asks for everything: another name, to be a CA, a server's usage. */
static size_t greedy_request(EVP_PKEY *key, uint8_t **der)
{
	X509_REQ *req = X509_REQ_new();
	STACK_OF(X509_EXTENSION) *all = sk_X509_EXTENSION_new_null();
	int n;

	X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "CN", MBSTRING_ASC, (const unsigned char *)"evil", -1, -1, 0);
	sk_X509_EXTENSION_push(all, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "URI:beadle://twvs/collector/main,DNS:evil"));
	sk_X509_EXTENSION_push(all, X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE"));
	sk_X509_EXTENSION_push(all, X509V3_EXT_conf_nid(NULL, NULL, NID_ext_key_usage, "serverAuth"));
	X509_REQ_add_extensions(req, all);
	sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
	X509_REQ_set_pubkey(req, key);
	ck_assert_int_gt(X509_REQ_sign(req, key, EVP_sha256()), 0);
	*der = NULL;
	n = i2d_X509_REQ(req, der);
	ck_assert_int_gt(n, 0);
	X509_REQ_free(req);
	return (size_t)n;
}

static int issue(const char *uuid, EVP_PKEY *key, X509 **ret)
{
	uint8_t *csr;
	size_t n = greedy_request(key, &csr);
	int r = office_issue_agent(office, uuid, "library", csr, n, ret, why);

	OPENSSL_free(csr);
	return r;
}

static const char *signer(void)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/signer", state);
	return path;
}

static X509 *root(const char *name)
{
	return pem_read_certificate(signer(), name);
}

static int verifies(X509 *cert, X509 *trusted, int purpose, const char *host)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int ok;

	X509_STORE_add_cert(store, trusted);
	X509_STORE_CTX_init(ctx, store, cert, NULL);
	X509_STORE_CTX_set_purpose(ctx, purpose);
	X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx), X509_V_FLAG_X509_STRICT);
	if (host)
		X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(ctx), host, 0);
	ok = X509_verify_cert(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return ok;
}

static char *names_of(X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	static char text[512];
	BIO *out = BIO_new(BIO_s_mem());
	int n;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		GENERAL_NAME_print(out, sk_GENERAL_NAME_value(names, i));
		BIO_puts(out, ";");
	}
	n = BIO_read(out, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	BIO_free(out);
	GENERAL_NAMES_free(names);
	return text;
}

START_TEST(test_i01_of_a_request_only_the_key_is_taken)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert, *ca = root("ca.pem");
	int days, seconds;

	ck_assert_msg(issue(UUID, key, &cert) == 0, "%s", why);
	ck_assert_str_eq(names_of(cert), "URI:beadle://twvs/agent/" UUID ";");
	ck_assert_int_eq(EVP_PKEY_eq(X509_get0_pubkey(cert), key), 1);
	ck_assert_uint_eq(X509_get_extended_key_usage(cert), XKU_SSL_CLIENT);
	ck_assert_int_eq(X509_get_extension_flags(cert) & EXFLAG_CA, 0);
	ck_assert_int_eq(verifies(cert, ca, X509_PURPOSE_SSL_CLIENT, NULL), 1);
	ck_assert_int_eq(verifies(cert, ca, X509_PURPOSE_SSL_SERVER, NULL), 0);
	ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert));
	ck_assert(days == 397 || (days == 396 && seconds > 0));
	X509_free(cert);
	X509_free(ca);
	EVP_PKEY_free(key);
}
END_TEST

START_TEST(what_is_no_agent_or_no_key_is_refused)
{
	static const char *const uuids[] = {"", "*", "../x", UUID "\n", "0189F7E2-7D3C-7A10-8F31-2B6C1D4E5F60", UUID "/x", UUID ",DNS:evil"};
	EVP_PKEY *key = EVP_EC_gen("P-256"), *weak = EVP_RSA_gen(2048), *other = EVP_EC_gen("P-384");
	uint8_t *csr;
	size_t n = greedy_request(key, &csr);
	X509 *cert;

	for (size_t i = 0; i < sizeof(uuids) / sizeof(*uuids); i++)
		ck_assert_msg(issue(uuids[i], key, &cert) < 0, "issued: %s", uuids[i]);
	ck_assert_int_lt(issue(UUID, weak, &cert), 0);
	ck_assert_int_lt(issue(UUID, other, &cert), 0);
	for (size_t i = 0; i < n; i += 7) {	/* its own signature no longer fits, or it is no request */
		csr[i] ^= 1;
		ck_assert_int_lt(office_issue_agent(office, UUID, "library", csr, n, &cert, why), 0);
		csr[i] ^= 1;
		ck_assert_int_lt(office_issue_agent(office, UUID, "library", csr, i, &cert, why), 0);
	}
	OPENSSL_free(csr);
	EVP_PKEY_free(key);
	EVP_PKEY_free(weak);
	EVP_PKEY_free(other);
}
END_TEST

START_TEST(test_i04_a_revoked_agent_gets_nothing_also_after_a_restart)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert;

	ck_assert_int_eq(issue(UUID, key, &cert), 0);
	X509_free(cert);
	ck_assert_int_eq(office_revoke(office, UUID, why), 0);
	ck_assert_int_eq(office_revoke(office, UUID, why), 0);
	ck_assert_int_eq(issue(UUID, key, &cert), -EACCES);
	office_close(office);
	ck_assert_int_eq(office_open(state, office, why), 0);
	ck_assert_int_eq(issue(UUID, key, &cert), -EACCES);
	ck_assert_int_eq(issue(OTHER, key, &cert), 0);
	X509_free(cert);
	ck_assert_int_lt(office_revoke(office, "*", why), 0);
	EVP_PKEY_free(key);
}
END_TEST

START_TEST(what_was_issued_is_written_down)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	char path[128], line[512];
	uint8_t *csr;
	size_t n = greedy_request(key, &csr);
	X509 *cert;
	FILE *f;

	ck_assert_int_eq(office_issue_agent(office, UUID, "lib\nrary", csr, n, &cert, why), 0);
	X509_free(cert);
	OPENSSL_free(csr);
	snprintf(path, sizeof(path), "%s/signer/issued", state);
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
	ck_assert_ptr_nonnull(strstr(line, " " UUID " lib\n"));
	ck_assert_ptr_null(fgets(line, sizeof(line), f));	/* one line, whatever the host is called */
	fclose(f);
	EVP_PKEY_free(key);
}
END_TEST

static void append(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/signer/%s", state, name);
	f = fopen(path, "a");
	ck_assert_int_ge(fputs(text, f), 0);
	fclose(f);
}

static uint32_t next_generation(EVP_PKEY *key)
{
	struct identity id;
	X509 *cert;

	ck_assert_msg(issue(UUID, key, &cert) == 0, "%s", why);
	ck_assert_int_eq(identity_of(cert, &id), 0);
	X509_free(cert);
	return id.generation;
}

/* Half a line that a crash left was told to nobody; what comes behind it must not be lost with it. */
START_TEST(test_i04_a_line_that_was_cut_off_takes_no_other_with_it)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert;

	ck_assert_uint_eq(next_generation(key), 1);
	office_close(office);
	append("issued", "1800000000 " OTHER);
	append("revoked", OTHER);
	ck_assert_int_eq(office_open(state, office, why), 0);
	ck_assert_uint_eq(next_generation(key), 2);
	ck_assert_int_eq(issue(OTHER, key, &cert), 0);
	X509_free(cert);
	ck_assert_int_eq(office_revoke(office, UUID, why), 0);
	office_close(office);
	ck_assert_int_eq(office_open(state, office, why), 0);
	ck_assert_int_eq(issue(UUID, key, &cert), -EACCES);
	EVP_PKEY_free(key);
}
END_TEST

/* ---- renewal: an agent shows its certificate, and its key signs the request ---- */

static int renew_with(X509 *current, EVP_PKEY *old, EVP_PKEY *new_, X509 **ret)
{
	uint8_t *csr, *shown = NULL, proof[256];
	size_t n = greedy_request(new_, &csr), proof_n = sizeof(proof);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int shown_n = i2d_X509(current, &shown), r;

	ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, old), 1);
	ck_assert_int_eq(EVP_DigestSign(ctx, proof, &proof_n, csr, n), 1);
	r = office_renew_agent(office, &(struct office_renewal){shown, csr, proof, (size_t)shown_n, n, proof_n, "library"}, ret, why);
	EVP_MD_CTX_free(ctx);
	OPENSSL_free(csr);
	OPENSSL_free(shown);
	return r;
}

START_TEST(test_i05_an_agent_renews_what_it_has_with_another_key)
{
	EVP_PKEY *old = ca_key_new(), *new_ = ca_key_new();
	X509 *first, *second, *third;
	struct identity id;

	ck_assert_int_eq(issue(UUID, old, &first), 0);
	ck_assert_int_eq(renew_with(first, old, new_, &second), 0);
	ck_assert_str_eq(names_of(second), "URI:beadle://twvs/agent/" UUID ";");
	ck_assert_int_eq(EVP_PKEY_eq(X509_get0_pubkey(second), new_), 1);
	ck_assert_int_eq(identity_of(second, &id), 0);
	ck_assert_uint_eq(id.generation, 2);
	ck_assert_int_eq(renew_with(second, new_, old, &third), 0);
	ck_assert_int_eq(identity_of(third, &id), 0);
	ck_assert_uint_eq(id.generation, 3);
	X509_free(first);
	X509_free(second);
	X509_free(third);
	EVP_PKEY_free(old);
	EVP_PKEY_free(new_);
}
END_TEST

static X509 *made_by(const char *key_name, const char *root_name, EVP_PKEY *subject, const char *name, enum ca_usage usage)
{
	EVP_PKEY *key = pem_read_key(signer(), key_name);
	X509 *by = root(root_name), *cert;

	cert = ca_issue(key, by, subject, "x", name, usage, 1);
	EVP_PKEY_free(key);
	X509_free(by);
	return cert;
}

START_TEST(test_i05_nothing_else_is_renewed)
{
	static const char good[] = "URI:beadle://twvs/agent/" UUID;
	EVP_PKEY *old = ca_key_new(), *new_ = ca_key_new(), *other = ca_key_new();
	X509 *bad[6], *first, *none;

	ck_assert_int_eq(issue(UUID, old, &first), 0);
	ck_assert_int_eq(renew_with(first, other, new_, &none), -EACCES);		/* who saw the certificate has not its key */
	bad[0] = made_by("web-root.key", "web-root.pem", old, good, CA_CLIENT);
	bad[1] = made_by("ca.key", "ca.pem", old, "URI:beadle://other/agent/" UUID, CA_CLIENT);
	bad[2] = made_by("ca.key", "ca.pem", old, "URI:beadle://twvs/collector/main", CA_SERVER);
	bad[3] = ca_issue(other, first, old, "x", good, CA_CLIENT, 1);			/* by a key of the same name's */
	bad[4] = X509_dup(first);
	ck_assert(X509_gmtime_adj(X509_getm_notAfter(bad[4]), 3600));			/* its signature does not fit any more */
	ck_assert_int_gt(i2d_re_X509_tbs(bad[4], NULL), 0);
	bad[5] = made_by("ca.key", "ca.pem", old, good, CA_CLIENT);
	for (int i = 0; i < 5; i++)
		ck_assert_msg(renew_with(bad[i], old, new_, &none) == -EACCES, "%d", i);
	ck_assert_int_eq(renew_with(bad[5], old, new_, &none), 0);			/* so were the others but for the one thing */
	X509_free(none);
	for (int i = 0; i < 6; i++)
		X509_free(bad[i]);
	ck_assert_int_eq(office_revoke(office, UUID, why), 0);
	ck_assert_int_eq(renew_with(first, old, new_, &none), -EACCES);
	ck_assert_ptr_nonnull(strstr(why, "revoked"));
	X509_free(first);
	EVP_PKEY_free(old);
	EVP_PKEY_free(new_);
	EVP_PKEY_free(other);
}
END_TEST

START_TEST(test_i05_what_is_over_is_not_renewed)
{
	EVP_PKEY *old = ca_key_new(), *new_ = ca_key_new(), *key = pem_read_key(signer(), "ca.key");
	X509 *cert, *none;

	ck_assert_int_eq(issue(UUID, old, &cert), 0);
	ck_assert(X509_gmtime_adj(X509_getm_notAfter(cert), -60));
	ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
	ck_assert_int_eq(renew_with(cert, old, new_, &none), -EACCES);
	ck_assert(X509_gmtime_adj(X509_getm_notBefore(cert), 3600));
	ck_assert(X509_gmtime_adj(X509_getm_notAfter(cert), 7200));
	ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
	ck_assert_int_eq(renew_with(cert, old, new_, &none), -EACCES);
	EVP_PKEY_free(key);
	EVP_PKEY_free(old);
	EVP_PKEY_free(new_);
	X509_free(cert);
}
END_TEST

START_TEST(servers_keep_the_names_of_init)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	uint8_t *csr;
	size_t n = greedy_request(key, &csr);
	X509 *cert, *ca = root("ca.pem"), *web = root("web-root.pem");

	ck_assert_int_eq(office_renew(office, "collector", csr, n, &cert, why), 0);
	ck_assert_str_eq(names_of(cert), "URI:beadle://twvs/collector/main;");
	ck_assert_uint_eq(X509_get_extended_key_usage(cert), XKU_SSL_SERVER);
	ck_assert_int_eq(verifies(cert, ca, X509_PURPOSE_SSL_SERVER, NULL), 1);
	ck_assert_int_eq(verifies(cert, web, X509_PURPOSE_SSL_SERVER, NULL), 0);
	X509_free(cert);
	ck_assert_int_eq(office_renew(office, "web", csr, n, &cert, why), 0);
	ck_assert_int_eq(verifies(cert, web, X509_PURPOSE_SSL_SERVER, "beadle.twvs.example"), 1);
	ck_assert_int_eq(verifies(cert, web, X509_PURPOSE_SSL_SERVER, "evil"), 0);
	ck_assert_int_eq(verifies(cert, ca, X509_PURPOSE_SSL_SERVER, NULL), 0);
	X509_free(cert);
	ck_assert_int_lt(office_renew(office, "agent", csr, n, &cert, why), 0);
	OPENSSL_free(csr);
	X509_free(ca);
	X509_free(web);
	EVP_PKEY_free(key);
}
END_TEST

/* Whoever trusts the dashboard's root in a browser gives it power over the dashboard's names alone. */
START_TEST(the_dashboards_root_can_imitate_nobody)
{
	static const struct { const char *hosts[3]; const char *own; const char *evil[5]; } schools[] = {
		{{"beadle.twvs.example", "192.0.2.10"}, "DNS:beadle.twvs.example,IP:192.0.2.10",
		 {"DNS:bank.example", "DNS:twvs.example", "IP:192.0.2.11", "IP:2001:db8::1", "DNS:beadle.twvs.example,DNS:bank.example"}},
		{{"beadle.twvs.example"}, "DNS:beadle.twvs.example", {"DNS:bank.example", "IP:192.0.2.11", "IP:2001:db8::1"}},
		{{"192.0.2.10", "2001:db8::7"}, "IP:192.0.2.10,IP:2001:db8::7", {"DNS:bank.example", "DNS:localhost", "IP:2001:db8::8"}},
	};
	EVP_PKEY *key = EVP_EC_gen("P-256"), *stolen;
	X509 *web, *cert;
	char path[128];
	size_t n = 0;

	while (n < 3 && schools[_i].hosts[n])
		n++;
	snprintf(path, sizeof(path), "%s/signer/web-root.pem", state);
	unlink(path);
	ck_assert_msg(founding_make(state, "twvs", "main", schools[_i].hosts, n, why) == 0, "%s", why);
	web = root("web-root.pem");
	ck_assert_int_eq(X509_EXTENSION_get_critical(X509_get_ext(web, X509_get_ext_by_NID(web, NID_name_constraints, -1))), 1);
	stolen = pem_read_key(signer(), "web-root.key");
	for (size_t i = 0; i < 5 && schools[_i].evil[i]; i++) {
		cert = ca_issue(stolen, web, key, "x", schools[_i].evil[i], CA_SERVER, 0);
		ck_assert_ptr_nonnull(cert);
		ck_assert_msg(verifies(cert, web, X509_PURPOSE_SSL_SERVER, NULL) == 0, "believed: %s", schools[_i].evil[i]);
		X509_free(cert);
	}
	cert = ca_issue(stolen, web, key, "x", schools[_i].own, CA_SERVER, 0);
	ck_assert_int_eq(verifies(cert, web, X509_PURPOSE_SSL_SERVER, NULL), 1);
	X509_free(cert);
	X509_free(web);
	EVP_PKEY_free(key);
	EVP_PKEY_free(stolen);
}
END_TEST

START_TEST(init_makes_nothing_twice_and_keeps_keys_to_itself)
{
	static const char *const keys[] = {"signer/ca.key", "signer/web-root.key", "identity/key.pem", "web/key.pem"};
	char before[120], after[120], path[128];
	struct stat st;

	ck_assert_int_eq(founding_fingerprint(state, before), 0);
	ck_assert_int_eq(founding_make(state, "twvs", "main", hosts, 2, why), 0);
	ck_assert_int_eq(founding_fingerprint(state, after), 0);
	ck_assert_str_eq(before, after);
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", state, keys[i]);
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_int_eq(st.st_mode & 077, 0);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("signer");
	TCase *t = tcase_create("signer");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, test_i01_of_a_request_only_the_key_is_taken);
	tcase_add_test(t, what_is_no_agent_or_no_key_is_refused);
	tcase_add_test(t, test_i04_a_revoked_agent_gets_nothing_also_after_a_restart);
	tcase_add_test(t, what_was_issued_is_written_down);
	tcase_add_test(t, test_i04_a_line_that_was_cut_off_takes_no_other_with_it);
	tcase_add_test(t, test_i05_an_agent_renews_what_it_has_with_another_key);
	tcase_add_test(t, test_i05_nothing_else_is_renewed);
	tcase_add_test(t, test_i05_what_is_over_is_not_renewed);
	tcase_add_test(t, servers_keep_the_names_of_init);
	tcase_add_loop_test(t, the_dashboards_root_can_imitate_nobody, 0, 3);
	tcase_add_test(t, init_makes_nothing_twice_and_keeps_keys_to_itself);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
