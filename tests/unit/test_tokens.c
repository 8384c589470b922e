/* Enrolment (I6): a token's text, its proof, and the signer's book of tokens: for whom, how often, how long, and killed at each step. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/authority/founding.h"
#include "collector/identity/office.h"
#include "lib/clock.h"
#include "lib/request.h"
#include "lib/token.h"
#include "tests/unit/folder.h"
#include "tests/unit/steps.h"

#define UUID "0189f7e2-7d3c-7a10-8f31-2b6c1d4e5f60"
#define HOUR (3600 * NS_PER_S)

static char state[64], book[96], why[256];
static struct office opened, *office = &opened;
static struct tokens *tokens;

int fsync(int fd)
{
	step();
	return (int)syscall(SYS_fsync, fd);
}

static void open_office(void)
{
	ck_assert_msg(office_open(state, office, why) == 0, "%s", why);
	tokens = office->tokens;
}

static void set_up(void)
{
	static const char *const hosts[] = {"beadle.twvs.example"};

	strcpy(state, "/tmp/beadle-tokens-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(state));
	snprintf(book, sizeof(book), "%s/signer/tokens", state);
	ck_assert_msg(founding_make(state, "twvs", "main", hosts, 1, why) == 0, "%s", why);
	open_office();
}

static void tear_down(void)
{
	clock_use(NULL);
	office_close(office);
	folder_remove(state);
}

static void restart(void)
{
	office_close(office);
	open_office();
}

/* ---- the text ---- */

static const struct token sample = {.made = 1764000000, .hours = 24, .id = {1, 2, 3}, .secret = {9, 8, 7}, .pin = {0xff, 0xfe},
	.addresses = "collector.school.example:7412 [2001:db8::1]:7412"};

START_TEST(test_i06_text_and_back)
{
	char *text = token_write(&sample);
	struct token t;

	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(strncmp(text, "beadle1_", 8), 0);
	ck_assert_int_eq(token_read(text, &t), 0);
	ck_assert_int_eq(t.made, sample.made);
	ck_assert_uint_eq(t.hours, 24);
	ck_assert_mem_eq(t.id, sample.id, sizeof(t.id));
	ck_assert_mem_eq(t.secret, sample.secret, sizeof(t.secret));
	ck_assert_mem_eq(t.pin, sample.pin, sizeof(t.pin));
	ck_assert_str_eq(t.addresses, sample.addresses);
	free(text);
}
END_TEST

START_TEST(test_i06_every_slip_is_found)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_ .=\xc3";
	char *text = token_write(&sample);
	size_t n = strlen(text);
	struct token t;

	for (size_t i = 8; i < n; i++) {
		char was = text[i];

		for (const char *c = letters; *c; c++) {	/* one letter is another */
			text[i] = *c;
			ck_assert_int_eq(token_read(text, &t), *c == was ? 0 : -EBADMSG);
		}
		text[i] = i + 1 < n ? text[i + 1] : was;	/* two letters are exchanged */
		if (i + 1 < n && was != text[i]) {
			text[i + 1] = was;
			ck_assert_int_eq(token_read(text, &t), -EBADMSG);
			text[i + 1] = text[i];
		}
		text[i] = 0;					/* the end is missing */
		ck_assert_int_eq(token_read(text, &t), -EBADMSG);
		text[i] = was;
	}
	ck_assert_int_eq(token_read("", &t), -EINVAL);
	ck_assert_int_eq(token_read("token", &t), -EINVAL);
	ck_assert_int_eq(token_read("beadle", &t), -EBADMSG);
	ck_assert_int_eq(token_read("beadle1_", &t), -EBADMSG);
	free(text);
}
END_TEST

START_TEST(test_i06_what_is_no_token_is_not_written)
{
	struct token t = sample;

	t.addresses[0] = 0;
	ck_assert_ptr_null(token_write(&t));
	t = sample;
	t.hours = 0;
	ck_assert_ptr_null(token_write(&t));
	t.hours = TOKEN_HOURS_MAX + 1;
	ck_assert_ptr_null(token_write(&t));
	t = sample;
	t.made = INT64_C(1) << 33;
	ck_assert_ptr_null(token_write(&t));
}
END_TEST

START_TEST(test_i06_hosts)
{
	ck_assert(token_same_host("web1", "WEB1"));
	ck_assert(token_same_host("web1", "web1.school.example"));
	ck_assert(token_same_host("web1.school.example", "web1"));
	ck_assert(!token_same_host("web1.school.example", "web1.other.example"));
	ck_assert(!token_same_host("web1", "web10"));
	ck_assert(!token_same_host("web", "web1"));
	ck_assert(!token_same_host("", "web1"));
	ck_assert(!token_same_host(".a", ".b"));
}
END_TEST

