/* test_disk.c - the tables of mounts: parsing, one mount for each file system, what hides what. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/disk/mounts.h"
#include "plugins/disk/writable.h"

static struct mounts parse(const char *text)
{
	struct mounts mounts;

	ck_assert_int_eq(mounts_parse(strdup(text), &mounts), 0);
	return mounts;
}

static const struct mount *find(const struct mounts *mounts, const char *dir)
{
	for (size_t i = 0; i < mounts->n; i++)
		if (strcmp(mounts->at[i].dir, dir) == 0)
			return &mounts->at[i];
	return NULL;
}

START_TEST(names_are_bytes)
{
	struct mounts mounts = parse(
		"36 35 98:0 /sub\\134dir /a\\040b\\011\xff rw shared:1 master:2 - ext4 /dev/my\\040disk rw\n"
		"37 36 0:40 / /empty rw - tmpfs  rw\n");

	ck_assert_uint_eq(mounts.n, 2);
	ck_assert_str_eq(mounts.at[0].root, "/sub\\dir");
	ck_assert_str_eq(mounts.at[0].dir, "/a b\t\xff");
	ck_assert_str_eq(mounts.at[0].source, "/dev/my disk");
	ck_assert_uint_eq(mounts.at[0].major, 98);
	ck_assert_str_eq(mounts.at[1].type, "tmpfs");
	ck_assert_str_eq(mounts.at[1].source, "");
	mounts_free(&mounts);
}
END_TEST

START_TEST(what_is_no_table_is_refused)
{
	static const char *const bad[] = {"x", "36 35 98:0 / /a rw ext4 /dev/x rw", "36 35 98 / /a rw - ext4 /dev/x rw",
					  "36 35\n"};
	struct mounts mounts;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_int_eq(mounts_parse(strdup(bad[i]), &mounts), -EBADMSG);
}
END_TEST

START_TEST(a_file_system_counts_once)
{
	struct mounts mounts = parse(
		"20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
		"21 20 8:1 /srv/data /data rw - ext4 /dev/sda1 rw\n"		/* bind mount */
		"22 20 0:30 /@home /home rw - btrfs /dev/sdb rw\n"		/* subvolumes, and the whole */
		"23 20 0:30 /@srv /srv rw - btrfs /dev/sdb rw\n"
		"24 20 0:30 / /pool rw - btrfs /dev/sdb rw\n"
		"25 20 0:41 / /n1 rw - nfs4 server:/export rw\n"
		"26 20 0:42 / /n2 ro - nfs4 server:/export ro\n"		/* the same share again */
		"27 20 0:43 / /n3 ro - nfs4 server:/other ro\n"
		"28 20 0:44 / /t1 rw - tmpfs tmpfs rw\n"
		"29 20 0:45 / /t2 rw - tmpfs tmpfs rw\n");

	mounts_unique(&mounts);
	ck_assert_uint_eq(mounts.n, 6);
	ck_assert(find(&mounts, "/") && find(&mounts, "/pool") && find(&mounts, "/n1") && find(&mounts, "/n3") &&
		  find(&mounts, "/t1") && find(&mounts, "/t2"));
	mounts_free(&mounts);
}
END_TEST

START_TEST(what_is_covered_is_left_out)
{
	struct mounts mounts = parse(
		"1 0 0:1 / / rw - rootfs rootfs rw\n"
		"20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
		"21 20 8:2 / /a/b rw - ext4 /dev/sda2 rw\n"
		"22 21 8:3 / /a/b/c rw - ext4 /dev/sda3 rw\n"
		"23 20 8:4 / /a rw - ext4 /dev/sda4 rw\n"			/* hides both */
		"24 20 8:5 / /x rw - ext4 /dev/sda5 rw\n"
		"25 24 8:6 / /x rw - ext4 /dev/sda6 rw\n"			/* on top of it */
		"26 20 8:7 / /ab rw - ext4 /dev/sda7 rw\n");

	mounts_unique(&mounts);
	ck_assert_uint_eq(mounts.n, 4);
	ck_assert_str_eq(find(&mounts, "/")->type, "ext4");
	ck_assert_uint_eq(find(&mounts, "/a")->minor, 4);
	ck_assert_uint_eq(find(&mounts, "/x")->minor, 6);
	ck_assert_ptr_nonnull(find(&mounts, "/ab"));
	mounts_free(&mounts);
}
END_TEST

