/* cli/archive: the header of a member, with sizes beyond what octal digits have room for (C4). */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/archive.h"
#include "cli/sealed.h"

#define SIZE_AT 124		/* of the field in a header, 12 bytes; the checksum follows at 148 */
#define GIB (UINT64_C(1) << 30)

static uint8_t block[ARCHIVE_BLOCK];

static void make(uint64_t size)
{
	struct member m = {.name = "store/raw-20261125.db", .mode = 0600, .time = 1800000000, .owner = "beadle-collector", .group = "beadle-collector"};

	m.size = size;
	ck_assert_int_eq(archive_make_header(&m, block), 0);
}

/* So that nothing but the size is wrong. */
static void sum_again(void)
{
	unsigned sum = 0;
	char digits[8];

	memset(block + 148, ' ', 8);
	for (size_t i = 0; i < sizeof(block); i++)
		sum += block[i];
	snprintf(digits, sizeof(digits), "%06o", sum);
	memcpy(block + 148, digits, 7);
}

START_TEST(test_c04_a_day_of_any_size)
{
	static const uint64_t sizes[] = {0, 1, 8 * GIB - 1, 8 * GIB, 8 * GIB + 1, 63 * GIB, SEALED_MAX + SEALED_MORE};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct member read;

		make(sizes[i]);
		ck_assert_int_eq(archive_header(block, &read), 1);
		ck_assert_uint_eq(read.size, sizes[i]);
		ck_assert_str_eq(read.name, "store/raw-20261125.db");
		ck_assert_int_eq(read.time, 1800000000);
	}
}
END_TEST

START_TEST(test_c04_a_size_has_one_spelling)
{
	static const uint8_t large[12] = {0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0};	/* as tar writes 8 GiB */
	struct member read;

	make(8 * GIB - 1);
	ck_assert_mem_eq(block + SIZE_AT, "77777777777", 12);
	make(8 * GIB);
	ck_assert_mem_eq(block + SIZE_AT, large, 12);
	for (int i = 0; i < 12; i++) {			/* more than can be, or less than base 256 is for */
		make(8 * GIB);
		block[SIZE_AT + i] = i == 7 ? 1 : 0xff;
		sum_again();
		ck_assert_int_eq(archive_header(block, &read), i < 8 ? -EBADMSG : 1);
	}
}
END_TEST

START_TEST(test_n05_a_name_stays_below_its_folder)
{
	static const char *const good[] = {"manifest", "store/main.db", "config/agent.d/10-disk.yaml", "store/main..db"};
	static const char *const bad[] = {"", "/", "/etc", "store/", "store//main.db", ".", "..", "../x", "store/../x", "store/.x", "a b", "a\nb"};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		ck_assert_msg(archive_is_name(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(!archive_is_name(bad[i]), "%s", bad[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("archive");
	TCase *t = tcase_create("archive");
	SRunner *r;
	int failed;

	tcase_add_test(t, test_n05_a_name_stays_below_its_folder);
	tcase_add_test(t, test_c04_a_day_of_any_size);
	tcase_add_test(t, test_c04_a_size_has_one_spelling);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