START_TEST(test_i06_a_proof_is_of_all_it_is_made_of)
{
	const uint8_t secret[TOKEN_SECRET] = {1}, other[TOKEN_SECRET] = {2}, here[TOKEN_HASH] = {3}, there[TOKEN_HASH] = {4};
	uint8_t key[TOKEN_HASH], key2[TOKEN_HASH], a[TOKEN_HASH], b[TOKEN_HASH], big[TOKEN_CSR_MAX + 1] = {0};
	char host[TOKEN_HOST_MAX + 2];

	ck_assert_int_eq(token_key(secret, key), 0);
	ck_assert_int_eq(token_key(other, key2), 0);
	ck_assert_int_eq(token_prove(key, here, "web1", (const uint8_t *)"csr", 3, a), 0);
	ck_assert_int_eq(token_prove(key, here, "web1", (const uint8_t *)"csr", 3, b), 0);
	ck_assert_mem_eq(a, b, sizeof(a));
	token_prove(key2, here, "web1", (const uint8_t *)"csr", 3, b);
	ck_assert_mem_ne(a, b, sizeof(a));
	token_prove(key, there, "web1", (const uint8_t *)"csr", 3, b);
	ck_assert_mem_ne(a, b, sizeof(a));
	token_prove(key, here, "web2", (const uint8_t *)"csr", 3, b);
	ck_assert_mem_ne(a, b, sizeof(a));
	token_prove(key, here, "web1", (const uint8_t *)"csR", 3, b);
	ck_assert_mem_ne(a, b, sizeof(a));
	token_prove(key, here, "web1c", (const uint8_t *)"sr", 2, b);
	ck_assert_mem_ne(a, b, sizeof(a));
	memset(host, 'a', sizeof(host));
	host[sizeof(host) - 1] = 0;
	ck_assert_int_eq(token_prove(key, here, host, NULL, 0, b), -EMSGSIZE);
	ck_assert_int_eq(token_prove(key, here, "web1", big, sizeof(big), b), -EMSGSIZE);
}
END_TEST

/* ---- the book ---- */

static size_t count(void)
{
	size_t n;

	tokens_all(tokens, &n);
	return n;
}

static const struct token_entry *entry(size_t i)
{
	size_t n;

	return &tokens_all(tokens, &n)[i];
}

struct given { uint8_t id[TOKEN_ID], key[TOKEN_HASH]; };

static struct given make_for(const char *host, bool approve)
{
	const struct token_entry *e;
	uint8_t secret[TOKEN_SECRET];
	struct given g;

	ck_assert_msg(tokens_new(tokens, UUID, host, 24, approve, &e, secret, why) == 0, "%s", why);
	memcpy(g.id, e->id, sizeof(g.id));
	ck_assert_int_eq(token_key(secret, g.key), 0);
	return g;
}

static int request(uint8_t **der)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	size_t n;

	ck_assert_int_eq(request_make(key, der, &n), 0);
	EVP_PKEY_free(key);
	return (int)n;
}

/* With the token's key, over this connection's exporter. */
static int use(const struct given *g, const char *host, const uint8_t *csr, int n)
{
	uint8_t exporter[TOKEN_HASH] = {5}, proof[TOKEN_HASH];
	X509 *cert = NULL;
	const struct token_use u = {g->id, exporter, proof, csr, (size_t)n, host};
	int r;

	ck_assert_int_eq(token_prove(g->key, exporter, host, csr, (size_t)n, proof), 0);
	r = office_enrol(office, &u, &cert, why);
	X509_free(cert);
	return r;
}

START_TEST(test_i06_one_key_and_no_other)
{
	uint8_t *mine, *yours;
	int n = request(&mine), m = request(&yours);
	struct given g = make_for("web1", false);

	ck_assert_int_eq(use(&g, "web2", mine, n), -EACCES);
	ck_assert_ptr_nonnull(strstr(why, "is for web1"));
	ck_assert_msg(use(&g, "web1", mine, n) == 0, "%s", why);
	ck_assert_int_eq(use(&g, "web1", yours, m), -EACCES);
	ck_assert_ptr_nonnull(strstr(why, "used already"));
	make_for("圖書館 1", false);		/* a person's text */
	restart();
	ck_assert_str_eq(entry(1)->host, "圖書館 1");
	ck_assert_int_eq(use(&g, "web1", yours, m), -EACCES);
	for (int i = 1; i < TOKENS_ISSUES; i++)
		ck_assert_msg(use(&g, "web1", mine, n) == 0, "%s", why);
	ck_assert_int_eq(use(&g, "web1", mine, n), -EACCES);
	ck_assert_ptr_nonnull(strstr(why, "too often"));
	OPENSSL_free(mine);
	OPENSSL_free(yours);
}
END_TEST

