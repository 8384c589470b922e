/* lib/renewal: another key and certificate take the place of those in a folder, killed at each step of the way (I5); what it refuses. */
#include <check.h>
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#include "collector/authority/founding.h"
#include "collector/identity/office.h"
#include "lib/identity.h"
#include "lib/io.h"
#include "lib/renewal.h"
#include "tests/unit/answer.h"
#include "tests/unit/folder.h"
#include "tests/unit/steps.h"

#define DAY INT64_C(86400)

static char state[64], folder[96], why[256];
static struct office opened, *office = &opened;

int mkdir(const char *path, mode_t mode)
{
	step();
	return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int rmdir(const char *path)
{
	step();
	return (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}

static void set_up(void)
{
	static const char *const hosts[] = {"beadle.twvs.example"};

	strcpy(state, "/tmp/beadle-renew-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(state));
	snprintf(folder, sizeof(folder), "%s/identity", state);
	ck_assert_msg(founding_make(state, "twvs", "main", hosts, 1, why) == 0, "%s", why);
	ck_assert_msg(office_open(state, office, why) == 0, "%s", why);
}

static void tear_down(void)
{
	office_close(office);
	folder_remove(state);
}

static bool exists(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

static char *certificate(void)
{
	char path[256], *text;

	snprintf(path, sizeof(path), "%s/cert.pem", folder);
	ck_assert_int_eq(io_read_file(path, 65536, &text, NULL), 0);
	return text;
}

static void loads(const char *path)
{
	SSL_CTX *ctx = identity_context(path, 1, why);

	ck_assert_msg(ctx != NULL, "%s", why);
	SSL_CTX_free(ctx);
}

/* As a start does it: both halves must be there and belong together. */
static void starts(void)
{
	char next[128];

	ck_assert_int_eq(renewal_recover(folder), 0);
	loads(folder);
	snprintf(next, sizeof(next), "%s/next", folder);
	if (renewal_complete(folder))
		loads(next);
}

static int renew(void)
{
	uint8_t *csr;
	size_t n;
	X509 *cert = NULL;
	int r = renewal_request(folder, &csr, &n);

	if (r == 0)
		r = office_renew(office, "collector", csr, n, &cert, why);
	if (r == 0)
		r = answer_take(folder, cert);
	if (r == 0)
		r = renewal_settle(folder);
	OPENSSL_free(csr);
	X509_free(cert);
	return r;
}

static bool killed_in(int at)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		kill_at = at;
		_exit(renew() < 0 ? 2 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return WIFSIGNALED(status);
}

START_TEST(test_i05_killed_at_each_step_a_key_and_its_certificate_are_there)
{
	int at = 1;

	do {
		char *before = certificate(), *after;
		bool killed = killed_in(at);

		starts();
		ck_assert_int_eq(renew(), 0);
		starts();
		after = certificate();
		ck_assert_str_ne(before, after);
		ck_assert(!exists("next"));
		free(before);
		free(after);
		if (!killed)
			break;
	} while (++at < 100);
	ck_assert_int_gt(at, 8);
}
END_TEST

START_TEST(test_i05_only_its_own_next_certificate_is_taken)
{
	uint8_t *csr, *other;
	size_t n;
	X509 *cert;
	char *before = certificate(), *after;

	ck_assert_int_eq(renewal_request(folder, &csr, &n), 0);
	ck_assert_int_eq(office_renew(office, "web", csr, n, &cert, why), 0);
	ck_assert_int_eq(answer_take(folder, cert), -EKEYREJECTED);	/* of another root */
	X509_free(cert);
	ck_assert_int_eq(office_issue_agent(office, "0189f7e2-7d3c-7a10-8f31-2b6c1d4e5f60", "h", csr, n, &cert, why), 0);
	ck_assert_int_eq(answer_take(folder, cert), -EKEYREJECTED);	/* of another name */
	X509_free(cert);
	ck_assert_int_eq(office_renew(office, "collector", csr, n, &cert, why), 0);
	renewal_drop(folder);
	ck_assert_int_eq(answer_take(folder, cert), -EKEYREJECTED);	/* of a key that is gone */
	ck_assert_int_eq(renewal_request(folder, &other, &n), 0);
	ck_assert_int_eq(answer_take(folder, cert), -EKEYREJECTED);	/* of another key */
	ck_assert_int_eq(renewal_take(folder, "ca.pem", (const uint8_t *)"no", 2), -EKEYREJECTED);
	ck_assert(!renewal_complete(folder));
	after = certificate();
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
	starts();
	OPENSSL_free(csr);
	OPENSSL_free(other);
	X509_free(cert);
}
END_TEST

START_TEST(it_is_due_after_thirty_days_and_only_when_our_root_made_it)
{
	const int64_t made = renewal_end(folder) - 397 * DAY;

	ck_assert(!renewal_folder_due(folder, "ca.pem", made + 29 * DAY));
	ck_assert(renewal_folder_due(folder, "ca.pem", made + 31 * DAY));
	ck_assert(!renewal_folder_due(folder, "../web/root.pem", made + 31 * DAY));
	ck_assert(!renewal_folder_due(state, "ca.pem", made + 31 * DAY));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("renewal");
	TCase *t = tcase_create("renewal");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, test_i05_killed_at_each_step_a_key_and_its_certificate_are_there);
	tcase_add_test(t, test_i05_only_its_own_next_certificate_is_taken);
	tcase_add_test(t, it_is_due_after_thirty_days_and_only_when_our_root_made_it);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
