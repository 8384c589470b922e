/* test_factors.c - second factors: RFC 6238's own examples, base32, each code once, the brake, clocks that are off. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "collector/engine/factors.h"
#include "lib/clock.h"
#include "test_engine.h"

static const uint8_t rfc[] = "12345678901234567890";	/* RFC 6238, appendix B */

START_TEST(codes_are_those_of_the_rfc)
{
	static const struct { int64_t at; const char *code; } examples[] = {	/* the last six of its eight digits */
		{59, "287082"}, {1111111109, "081804"}, {1111111111, "050471"}, {1234567890, "005924"}, {2000000000, "279037"},
		{20000000000, "353130"}};

	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++)
		ck_assert_int_eq(totp_step_of(rfc, examples[i].code, examples[i].at, 0, -1), examples[i].at / 30);
	ck_assert_int_eq(totp_step_of(rfc, "287083", 59, 0, -1), -1);
	ck_assert_int_eq(totp_step_of(rfc, "28708", 59, 1, -1), -1);
	ck_assert_int_eq(totp_step_of(rfc, "2870822", 59, 1, -1), -1);
	ck_assert_int_eq(totp_step_of(rfc, "", 59, 1, -1), -1);
}
END_TEST

START_TEST(a_code_of_the_step_before_and_behind_is_known)
{
	ck_assert_int_eq(totp_step_of(rfc, "287082", 29, 1, -1), 1);
	ck_assert_int_eq(totp_step_of(rfc, "287082", 89, 1, -1), 1);
	ck_assert_int_eq(totp_step_of(rfc, "287082", 90, 1, -1), -1);
	ck_assert_int_eq(totp_step_of(rfc, "287082", 59, 1, 1), -1);	/* used */
}
END_TEST

START_TEST(secrets_are_written_as_authenticators_read_them)
{
	uint8_t secret[TOTP_SECRET], back[TOTP_SECRET];
	char text[TOTP_TEXT];

	totp_write(rfc, text);
	ck_assert_str_eq(text, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(totp_new(secret), 0);
		totp_write(secret, text);
		ck_assert_int_eq(totp_read(text, back), 0);
		ck_assert_mem_eq(secret, back, TOTP_SECRET);
	}
	ck_assert_int_lt(totp_read("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ", back), 0);
	ck_assert_int_lt(totp_read("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ1", back), 0);
	ck_assert_int_lt(totp_read("", back), 0);
}
END_TEST

/* ---- in use ---- */

#define WALL(s) ((s) * NS_PER_S)

static struct factors *factors;

static void setup(void)
{
	factors = factors_new(0);
}

static void teardown(void)
{
	factors_free(factors);
}

static enum factor_verdict check(const char *code, int64_t at_s)
{
	int off;

	return factors_check(factors, "lin", rfc, code, WALL(at_s), WALL(at_s), &off);
}

START_TEST(a_code_counts_once)
{
	ck_assert_int_eq(check("050471", 1111111111), FACTOR_GOOD);
	ck_assert_int_eq(check("050471", 1111111112), FACTOR_WRONG);
	ck_assert_int_eq(check("081804", 1111111112), FACTOR_WRONG);	/* the one before it, seen over a shoulder */
	ck_assert_int_eq(check("279037", 2000000000), FACTOR_GOOD);
}
END_TEST

START_TEST(what_was_shown_before_a_restart_does_not_count_after_it)
{
	factors_free(factors);
	factors = factors_new(WALL(1111111111));
	ck_assert_int_eq(check("050471", 1111111111), FACTOR_WRONG);
	ck_assert_int_eq(check("279037", 2000000000), FACTOR_GOOD);
}
END_TEST

START_TEST(a_clock_that_was_put_back_locks_nobody_out)
{
	ck_assert_int_eq(check("279037", 2000000000), FACTOR_GOOD);
	ck_assert_int_eq(check("050471", 1111111111), FACTOR_GOOD);
}
END_TEST