START_TEST(test_i06_wrong_proofs_end_it)
{
	uint8_t *csr;
	int n = request(&csr);
	struct given g = make_for("web1", false), wrong = g;

	wrong.key[0] ^= 1;
	for (int i = 1; i < TOKENS_FAILURES; i++) {
		ck_assert_int_eq(use(&wrong, "web1", csr, n), -EACCES);
		ck_assert_ptr_nonnull(strstr(why, "wrong proof"));
		restart();
	}
	ck_assert_uint_eq(entry(0)->failures, TOKENS_FAILURES - 1);
	use(&wrong, "web1", csr, n);
	ck_assert_int_eq(use(&g, "web1", csr, n), -EACCES);
	ck_assert_ptr_nonnull(strstr(why, "wrong proofs too often"));
	ck_assert_int_eq(entry(0)->state, TOKEN_OVER);
	OPENSSL_free(csr);
}
END_TEST

START_TEST(test_i06_a_person_approves_one_key)
{
	uint8_t *mine, *yours;
	int n = request(&mine), m = request(&yours);
	struct given g = make_for("web1", true);
	char fingerprint[TOKEN_FINGERPRINT];

	ck_assert_int_lt(tokens_approve(tokens, g.id, "0000-0000-0000-0000", why), 0);
	ck_assert_int_eq(use(&g, "web1", mine, n), 1);
	ck_assert_int_eq(use(&g, "web1", yours, m), -EACCES);
	restart();
	ck_assert_int_eq(use(&g, "web1", mine, n), 1);
	ck_assert_int_eq(tokens_approve(tokens, g.id, "0000-0000-0000-0000", why), -EACCES);
	token_fingerprint(entry(0)->subject, fingerprint);
	ck_assert_msg(tokens_approve(tokens, g.id, fingerprint, why) == 0, "%s", why);
	ck_assert_int_eq(use(&g, "web1", yours, m), -EACCES);
	ck_assert_int_eq(use(&g, "web1", mine, n), 0);
	ck_assert_int_lt(tokens_approve(tokens, g.id, fingerprint, why), 0);
	OPENSSL_free(mine);
	OPENSSL_free(yours);
}
END_TEST

static void forget_boot(void)
{
	char *text = NULL, *at;
	size_t n;
	FILE *f = fopen(book, "r+"), *to;

	ck_assert_ptr_nonnull(f);
	ck_assert_int_gt(getdelim(&text, &n, 0, f), 0);
	fclose(f);
	at = text;
	for (int i = 0; i < 7; i++)
		at = strchr(at, ' ') + 1;
	memset(at, 'x', strcspn(at, " "));		/* another start of the machine */
	to = fopen(book, "w");
	fputs(text, to);
	fclose(to);
	free(text);
	restart();
}

/* While the machine runs only the boot clock counts, whatever is done to the other one; afterwards a clock that is behind ends it. */
START_TEST(test_i06_its_time)
{
	struct clock_fake c = {.wall = INT64_C(1764000000) * NS_PER_S, .boot = 1000 * NS_PER_S};
	struct given g;
	uint8_t *csr;
	int n = request(&csr);

	clock_use(&c);
	g = make_for("web1", false);
	c.wall += 1000 * HOUR;
	ck_assert_int_eq(tokens_left(tokens, entry(0)), 24 * HOUR);
	c.wall -= 5000 * HOUR;
	c.boot += 23 * HOUR;
	restart();
	ck_assert_int_eq(tokens_left(tokens, entry(0)), HOUR);
	c.boot += HOUR;
	ck_assert_int_eq(tokens_left(tokens, entry(0)), 0);
	ck_assert_int_eq(use(&g, "web1", csr, n), -EACCES);
	ck_assert_ptr_nonnull(strstr(why, "expired"));

	c = (struct clock_fake){.wall = INT64_C(1764000000) * NS_PER_S, .boot = 1000 * NS_PER_S};
	remove(book);
	restart();
	g = make_for("web1", false);
	forget_boot();
	c.boot = NS_PER_S;
	c.wall += 23 * HOUR;
	ck_assert_int_eq(tokens_left(tokens, entry(0)), HOUR);
	c.wall += HOUR;
	ck_assert_int_eq(tokens_left(tokens, entry(0)), 0);
	c.wall -= 25 * HOUR;
	ck_assert_int_eq(tokens_left(tokens, entry(0)), 0);
	OPENSSL_free(csr);
}
END_TEST

