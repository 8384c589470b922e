/* collector/audit: the journal's bytes against vectors that were made without us (Python, from doc/journal-format.md). */
#include <check.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "collector/audit/checkpoint.h"
#include "collector/audit/entry.h"

#define KEY "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
#define FIRST "535b258d470706ba2c5c74aad19900bc9a8dcd7d89a0c6a24b358306631a216e"
#define CHAIN "e132c953f3ab13dc0fa90bc99747296016f5681494642bf919c7b27fce9df7f0"
#define SECOND "1e6ab623c17b70d9b23656be62de1d03f537e2f1f3dfa39c721a1176041d9fee"
#define SIGNATURE "274f67723a9e1c5441666cfce71443bba9836686fd4431679212fe218231a887bfa8c89763e0c5c2e3742cbd27e017e35866819eee580f33fd4dbacb6abdb109"
#define LINE "checkpoint\t" CHAIN "\t2\t" SECOND "\t1800000001000000000\t" SIGNATURE

static struct entry entry_of(const char *actor, const char *action)
{
	return (struct entry){.actor = actor, .actor_n = strlen(actor), .action = action, .action_n = strlen(action)};
}

static const char *hash_of(const struct entry *e)
{
	static char hex[2 * ENTRY_HASH + 1];
	uint8_t bytes[ENTRY_BYTES_MAX], hash[ENTRY_HASH];
	size_t n = entry_bytes(e, bytes);

	ck_assert_uint_gt(n, 0);
	ck_assert_int_eq(entry_sha256(bytes, n, hash), 0);
	checkpoint_hex(hash, ENTRY_HASH, hex);
	return hex;
}

static struct entry first(void)
{
	static const uint8_t salt[ENTRY_SALT];
	static const char payload[] = "{\"key\":\"" KEY "\"}";
	struct entry e = entry_of("system", "journal.begin");

	e.number = 1;
	e.time = 1800000000 * INT64_C(1000000000);
	ck_assert_int_eq(entry_sha256_of_two(salt, sizeof(salt), payload, strlen(payload), e.digest), 0);
	return e;
}

static struct entry second(void)
{
	uint8_t salt[ENTRY_SALT], key[CHECKPOINT_KEY];
	struct entry e = entry_of("林老師", "account.roles lin");

	for (int i = 0; i < ENTRY_SALT; i++)
		salt[i] = (uint8_t)i;
	e.number = 2;
	e.time = -1;
	ck_assert(checkpoint_unhex(FIRST, ENTRY_HASH, e.previous) && checkpoint_unhex(KEY, CHECKPOINT_KEY, key));
	ck_assert_int_eq(checkpoint_chain(e.previous, key, e.chain), 0);
	ck_assert_int_eq(entry_sha256_of_two(salt, sizeof(salt), "{\"row\":null}", 12, e.digest), 0);
	return e;
}

START_TEST(test_a05_vectors)
{
	struct entry a = first(), b = second();
	char chain[2 * ENTRY_HASH + 1];

	ck_assert_str_eq(hash_of(&a), FIRST);
	ck_assert_str_eq(hash_of(&b), SECOND);
	checkpoint_hex(b.chain, ENTRY_HASH, chain);
	ck_assert_str_eq(chain, CHAIN);
}
END_TEST

START_TEST(parse_is_the_other_way)
{
	struct entry e = second(), back;
	uint8_t bytes[ENTRY_BYTES_MAX], more[ENTRY_BYTES_MAX];
	size_t n = entry_bytes(&e, bytes);

	ck_assert_int_eq(entry_parse(bytes, n, &back), 0);
	ck_assert_uint_eq(back.number, 2);
	ck_assert_int_eq(back.time, -1);
	ck_assert_uint_eq(entry_bytes(&back, more), n);
	ck_assert_mem_eq(bytes, more, n);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(entry_parse(bytes, i, &back), -EBADMSG);
	memcpy(more, bytes, n);
	more[n] = 0;
	ck_assert_int_eq(entry_parse(more, n + 1, &back), -EBADMSG);
	bytes[0] = 2;
	ck_assert_int_eq(entry_parse(bytes, n, &back), -EBADMSG);
}
END_TEST