START_TEST(a_disk_below_a_share_is_guarded_too)
{
	struct mounts mounts = parse(
		"22 21 8:3 / /n/disk/more rw - xfs /dev/sdc rw\n"
		"21 23 8:2 / /n/disk rw - ext4 /dev/sdb rw\n"
		"20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
		"23 20 0:40 / /n rw - nfs4 server:/export rw\n"
		"24 20 0:41 / /auto rw - autofs systemd-1 rw\n"
		"26 20 8:5 / /ro ro - ext4 /dev/sdd rw,errors=remount-ro\n"
		"27 20 8:6 / /broken rw - ext4 /dev/sde ro,errors=remount-ro\n"
		"25 20 0:42 / /f rw - fuse.sshfs me@there: rw\n");

	ck_assert(!find(&mounts, "/ro")->readonly && find(&mounts, "/broken")->readonly);
	ck_assert(find(&mounts, "/n")->remote && find(&mounts, "/n/disk")->remote &&
		  find(&mounts, "/n/disk/more")->remote);
	ck_assert(find(&mounts, "/f")->remote);
	ck_assert(!find(&mounts, "/")->remote && !find(&mounts, "/auto")->remote);
	mounts_free(&mounts);
}
END_TEST

START_TEST(fstab_says_what_is_wanted)
{
	struct fstab fstab;

	ck_assert_int_eq(fstab_parse(strdup(
		"# comment\n\nUUID=1 /\text4\tdefaults,errors=remount-ro 0 1\n/dev/b /my\\040data/ xfs noauto,ro\n"
		"/dev/c none swap sw 0 0\n  /dev/d   /srv   ext4\nbroken"), &fstab), 0);
	ck_assert_uint_eq(fstab.n, 3);
	ck_assert(!fstab_find(&fstab, "/")->readonly && fstab_find(&fstab, "/")->automatic);
	ck_assert(fstab_find(&fstab, "/my data")->readonly && !fstab_find(&fstab, "/my data")->automatic);
	ck_assert(fstab_find(&fstab, "/srv") && !fstab_find(&fstab, "none"));
	fstab_free(&fstab);
}
END_TEST

/* As in a chroot, where the table begins with what is mounted below. */
START_TEST(the_root_is_there_whether_the_table_names_it_or_not)
{
	struct mounts mounts = parse("22 20 0:30 / /home rw - tmpfs none rw\n"), named = parse("20 1 8:1 / / rw - ext4 /dev/sda1 rw\n");

	ck_assert_int_eq(mounts_add_root(&mounts), 0);
	ck_assert_int_eq(mounts_add_root(&mounts), 0);
	ck_assert_uint_eq(mounts.n, 2);
	ck_assert_str_eq(mounts.at[0].dir, "/");
	mounts_unique(&mounts);
	ck_assert(find(&mounts, "/") && find(&mounts, "/home") && !find(&mounts, "/")->remote);
	ck_assert_int_eq(mounts_add_root(&named), 0);
	ck_assert_uint_eq(named.n, 1);
	mounts_free(&mounts);
	mounts_free(&named);
}
END_TEST

START_TEST(writable_mounts_are_remembered_until_they_go)
{
	struct writable w = {0};
	char path[] = "writable.XXXXXX", *text;
	int fd = mkstemp(path);
	size_t n;

	writable_add(&w, "/a b\n\\\xfe", "/dev/x");
	writable_add(&w, "/c", "");
	writable_add(&w, "/c", "");
	ck_assert_uint_eq(w.n, 2);
	ck_assert_int_eq(writable_text(&w, &text, &n), 0);
	ck_assert(write(fd, text, n) == (ssize_t)n && close(fd) == 0);
	free(text);
	writable_clear(&w);

	writable_load(&w, path);
	ck_assert(!w.changed && writable_has(&w, "/a b\n\\\xfe", "/dev/x") && writable_has(&w, "/c", ""));
	writable_begin(&w);
	writable_seen(&w, "/c", "");
	writable_forget(&w);
	ck_assert(w.changed && w.n == 1 && writable_has(&w, "/c", "") && !writable_has(&w, "/c", "other"));
	writable_clear(&w);
	unlink(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("disk");
	TCase *tc = tcase_create("tables");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, names_are_bytes);
	tcase_add_test(tc, what_is_no_table_is_refused);
	tcase_add_test(tc, a_file_system_counts_once);
	tcase_add_test(tc, what_is_covered_is_left_out);
	tcase_add_test(tc, a_disk_below_a_share_is_guarded_too);
	tcase_add_test(tc, fstab_says_what_is_wanted);
	tcase_add_test(tc, the_root_is_there_whether_the_table_names_it_or_not);
	tcase_add_test(tc, writable_mounts_are_remembered_until_they_go);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
