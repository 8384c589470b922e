/* One authority takes another's place (I5): whom agents and collectors then believe, in real handshakes; the signer killed at each change of a name. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector/authority/ca.h"
#include "collector/authority/founding.h"
#include "collector/identity/office.h"
#include "lib/authority.h"
#include "lib/identity.h"
#include "lib/renewal.h"
#include "tests/unit/answer.h"
#include "tests/unit/folder.h"
#include "tests/unit/steps.h"

#define UUID "0189f7e2-7d3c-7a10-8f31-2b6c1d4e5f60"

static char state[64], collector[96], agent[96], why[256];
static struct office opened, *office = &opened;

int unlink(const char *path)
{
	step();
	return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

/* ---- both sides' folders, as their programs fill them ---- */

static const struct roll *now(void)
{
	return &office->authority;
}

/* A first certificate. */
static void enrol(const char *folder)
{
	uint8_t *csr;
	size_t n;
	X509 *cert;

	ck_assert_int_eq(mkdir(folder, 0700), 0);
	ck_assert_int_eq(renewal_request(folder, &csr, &n), 0);
	ck_assert_msg(office_issue_agent(office, UUID, "library", csr, n, &cert, why) == 0, "%s", why);
	ck_assert_int_eq(renewal_adopt(folder, (X509 *[]){now()->root}, 1, cert), 0);
	ck_assert_int_eq(renewal_settle(folder), 0);
	X509_free(cert);
	OPENSSL_free(csr);
}

static X509 *certificate(const char *folder)
{
	X509 *cert = NULL;

	ck_assert_int_eq(authority_read(folder, "cert.pem", &cert, 1), 1);
	return cert;
}

static int renew_agent(void)
{
	uint8_t *csr, *proof, *current = NULL;
	size_t n, proof_n;
	X509 *cert = certificate(agent), *next = NULL;
	int current_n = i2d_X509(cert, &current), r;

	ck_assert_int_eq(renewal_request(agent, &csr, &n), 0);
	ck_assert_int_eq(renewal_prove(agent, csr, n, &proof, &proof_n), 0);
	r = office_renew_agent(office, &(struct office_renewal){current, csr, proof, (size_t)current_n, n, proof_n, "library"}, &next, why);
	if (r == 0)
		r = answer_take(agent, next);
	if (r == 0)
		r = renewal_settle(agent);
	OPENSSL_free(csr);
	OPENSSL_free(proof);
	OPENSSL_free(current);
	X509_free(next);
	X509_free(cert);
	return r;
}

static void trust_at_collector(void)
{
	const bool both = now()->former && !now()->over;

	ck_assert_int_ge(authority_write(collector, "cross.pem", &now()->vouched, now()->vouched != NULL), 0);
	ck_assert_int_ge(authority_write(collector, "ca.pem", (X509 *[]){now()->root, now()->former}, both ? 2 : 1), 0);
}

static void renew_collector(void)
{
	uint8_t *csr;
	size_t n;
	X509 *cert;

	ck_assert_int_eq(renewal_request(collector, &csr, &n), 0);
	ck_assert_int_eq(office_renew(office, "collector", csr, n, &cert, why), 0);
	ck_assert_int_eq(answer_take(collector, cert), 0);
	ck_assert_int_eq(renewal_settle(collector), 0);
	OPENSSL_free(csr);
	X509_free(cert);
}

static void roll(void)
{
	ck_assert_msg(office_roll(office, false, why) == 0, "%s", why);
	trust_at_collector();
	renew_collector();
}

static void finish(void)
{
	ck_assert_msg(office_roll(office, true, why) == 0, "%s", why);
	trust_at_collector();
}