/* Each bit counts: no two entries have the same bytes, and no field can lend a byte to its neighbour. */
START_TEST(every_bit_is_in_the_hash)
{
	struct entry e = second(), one = entry_of("ab", "c"), two = entry_of("a", "bc"), back;
	uint8_t bytes[ENTRY_BYTES_MAX], hash[ENTRY_HASH], other[ENTRY_HASH];
	size_t n = entry_bytes(&e, bytes);

	ck_assert_int_eq(entry_sha256(bytes, n, hash), 0);
	for (size_t bit = 0; bit < 8 * n; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_int_eq(entry_sha256(bytes, n, other), 0);
		ck_assert_mem_ne(hash, other, ENTRY_HASH);
		if (entry_parse(bytes, n, &back) == 0) {
			uint8_t again[ENTRY_BYTES_MAX];

			ck_assert_uint_eq(entry_bytes(&back, again), n);
			ck_assert_mem_eq(again, bytes, n);
		}
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	n = strlen(hash_of(&one));
	memcpy(bytes, hash_of(&one), n);
	ck_assert_mem_ne(bytes, hash_of(&two), n);
}
END_TEST

START_TEST(texts_have_limits)
{
	static const char *const bad[] = {"", "a\nb", "a\tb", "\x7f", "\x01"};
	char longest[ENTRY_ACTION_MAX + 2];
	uint8_t bytes[ENTRY_BYTES_MAX];
	struct entry e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		e = entry_of(bad[i], "x");
		ck_assert_uint_eq(entry_bytes(&e, bytes), 0);
		e = entry_of("x", bad[i]);
		ck_assert_uint_eq(entry_bytes(&e, bytes), 0);
	}
	memset(longest, 'x', sizeof(longest));
	e = (struct entry){.actor = longest, .actor_n = ENTRY_ACTOR_MAX, .action = longest, .action_n = ENTRY_ACTION_MAX};
	ck_assert_uint_eq(entry_bytes(&e, bytes), ENTRY_BYTES_MAX);
	e.actor_n++;
	ck_assert_uint_eq(entry_bytes(&e, bytes), 0);
	e.actor_n--;
	e.action_n++;
	ck_assert_uint_eq(entry_bytes(&e, bytes), 0);
}
END_TEST

