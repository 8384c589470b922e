/* plugins/patch: what the package managers print, the table of pending updates, tables of releases, kernels. */
#define _GNU_SOURCE
#include <check.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "plugins/patch/fingerprint.h"
#include "plugins/patch/history.h"
#include "plugins/patch/pending.h"
#include "plugins/patch/reboot.h"
#include "plugins/patch/support.h"
#include "plugins/patch/updates.h"
#include "tests/unit/folder.h"

static bool is_security(const char *origin, void *arg)
{
	return !fnmatch("*-security", origin, 0) || !fnmatch("Debian-Security:*", origin, 0);
}

START_TEST(apt_lines)
{
	static const struct { const char *line, *name; bool security; } cases[] = {
		{"Inst bash [5.2.15-2+b8] (5.2.15-2+b13 Debian:12.15/oldstable [amd64])", "bash", false},
		{"Inst perl [5.36] (5.36.0-7+deb12u4 Debian-Security:12/oldstable-security [amd64]) []", "perl", true},
		{"Inst libc6:i386 [2.36-9] (2.36-10 Debian:12.15/oldstable, Debian-Security:12/x [i386])", "libc6:i386",
			true},
		{"Inst vim [2:8] (2:9 Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64])", "vim", true},
		{"Inst libperl5.36 [5.36] (5.37 x [amd64]) [perl:amd64 ]", "libperl5.36", false},
		{"Inst linux-image-6.1.0-40-amd64 (6.1.153-1 Debian:12.15/oldstable [amd64])", NULL, false},
		{"Conf bash (5.2.15-2+b13 Debian:12.15/oldstable [amd64])", NULL, false},
		{"Remv bash [5.2]", NULL, false},
		{"Inst bash [5.2", NULL, false}, {"Inst", NULL, false}, {"Inst ", NULL, false}, {"", NULL, false},
		{"Inst b\x1b[2J [1] (2 x [amd64])", NULL, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[256];
		struct update u;
		bool is = (snprintf(line, sizeof(line), "%s", cases[i].line), updates_apt(line, is_security, NULL, &u));

		ck_assert_msg(is == !!cases[i].name, "%s", cases[i].line);
		if (is) {
			ck_assert_str_eq(u.name, cases[i].name);
			ck_assert_int_eq(u.security, cases[i].security);
		}
	}
}
END_TEST

START_TEST(dnf_lines)
{
	static const struct { const char *line, *name; bool security; } cases[] = {
		{"openssl-libs.x86_64    1:3.0.7-28.el9    baseos", "openssl-libs", false},
		{"Security: kernel-core-5.14 is an installed security update", NULL, false},
		{"Obsoleting Packages", NULL, false}, {"", NULL, false}, {"a.b c", NULL, false},
		{"RHSA-2024:1234 Important/Sec. openssl-libs-1:3.0.7-28.el9.x86_64", "openssl-libs", true},
		{"TEST-1 security/Sec. x", NULL, true}, {"TEST-1 bugfix bash-5-1.x86_64", NULL, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[256];
		struct update u;
		bool is;

		snprintf(line, sizeof(line), "%s", cases[i].line);
		is = cases[i].security ? updates_dnf_security(line, &u) : updates_dnf(line, &u);
		ck_assert_msg(is == !!cases[i].name, "%s", cases[i].line);
		if (is)
			ck_assert_str_eq(u.name, cases[i].name);
	}
}
END_TEST

static char dir[] = "/tmp/beadle-patch-XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[8][128];
	static int next;
	char *p = path[next++ % 8];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void set_up(void)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	setenv("TZ", "UTC", 1);
	tzset();
}

static void tear_down(void)
{
	ck_assert_int_eq(folder_remove(dir), 0);
}

START_TEST(first_dates_outlive_a_newer_version)
{
	char *text;
	size_t size;
	FILE *file;
	struct pending p = {0}, back;
	char name[16];

	pending_begin(&p);
	ck_assert_int_eq(pending_oldest(&p), 0);
	ck_assert_int_eq(pending_add(&p, "openssl", 1000), 0);
	ck_assert_int_eq(pending_add(&p, "openssl", 1000), 0);
	ck_assert_int_eq(pending_add(&p, "perl", 2000), 0);
	pending_end(&p);
	ck_assert_uint_eq(p.security_count, 2);
	p.fingerprint = UINT64_C(0xfedcba9876543210);
	p.count = 7;
	p.last_update = 5;
	ck_assert_int_eq(pending_text(&p, &text, &size), 0);
	file = fopen(in_dir("state"), "we");
	ck_assert_uint_eq(fwrite(text, 1, size, file), size);
	fclose(file);
	free(text);
	ck_assert_int_eq(pending_load(in_dir("state"), &back), 0);
	ck_assert(back.fingerprint == p.fingerprint && back.count == 7 && back.last_update == 5 &&
		  back.security_count == 2);

	pending_begin(&back);
	pending_add(&back, "openssl", 9000);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		ck_assert_int_eq(pending_add(&back, name, 9000), 0);
	}
	pending_end(&back);
	ck_assert_uint_eq(back.security_count, 301);
	ck_assert_int_eq(pending_oldest(&back), 1000);
	pending_begin(&back);
	pending_add(&back, "p299", 9500);
	pending_end(&back);
	ck_assert_int_eq(pending_oldest(&back), 9000);
	pending_free(&p);
	pending_free(&back);
	write_file("state", "beadle patch 1\nfingerprint 1 computed 2 last_update 3 pending 4\nsecurity x y\n");
	ck_assert_int_eq(pending_load(in_dir("state"), &back), -EBADMSG);
	write_file("state", "something else\n");
	ck_assert_int_eq(pending_load(in_dir("state"), &back), -EBADMSG);
	ck_assert_int_eq(pending_load(in_dir("none"), &back), -ENOENT);
}
END_TEST

