/* Dictionary: numbers last, over a restart, a flipped bit and a disk that fails. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/dictionary.h"
#include "tests/unit/core_stage.h"

static struct dictionary *open_dictionary(void)
{
	struct dictionary *d;

	ck_assert_int_eq(dictionary_open(folder, &d), 0);
	return d;
}

static uint32_t series(struct dictionary *d, uint32_t check, unsigned i)
{
	char key[64];
	uint32_t number = 0;
	int n = snprintf(key, sizeof(key), "the key of series %u", i);

	ck_assert_int_eq(dictionary_series(d, check, key, (size_t)n, &number), 0);
	return number;
}

START_TEST(test_numbers_last)
{
	struct dictionary *d = open_dictionary();
	uint32_t a, b, again, numbers[500];
	const char *name, *plugin;

	ck_assert_int_eq(dictionary_check(d, "disk", "disk", &a), 0);
	ck_assert_int_eq(dictionary_check(d, "other", "disk", &b), 0);
	ck_assert_uint_ne(a, b);
	for (unsigned i = 0; i < 500; i++)
		numbers[i] = series(d, i % 2 ? a : b, i);
	ck_assert_int_eq(dictionary_sync(d), 0);
	for (int round = 0; round < 3; round++) {
		dictionary_free(d);
		d = open_dictionary();
		for (unsigned i = 0; i < 500; i++)
			ck_assert_uint_eq(series(d, i % 2 ? a : b, i), numbers[i]);
		ck_assert_uint_ne(series(d, a, 0), numbers[0]);		/* of another check */
		ck_assert_int_eq(dictionary_check(d, "disk", "disk", &again), 0);
		ck_assert_uint_eq(again, a);
		ck_assert(dictionary_check_name(d, b, &name, &plugin));
		ck_assert_str_eq(name, "other");
		ck_assert_str_eq(plugin, "disk");
		ck_assert_int_eq(dictionary_sync(d), 0);
	}
	ck_assert_uint_eq(complaints, 0);
	dictionary_free(d);
}
END_TEST

static void flip(unsigned bit)
{
	char path[PATH_MAX] = "";
	DIR *dir = opendir(folder);
	struct dirent *e;
	uint8_t byte;
	int fd;

	while ((e = readdir(dir)))
		if (!strncmp(e->d_name, "dictionary-", 11))
			snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
	closedir(dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(pread(fd, &byte, 1, bit / 8), 1);
	byte ^= (uint8_t)(1u << bit % 8);
	ck_assert_int_eq(pwrite(fd, &byte, 1, bit / 8), 1);
	close(fd);
}

START_TEST(test_r08_a_damaged_name_gives_no_number_to_another)
{
	srand(8);
	for (int round = 0; round < 50; round++) {
		struct dictionary *d = open_dictionary();
		uint32_t numbers[20], check, same, now, changed = 0;

		dictionary_check(d, "disk", "disk", &check);
		for (unsigned i = 0; i < 20; i++)
			numbers[i] = series(d, check, i);
		ck_assert_int_eq(dictionary_sync(d), 0);
		dictionary_free(d);
		flip((unsigned)rand() % 8000);
		complaints = 0;
		d = open_dictionary();
		dictionary_check(d, "disk", "disk", &same);
		for (unsigned i = 0; i < 20; i++) {
			now = series(d, same, i);
			changed += now != numbers[i];
			for (unsigned k = 0; k < 20; k++)
				ck_assert_msg(k == i || now != numbers[k], "number %u now means another series", now);
		}
		ck_assert_uint_le(changed, same == check ? 1 : 20);	/* a check with a new number has new series */
		ck_assert_uint_eq(complaints, 1);
		ck_assert_int_eq(dictionary_sync(d), 0);
		dictionary_free(d);
		teardown();
		setup();
	}
}
END_TEST

START_TEST(test_one_check_cannot_take_all_numbers)
{
	struct dictionary *d = open_dictionary();
	uint32_t greedy, modest, number;

	dictionary_check(d, "greedy", "p", &greedy);
	dictionary_check(d, "modest", "p", &modest);
	for (unsigned i = 0; i < DICTIONARY_OF_CHECK; i++)
		series(d, greedy, i);
	ck_assert_int_eq(dictionary_series(d, greedy, "one more", 8, &number), -ENOSPC);
	series(d, modest, 1);
	series(d, greedy, 5);		/* what is known stays known */
	dictionary_free(d);
}
END_TEST

static int sync_fails;

static int failing_sync(int fd)
{
	if (sync_fails) {
		errno = EIO;
		return -1;
	}
	return fdatasync(fd);
}

static int plain_open(const char *path, int flags, mode_t mode)
{
	return open(path, flags, mode);
}

static const struct disk_calls failing = {plain_open, write, failing_sync, rename, unlink};

START_TEST(test_r07_a_dictionary_whose_sync_failed_is_written_anew)
{
	struct dictionary *d = open_dictionary();
	uint32_t check, numbers[3];

	dictionary_check(d, "disk", "disk", &check);
	numbers[0] = series(d, check, 0);
	ck_assert_int_eq(dictionary_sync(d), 0);
	disk_use(&failing);
	sync_fails = 1;
	numbers[1] = series(d, check, 1);
	ck_assert_int_eq(dictionary_sync(d), -EIO);
	numbers[2] = series(d, check, 2);
	ck_assert_int_eq(dictionary_sync(d), -EIO);
	sync_fails = 0;
	ck_assert_int_eq(dictionary_sync(d), 0);
	disk_use(NULL);
	dictionary_free(d);
	d = open_dictionary();
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(series(d, check, i), numbers[i]);
	dictionary_free(d);
}
END_TEST

static void add(TCase *tc)
{
	T(test_numbers_last);
	T(test_r08_a_damaged_name_gives_no_number_to_another);
	T(test_one_check_cannot_take_all_numbers);
	T(test_r07_a_dictionary_whose_sync_failed_is_written_anew);
}

int main(void)
{
	return suite_main("core, dictionary", setup, teardown, 120, add);
}