/* What an agent makes of what its collector says. */
static int told(const struct roll *a)
{
	uint8_t *root = NULL, *vouched = NULL;
	int n = i2d_X509(a->root, &root), m = a->vouched ? i2d_X509(a->vouched, &vouched) : 0, r;
	X509 *own = certificate(agent);

	r = authority_take(agent, &(struct authority_said){root, vouched, (size_t)n, (size_t)m, a->over}, own);
	X509_free(own);
	OPENSSL_free(root);
	OPENSSL_free(vouched);
	return r;
}

static int trusted_by_agent(void)
{
	X509 *all[4];
	int n = authority_read(agent, "ca.pem", all, 4);

	for (int i = 0; i < n; i++)
		X509_free(all[i]);
	return n;
}

/* ---- a handshake: 0, or who refused the other: 1 the agent, 2 the collector ---- */

static SSL *peer(const char *folder, int server, BIO *bio)
{
	SSL_CTX *ctx = identity_context(folder, server, why);
	SSL *ssl;

	ck_assert_msg(ctx != NULL, "%s", why);
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	SSL_set_bio(ssl, bio, bio);
	server ? SSL_set_accept_state(ssl) : SSL_set_connect_state(ssl);
	return ssl;
}

static int meet(struct identity *of_agent)
{
	struct identity of_collector;
	BIO *a, *b;
	SSL *ours, *theirs;
	int r = 0;

	ck_assert_int_eq(BIO_new_bio_pair(&a, 1 << 17, &b, 1 << 17), 1);
	ours = peer(agent, 0, a);
	theirs = peer(collector, 1, b);
	for (int i = 0; i < 5; i++) {
		SSL_do_handshake(ours);
		SSL_do_handshake(theirs);
	}
	if (SSL_get_verify_result(ours) != X509_V_OK || identity_verify(ours, IDENTITY_COLLECTOR, time(NULL), &of_collector, why) < 0)
		r = 1;
	else if (SSL_get_verify_result(theirs) != X509_V_OK || identity_verify(theirs, IDENTITY_AGENT, time(NULL), of_agent, why) < 0)
		r = 2;
	if (r && SSL_get_verify_result(r == 1 ? ours : theirs) != X509_V_OK)
		identity_why(r == 1 ? ours : theirs, why);
	SSL_free(ours);
	SSL_free(theirs);
	return r;
}

static void serves(X509 *by)
{
	struct identity id;
	char expected[AUTHORITY_ID];

	ck_assert_msg(meet(&id) == 0, "%s", why);
	authority_id(by, expected);
	ck_assert_str_eq(id.authority, expected);
}