START_TEST(words_of_an_action)
{
	const char *action = "account.roles lin chen", *object;
	size_t n = strlen(action);

	ck_assert(entry_is(action, n, "account.roles") && entry_is(action, n, "account."));
	ck_assert(!entry_is(action, n, "account") && !entry_is(action, n, "account.role") && !entry_is("account.", 8, "account.roles"));
	object = entry_object(action, &n);
	ck_assert_uint_eq(n, 8);
	ck_assert_mem_eq(object, "lin chen", 8);
	n = 5;
	ck_assert_str_eq(entry_object("start", &n), "");
	ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(checkpoint_is_what_was_signed)
{
	struct checkpoint c, d;
	uint8_t key[CHECKPOINT_KEY];
	char line[CHECKPOINT_LINE], bad[CHECKPOINT_LINE];
	size_t n = strlen(LINE);

	ck_assert(checkpoint_unhex(KEY, CHECKPOINT_KEY, key));
	ck_assert_int_eq(checkpoint_parse(LINE, n, &c), 0);
	ck_assert(checkpoint_is_signed(&c, key));
	checkpoint_line(&c, line);
	ck_assert_str_eq(line, LINE);
	for (size_t i = 0; i < n; i++) {	/* whatever digit is another: no line, or no signature */
		strcpy(bad, LINE);
		bad[i] = bad[i] == '1' ? '0' : '1';
		ck_assert(checkpoint_parse(bad, n, &d) < 0 || !checkpoint_is_signed(&d, key));
		ck_assert_int_eq(checkpoint_parse(LINE, i, &d), -EBADMSG);
	}
	ck_assert_int_eq(checkpoint_parse(LINE "\t", n + 1, &d), -EBADMSG);
	key[0] ^= 1;
	ck_assert(!checkpoint_is_signed(&c, key));
}
END_TEST

static void sign(EVP_PKEY *key, const char *text, size_t n, char ret[2 * CHECKPOINT_SIGNATURE + 1])
{
	uint8_t signature[CHECKPOINT_SIGNATURE];
	size_t size = sizeof(signature);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
	ck_assert_int_eq(EVP_DigestSign(ctx, signature, &size, (const unsigned char *)text, n), 1);
	EVP_MD_CTX_free(ctx);
	checkpoint_hex(signature, sizeof(signature), ret);
}

START_TEST(a_new_key_needs_both_hands)
{
	static const uint8_t chain[ENTRY_HASH] = {7};
	EVP_PKEY *before = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), *after = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	char text[CHECKPOINT_TEXT], a[2 * CHECKPOINT_SIGNATURE + 1], b[sizeof(a)], payload[512];
	struct checkpoint c = {.number = 9, .time = 5};
	uint8_t from[CHECKPOINT_KEY], to[CHECKPOINT_KEY];
	size_t n;

	ck_assert_int_eq(checkpoint_key_of(before, from), 0);
	ck_assert_int_eq(checkpoint_key_of(after, to), 0);
	n = checkpoint_change_text(chain, 9, from, to, text);
	sign(before, text, n, a);
	sign(after, text, n, b);
	snprintf(payload, sizeof(payload), "{\"old\":\"%s\",\"new\":\"%s\"}", a, b);
	ck_assert(checkpoint_change_is_signed(chain, 9, from, to, payload, strlen(payload)));
	ck_assert(!checkpoint_change_is_signed(chain, 8, from, to, payload, strlen(payload)));
	ck_assert(!checkpoint_change_is_signed(chain, 9, to, from, payload, strlen(payload)));
	for (size_t i = 0; i < strlen(payload) - 1; i++)
		ck_assert(!checkpoint_change_is_signed(chain, 9, from, to, payload, i));
	snprintf(payload, sizeof(payload), "{\"old\":\"%s\",\"new\":\"%s\"}", b, b);
	ck_assert(!checkpoint_change_is_signed(chain, 9, from, to, payload, strlen(payload)));
	snprintf(payload, sizeof(payload), "{\"old\":\"%s\",\"new\":\"%s\"}", a, a);
	ck_assert(!checkpoint_change_is_signed(chain, 9, from, to, payload, strlen(payload)));
	ck_assert_int_eq(checkpoint_sign(&c, after), 0);
	ck_assert(checkpoint_is_signed(&c, to) && !checkpoint_is_signed(&c, from));
	EVP_PKEY_free(before);
	EVP_PKEY_free(after);
}
END_TEST

START_TEST(decimals_are_as_printed)
{
	static const char *const bad[] = {"", "-", "+1", "01", "1 ", " 1", "9223372036854775808", "0x1", "-0", "1e3"};
	int64_t v;

	ck_assert(checkpoint_decimal("9223372036854775807", 19, &v) && v == INT64_MAX);
	ck_assert(checkpoint_decimal("-9223372036854775808", 20, &v) && v == INT64_MIN);
	ck_assert(checkpoint_decimal("0", 1, &v) && v == 0);
	ck_assert(!checkpoint_decimal("18\0" "5", 4, &v));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(!checkpoint_decimal(bad[i], strlen(bad[i]), &v), "taken: %s", bad[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("audit");
	TCase *t = tcase_create("audit");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, test_a05_vectors);
	tcase_add_test(t, parse_is_the_other_way);
	tcase_add_test(t, every_bit_is_in_the_hash);
	tcase_add_test(t, texts_have_limits);
	tcase_add_test(t, words_of_an_action);
	tcase_add_test(t, checkpoint_is_what_was_signed);
	tcase_add_test(t, a_new_key_needs_both_hands);
	tcase_add_test(t, decimals_are_as_printed);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