START_TEST(test_i06_a_later_one_for_the_same_host_ends_it_and_there_are_only_so_many)
{
	struct given old = make_for("web1", false), first = make_for("web1", false);
	const struct token_entry *e;
	uint8_t secret[TOKEN_SECRET], *csr;
	int n = request(&csr);
	char host[16];

	ck_assert_int_eq(use(&old, "web1", csr, n), -EACCES);
	ck_assert_ptr_nonnull(strstr(why, "a later one"));
	for (int i = 2; i <= TOKENS_OPEN; i++) {
		snprintf(host, sizeof(host), "web%d", i);
		make_for(host, false);
	}
	ck_assert_int_eq(tokens_new(tokens, UUID, "more", 24, false, &e, secret, why), -EBUSY);
	for (int i = 0; i < 2 * TOKENS_KEPT; i++)
		make_for("web2", false);
	ck_assert_uint_eq(count(), TOKENS_KEPT);
	restart();
	ck_assert_uint_eq(count(), TOKENS_KEPT);
	ck_assert_msg(use(&first, "web1", csr, n) == 0, "%s", why);
	ck_assert_int_eq(tokens_new(tokens, UUID, "", 24, false, &e, secret, why), -EINVAL);
	ck_assert_int_eq(tokens_new(tokens, UUID, "a\nb", 24, false, &e, secret, why), -EINVAL);
	ck_assert_int_eq(tokens_new(tokens, UUID, " a", 24, false, &e, secret, why), -EINVAL);
	ck_assert_int_eq(tokens_new(tokens, "short", "a", 24, false, &e, secret, why), -EINVAL);
	ck_assert_int_eq(tokens_new(tokens, UUID, "a", 0, false, &e, secret, why), -EINVAL);
	OPENSSL_free(csr);
}
END_TEST

static bool is_in_book(const char *hex)
{
	char *text = NULL;
	size_t n;
	FILE *f = fopen(book, "r");
	bool found;

	ck_assert_int_gt(getdelim(&text, &n, 0, f), 0);
	fclose(f);
	found = strstr(text, hex) != NULL;
	free(text);
	return found;
}

START_TEST(test_c03_the_book_has_no_secret_and_of_what_is_over_no_key)
{
	const struct token_entry *e;
	uint8_t secret[TOKEN_SECRET], key[TOKEN_HASH];
	char hex[2][2 * TOKEN_ID + 1];
	struct stat st;

	ck_assert_int_eq(tokens_new(tokens, UUID, "web1", 24, false, &e, secret, why), 0);
	token_key(secret, key);
	token_spell_id(secret, hex[0]);		/* the first eight bytes of each are enough */
	token_spell_id(key, hex[1]);
	ck_assert(!is_in_book(hex[0]));
	ck_assert(is_in_book(hex[1]));
	ck_assert_int_eq(stat(book, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(tokens_end(tokens, entry(0)->id, why), 0);
	ck_assert(!is_in_book(hex[1]));
}
END_TEST

/* Whatever was on disk when the signer died: the server that asks again with its key gets a certificate, and nobody else does. */
START_TEST(test_i06_killed_at_each_step_the_same_key_goes_on)
{
	uint8_t *mine, *yours;
	int n = request(&mine), m = request(&yours), at = 0, status;
	bool killed;

	do {
		struct given g = make_for("web1", false);
		pid_t pid = fork();

		at++;
		if (pid == 0) {
			kill_at = at;
			_exit(use(&g, "web1", mine, n) < 0);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		killed = WIFSIGNALED(status);
		ck_assert(killed || WEXITSTATUS(status) == 0);
		restart();
		ck_assert_msg(use(&g, "web1", mine, n) == 0, "killed at step %d: %s", at, why);
		ck_assert_int_eq(use(&g, "web1", yours, m), -EACCES);
	} while (killed && at < 40);
	ck_assert_int_gt(at, 4);
	OPENSSL_free(mine);
	OPENSSL_free(yours);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tokens");
	TCase *text = tcase_create("text"), *kept = tcase_create("book");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(text, test_i06_text_and_back);
	tcase_add_test(text, test_i06_every_slip_is_found);
	tcase_add_test(text, test_i06_what_is_no_token_is_not_written);
	tcase_add_test(text, test_i06_hosts);
	tcase_add_test(text, test_i06_a_proof_is_of_all_it_is_made_of);
	tcase_add_checked_fixture(kept, set_up, tear_down);
	tcase_set_timeout(kept, 60);
	tcase_add_test(kept, test_i06_one_key_and_no_other);
	tcase_add_test(kept, test_i06_wrong_proofs_end_it);
	tcase_add_test(kept, test_i06_a_person_approves_one_key);
	tcase_add_test(kept, test_i06_its_time);
	tcase_add_test(kept, test_i06_a_later_one_for_the_same_host_ends_it_and_there_are_only_so_many);
	tcase_add_test(kept, test_c03_the_book_has_no_secret_and_of_what_is_over_no_key);
	tcase_add_test(kept, test_i06_killed_at_each_step_the_same_key_goes_on);
	suite_add_tcase(s, text);
	suite_add_tcase(s, kept);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