START_TEST(a_fingerprint_changes_with_the_files)
{
	uint64_t a = 1, b = 1, c = 1;

	write_file("one", "1");
	write_file("two", "2");
	fingerprint_folder(&a, dir, "");
	fingerprint_folder(&b, dir, "");
	ck_assert(a == b);
	write_file("lock", "");
	b = 1;
	fingerprint_folder(&b, dir, "");
	ck_assert(a == b);
	write_file("two", "22");
	fingerprint_folder(&c, dir, "");
	ck_assert(a != c);
	b = c = 1;
	fingerprint_file(&b, dir, "/three");
	write_file("three", "");
	fingerprint_file(&c, dir, "/three");
	ck_assert(b != c);
}
END_TEST

START_TEST(support_ends_with_its_day)
{
	struct release r;
	int64_t until = 0;

	write_file("os-release",
		   "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n");
	write_file("debian.csv", "version,codename,series,created,release,eol,eol-lts,eol-elts\n"
		"12,Bookworm,bookworm,2021-08-14,2023-06-10,2026-07-11,2028-06-30,2033-06-30\n,Sid,sid,1993-08-16,,,,\n");
	ck_assert_int_eq(support_release(in_dir("os-release"), &r), 0);
	ck_assert_str_eq(r.name, "Debian GNU/Linux 12 (bookworm)");
	ck_assert_int_eq(support_until(dir, &r, SUPPORT_STANDARD, &until), 0);
	ck_assert_int_eq(until, 1783814400);	/* 2026-07-12 00:00 UTC */
	ck_assert_int_eq(support_until(dir, &r, SUPPORT_LTS, &until), 0);
	ck_assert_int_eq(until, 1846022400);	/* 2028-07-01 */
	ck_assert_int_eq(support_until(dir, &r, SUPPORT_EXTENDED, &until), 0);
	ck_assert_int_eq(until, 2003788800);	/* 2033-07-01 */
	strcpy(r.series, "sid");
	ck_assert_int_eq(support_until(dir, &r, SUPPORT_LTS, &until), -ENODATA);
	strcpy(r.id, "fedora");
	ck_assert_int_eq(support_until(dir, &r, SUPPORT_LTS, &until), -ENOENT);
	strcpy(r.support_end, "2028-06-30");
	ck_assert_int_eq(support_until(dir, &r, SUPPORT_LTS, &until), 0);
	ck_assert_int_eq(until, 1846022400);
}
END_TEST

START_TEST(a_newer_kernel_of_the_same_flavour)
{
	char newest[64];

	write_file("vmlinuz-6.1.0-9-amd64", "");
	write_file("vmlinuz-6.1.0-37-cloud-amd64", "");
	ck_assert(!reboot_newer_kernel(dir, "6.1.0-9-amd64", newest, sizeof(newest)));
	/* not installed: not ours to judge */
	ck_assert(!reboot_newer_kernel(dir, "6.0.0-1-amd64", newest, sizeof(newest)));
	write_file("vmlinuz-6.1.0-10-amd64", "");
	ck_assert(reboot_newer_kernel(dir, "6.1.0-9-amd64", newest, sizeof(newest)));
	ck_assert_str_eq(newest, "6.1.0-10-amd64");
	ck_assert(!reboot_newer_kernel(dir, "6.1.0-10-amd64", newest, sizeof(newest)));
	write_file("vmlinuz-5.14.0-362.el9.x86_64", "");
	write_file("vmlinuz-5.14.0-427.el9.x86_64", "");
	ck_assert(reboot_newer_kernel(dir, "5.14.0-362.el9.x86_64", newest, sizeof(newest)));
}
END_TEST

START_TEST(the_last_upgrade)
{
	int64_t when = 0;

	ck_assert_int_eq(history_dpkg(dir, &when), -ENODATA);
	write_file("dpkg.log", "2026-11-01 00:00:00 startup archives unpack\n2026-11-01 00:00:01 install x <none> 1\n");
	ck_assert_int_eq(history_dpkg(dir, &when), 0);
	ck_assert_int_eq(when, 1793491200);
	write_file("dpkg.log.1",
		   "2026-10-01 00:00:00 upgrade a 1 2\n2026-10-02 00:00:00 upgrade b 1 2\n2026-10-03 00:00:00 status b 1\n");
	ck_assert_int_eq(history_dpkg(dir, &when), 0);
	ck_assert_int_eq(when, 1790899200);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("patch");
	TCase *t = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, t);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, apt_lines);
	tcase_add_test(t, dnf_lines);
	tcase_add_test(t, first_dates_outlive_a_newer_version);
	tcase_add_test(t, a_fingerprint_changes_with_the_files);
	tcase_add_test(t, support_ends_with_its_day);
	tcase_add_test(t, a_newer_kernel_of_the_same_flavour);
	tcase_add_test(t, the_last_upgrade);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