static void set_up(void)
{
	static const char *const hosts[] = {"beadle.twvs.example"};

	strcpy(state, "/tmp/beadle-authority-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(state));
	snprintf(collector, sizeof(collector), "%s/identity", state);
	snprintf(agent, sizeof(agent), "%s/agent", state);
	ck_assert_msg(founding_make(state, "twvs", "main", hosts, 1, why) == 0, "%s", why);
	ck_assert_msg(office_open(state, office, why) == 0, "%s", why);
	enrol(agent);
}

static void tear_down(void)
{
	office_close(office);
	folder_remove(state);
}

/* ---- whom they believe ---- */

START_TEST(test_i05_an_agent_of_the_former_authority_follows_the_next)
{
	struct identity id;

	serves(now()->root);
	ck_assert_msg(office_roll(office, false, why) == 0, "%s", why);
	trust_at_collector();
	serves(now()->former);			/* before the collector's own certificate is made anew */
	renew_collector();
	serves(now()->former);			/* the agent has heard of nothing */
	ck_assert_int_eq(told(now()), 1);
	ck_assert_int_eq(trusted_by_agent(), 2);
	ck_assert_int_eq(told(now()), 0);
	serves(now()->former);
	ck_assert_msg(renew_agent() == 0, "%s", why);
	serves(now()->root);
	finish();
	ck_assert_int_eq(told(now()), 1);
	ck_assert_int_eq(trusted_by_agent(), 1);
	serves(now()->root);
	roll();					/* and once more */
	ck_assert_int_eq(told(now()), 1);
	ck_assert_int_eq(renew_agent(), 0);
	finish();
	ck_assert_int_eq(told(now()), 1);
	serves(now()->root);
	ck_assert_int_eq(meet(&id), 0);
	ck_assert_int_eq(id.generation, 3);
}
END_TEST

START_TEST(test_i05_what_the_former_authority_made_is_refused_once_it_is_over)
{
	struct identity id;

	roll();
	serves(now()->former);
	finish();
	ck_assert_int_eq(meet(&id), 2);
	ck_assert_msg(strstr(why, "certificate") != NULL, "%s", why);
	ck_assert_int_eq(renew_agent(), -EACCES);
	ck_assert_int_eq(told(now()), 1);
	ck_assert_int_eq(trusted_by_agent(), 2);	/* it does not cut itself off */
}
END_TEST

START_TEST(test_i05_nobody_elses_authority_is_followed)
{
	struct roll other = {.key = ca_key_new()};

	other.root = ca_root_like(other.key, now()->root);
	ck_assert_int_eq(told(&other), -EKEYREJECTED);		/* nobody vouches */
	other.vouched = ca_vouch(other.key, other.root, other.root);
	ck_assert_int_eq(told(&other), -EKEYREJECTED);		/* it does itself */
	roll();
	X509_free(other.vouched);
	other.vouched = X509_dup(now()->vouched);
	ck_assert_int_eq(told(&other), -EKEYREJECTED);		/* another is vouched for */
	X509_free(other.vouched);
	other.vouched = certificate(collector);
	ck_assert_int_eq(told(&other), -EKEYREJECTED);		/* what is vouched for is no authority */
	other.over = true;
	ck_assert_int_eq(told(&other), -EKEYREJECTED);
	ck_assert_int_eq(trusted_by_agent(), 1);
	serves(now()->former);
	other.over = false;
	roll_clear(&other);
}
END_TEST

/* ---- the signer ---- */

static bool killed_in(int at, bool over)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		kill_at = at;
		_exit(office_roll(office, over, why) < 0 ? 2 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return WIFSIGNALED(status);
}

/* Another signer starts in its folder; that may be killed, too. */
static void starts_again(void)
{
	bool killed;
	int at = 1;

	office_close(office);
	do {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			kill_at = at;
			_exit(office_open(state, office, why) < 0 ? 2 : 0);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		killed = WIFSIGNALED(status);
	} while (killed && ++at < 10);
	ck_assert_msg(office_open(state, office, why) == 0, "%s", why);
}

START_TEST(test_i05_a_signer_killed_in_a_roll_over_finishes_it_when_asked_again)
{
	bool killed = true;
	int at = 0;

	while (killed && ++at < 20) {
		int r;

		killed = killed_in(at, false);
		starts_again();
		r = office_roll(office, false, why);
		ck_assert_msg(r == 0 || r == -EBUSY, "%s", why);
		starts_again();
		trust_at_collector();
		renew_collector();
		serves(now()->former);
		ck_assert_int_eq(told(now()), 1);
		ck_assert_int_eq(renew_agent(), 0);
		for (int k = 1; killed_in(k, true); k++) {
			starts_again();
			serves(now()->root);
		}
		starts_again();
		ck_assert(now()->over);
		finish();
		ck_assert_int_eq(told(now()), 1);
		serves(now()->root);
	}
	ck_assert_int_gt(at, 4);
	ck_assert(!killed);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("authority");
	TCase *t = tcase_create("authority");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, test_i05_an_agent_of_the_former_authority_follows_the_next);
	tcase_add_test(t, test_i05_what_the_former_authority_made_is_refused_once_it_is_over);
	tcase_add_test(t, test_i05_nobody_elses_authority_is_followed);
	tcase_add_test(t, test_i05_a_signer_killed_in_a_roll_over_finishes_it_when_asked_again);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