START_TEST(wrong_codes_are_braked_and_the_right_one_ends_their_count)
{
	for (int i = 0; i < 9; i++)
		ck_assert_int_eq(check("000000", 1111111000), FACTOR_WRONG);
	ck_assert_int_eq(check("050471", 1111111111), FACTOR_GOOD);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(check("000000", 1234567800), FACTOR_WRONG);
	ck_assert_int_eq(check("005924", 1234567890), FACTOR_BRAKED);
	ck_assert_int_eq(check("279037", 2000000000), FACTOR_GOOD);	/* 15 minutes later, and more */
}
END_TEST

START_TEST(a_clock_that_is_off_is_told)
{
	int off;

	ck_assert_int_eq(factors_check(factors, "lin", rfc, "050471", WALL(1111111111 + 300), 0, &off), FACTOR_WRONG);
	ck_assert_int_eq(off, -300);
	ck_assert_int_eq(factors_check(factors, "lin", rfc, "050471", WALL(1111111111 - 300), 0, &off), FACTOR_WRONG);
	ck_assert_int_eq(off, 300);
	ck_assert_int_eq(factors_check(factors, "lin", rfc, "050471", WALL(1111111111 + 3000), 0, &off), FACTOR_WRONG);
	ck_assert_int_eq(off, 0);
}
END_TEST

/* RFC 4226's truncation, written a second time. */
static void code_at(const uint8_t secret[TOTP_SECRET], int64_t at_s, char ret[16])
{
	const uint8_t counter[8] = {[6] = (uint8_t)(at_s / 30 >> 8), [7] = (uint8_t)(at_s / 30)};
	uint8_t mac[20];
	unsigned n, word = 0;

	ck_assert_ptr_nonnull(HMAC(EVP_sha1(), secret, TOTP_SECRET, counter, sizeof(counter), mac, &n));
	for (unsigned i = 0; i < 4; i++)
		word = word << 8 | mac[mac[19] % 16 + i];
	snprintf(ret, 16, "%06u", word % (1u << 31) % 1000000);
}

static enum factor_verdict confirm(const char *code, int64_t at_s, uint8_t ret[TOTP_SECRET])
{
	int off;

	return factors_confirm(factors, "lin", code, WALL(at_s), WALL(at_s), ret, &off);
}

START_TEST(what_is_offered_is_offered_for_ten_minutes_and_taken_once)
{
	uint8_t secret[TOTP_SECRET], taken[TOTP_SECRET];
	char code[16];
	int off;

	ck_assert_int_eq(confirm("000000", 1, taken), FACTOR_NONE);
	ck_assert_int_eq(factors_offer(factors, "lin", WALL(1), secret), 0);
	code_at(secret, 602, code);
	ck_assert_int_eq(confirm(code, 602, taken), FACTOR_NONE);
	ck_assert_int_eq(factors_offer(factors, "lin", WALL(700), secret), 0);
	code_at(secret, 720, code);
	ck_assert_int_eq(factors_confirm(factors, "chen", code, WALL(720), WALL(720), taken, &off), FACTOR_NONE);
	ck_assert_int_eq(confirm(code, 720, taken), FACTOR_GOOD);
	ck_assert_mem_eq(secret, taken, TOTP_SECRET);
	ck_assert_int_eq(confirm(code, 720, taken), FACTOR_NONE);
	ck_assert_int_eq(factors_check(factors, "lin", secret, code, WALL(720), WALL(720), &off), FACTOR_WRONG);	/* it was shown */
}
END_TEST

TCase *factor_tests(void)
{
	TCase *t = tcase_create("factors");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, codes_are_those_of_the_rfc);
	tcase_add_test(t, a_code_of_the_step_before_and_behind_is_known);
	tcase_add_test(t, secrets_are_written_as_authenticators_read_them);
	tcase_add_test(t, a_code_counts_once);
	tcase_add_test(t, what_was_shown_before_a_restart_does_not_count_after_it);
	tcase_add_test(t, a_clock_that_was_put_back_locks_nobody_out);
	tcase_add_test(t, wrong_codes_are_braked_and_the_right_one_ends_their_count);
	tcase_add_test(t, a_clock_that_is_off_is_told);
	tcase_add_test(t, what_is_offered_is_offered_for_ten_minutes_and_taken_once);
	return t;
}
