/* plugins/antivirus: headers, dates, configuration and logs of ClamAV, Defender's health, logs that grow and rotate. */
#define _GNU_SOURCE
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "plugins/antivirus/clamconf.h"
#include "plugins/antivirus/clamd.h"
#include "plugins/antivirus/cvd.h"
#include "plugins/antivirus/dates.h"
#include "plugins/antivirus/health.h"
#include "plugins/antivirus/logs.h"
#include "plugins/antivirus/tail.h"

static int header(const char *text, struct cvd *ret)
{
	char head[CVD_HEADER];

	memset(head, ' ', sizeof(head));
	memcpy(head, text, strlen(text));
	return cvd_parse(head, sizeof(head), ret);
}

START_TEST(a_database_tells_its_age)
{
	struct cvd c = {0};

	ck_assert_int_eq(header("ClamAV-VDB:13 Nov 2025 08-30 +0000:27821:2077000:90:abc:d+/s:raynman:1763022601", &c),
			 0);
	ck_assert_uint_eq(c.version, 27821);
	ck_assert_uint_eq(c.signatures, 2077000);
	ck_assert_int_eq(c.built, 1763022601);
	/* without seconds: the date, with its zone */
	ck_assert_int_eq(header("ClamAV-VDB:13 Nov 2025 09-30 +0100:27821:2077000:90:abc:d:raynman", &c), 0);
	ck_assert_int_eq(c.built, 1763022600);
	ck_assert_int_eq(header("ClamAV-VDB:13 Nov 2025 08-30 +0000:1:2:90:abc:d:raynman:", &c), 0);
	ck_assert_int_eq(c.built, 1763022600);
}
END_TEST

START_TEST(a_broken_header_is_refused)
{
	static const char *const broken[] = {
		"", "ClamAV-VDB", "ClamAV-VDB:", "ClamAV-VDB:13 Nov 2025 08-30 +0000:1",
			"ClamAV-VDC:13 Nov 2025 08-30 +0000:1:2:3:4:5:6:7",
		"ClamAV-VDB:13 Nov 2025 08-30 +0000:-1:2:3:4:5:6:7",
			"ClamAV-VDB:13 Nov 2025 08-30 +0000:4294967296:2:3:4:5:6:7",
		"ClamAV-VDB:13 Nov 2025 08-30 +0000:1x:2:3:4:5:6:7", "ClamAV-VDB:13 Nux 2025 08-30 +0000:1:2:3:4:5:6",
		"ClamAV-VDB:32 Nov 2025 08-30 +0000:1:2:3:4:5:6:", "ClamAV-VDB::1:2:3:4:5:6:99999999999999999999",
	};
	struct cvd c = {.version = 7};
	char head[CVD_HEADER];

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		ck_assert_msg(header(broken[i], &c) == -EBADMSG, "taken: %s", broken[i]);
	memset(head, ':', sizeof(head));
	ck_assert_int_eq(cvd_parse(head, sizeof(head), &c), -EBADMSG);
	ck_assert_int_eq(cvd_parse("ClamAV-VDB:", 11, &c), -EBADMSG);
	ck_assert_uint_eq(c.version, 7);
}
END_TEST

START_TEST(dates_are_read_without_a_locale)
{
	int64_t t;

	setenv("TZ", "Asia/Taipei", 1);
	setenv("LC_ALL", "zh_TW.UTF-8", 1);
	tzset();
	ck_assert_int_eq(dates_ctime("Tue Jul  1 08:30:00 2025", &t), 0);
	ck_assert_int_eq(t, 1751329800);
	ck_assert_int_eq(dates_scan("2025:07:01 08:30:00", &t), 0);
	ck_assert_int_eq(t, 1751329800);
	ck_assert_int_eq(dates_cvd("01 Jul 2025 08-30 +0800", &t), 0);
	ck_assert_int_eq(t, 1751329800);
	ck_assert_int_eq(dates_ctime("Tue Jul 1 08:30:00 2025", &t), -EINVAL);
	ck_assert_int_eq(dates_ctime("", &t), -EINVAL);
	ck_assert_int_eq(dates_ctime("Tue anF  1 08:30:00 2025", &t), -EINVAL);
	ck_assert_int_eq(dates_scan("2025:13:01 08:30:00", &t), -EINVAL);
	ck_assert_int_eq(dates_scan("2025:07:01 24:30:00", &t), -EINVAL);
	setenv("TZ", "UTC", 1);
	tzset();
}
END_TEST

START_TEST(clamd_says_what_it_has_loaded)
{
	static const char *const broken[] = {"", "ClamAV ", "ClamAV /1/x", "UNKNOWN COMMAND",
		"ClamAV 1.4.3/x/Tue Jul  1 08:30:00 2025",
		"ClamAV 1.4.3/27400", "ClamAV 1.4.3/27400/", "ClamAV 1.4.3/4294967296/Tue Jul  1 08:30:00 2025"};
	struct clamd c;

	setenv("TZ", "UTC", 1);
	tzset();
	ck_assert_int_eq(clamd_parse("ClamAV 1.4.3/27400/Tue Jul  1 08:30:00 2025\n", &c), 0);
	ck_assert(c.dated);
	ck_assert_str_eq(c.engine, "1.4.3");
	ck_assert_uint_eq(c.version, 27400);
	ck_assert_int_eq(c.built, 1751358600);
	ck_assert_int_eq(clamd_parse("ClamAV 1.4.6", &c), 0);
	ck_assert(!c.dated);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		ck_assert_int_eq(clamd_parse(broken[i], &c), -EBADMSG);
}
END_TEST

START_TEST(configuration_lines_are_read)
{
	char value[CLAMCONF_VALUE];

	ck_assert(clamconf_line("LocalSocket /run/clamav/clamd.ctl\r\n", "LocalSocket", value));
	ck_assert_str_eq(value, "/run/clamav/clamd.ctl");
	ck_assert(clamconf_line("\tLogFile \"/var/log/my clam.log\" \n", "LogFile", value));
	ck_assert_str_eq(value, "/var/log/my clam.log");
	ck_assert(!clamconf_line("LocalSocketGroup clamav\n", "LocalSocket", value));
	ck_assert(!clamconf_line("#LocalSocket /x\n", "LocalSocket", value));
	ck_assert(!clamconf_line("LocalSocket", "LocalSocket", value));
}
END_TEST

#define AT(t) "Fri Jan 16 " t " 2026 -> "
START_TEST(only_a_whole_update_is_a_success)
{
	static const char good[] = AT("23:00:40") "ClamAV update process started at Fri Jan 16 23:00:40 2026\n"
		AT("23:00:44") "daily.cld updated (version: 27882, sigs: 354806, f-level: 90, builder: x)\n"
		"WARNING: " AT("23:00:44") "Clamd was NOT notified: Can't connect to clamd\n";
	static const char bad[] = AT("23:30:00") "ClamAV update process started at Fri Jan 16 23:30:00 2026\n"
		AT("23:30:01") "main.cvd database is up-to-date (version: 63, sigs: 3287027, f-level: 90, builder: x)\n"
		"ERROR: " AT("23:30:05") "Can't download daily.cvd from database.clamav.net\n";
	static const char cooling[] = "WARNING: " AT("23:40:00") "FreshClam previously received error code 429 from the mirror\n"
		AT("23:40:00") "ClamAV update process started at Fri Jan 16 23:40:00 2026\n";
	char text[4096];
	int64_t t = 0;

	setenv("TZ", "UTC", 1);
	tzset();
	ck_assert_int_eq(logs_last_update(good, &t), 0);
	ck_assert_int_eq(t, 1768604440);
	ck_assert_int_eq(logs_last_update(bad, &t), -ENODATA);
	ck_assert_int_eq(logs_last_update(cooling, &t), -ENODATA);
	snprintf(text, sizeof(text), "torn -> line\n%s%s%s", good, bad, cooling);
	ck_assert_int_eq(logs_last_update(text, &t), 0);
	ck_assert_int_eq(t, 1768604440);
	ck_assert_int_eq(logs_last_update("", &t), -ENODATA);
}
END_TEST

static bool note(const char *file, const char *signature, void *arg)
{
	char *text = arg;

	if (!strcmp(signature, "Full"))
		return false;
	snprintf(text + strlen(text), 512 - strlen(text), "[%s|%s]", file, signature);
	return true;
}

#define SUMMARY_AT(n, date) "\n----------- SCAN SUMMARY -----------\nKnown viruses: 1\nInfected files: " n "\n" \
	"Time: 0.007 sec (0 m 0 s)\nStart Date: " date "\nEnd Date:   " date "\n"
START_TEST(a_scan_and_its_findings)
{
	static const char two[] = "/a: X FOUND\n" SUMMARY_AT("1", "2026:11:17 02:00:00")
		"\n-------------------------------------------------------------------------------\n\n"
		"/srv/a: b.com: Test.EICAR FOUND\n/srv/ok: OK\n" SUMMARY_AT("2", "2026:11:24 02:00:00")
		"/srv/later: Test.EICAR FOUND\n\n----------- SCAN SUMMARY -----------\nInfected files: 9\n";
	static const char lines[] = "Tue Nov 24 02:00:00 2026 -> /home/x: Win.Test-1(44d8:68) FOUND\n"
		"/a: two words FOUND\n: X FOUND\nX FOUND\n FOUND\nFOUND\n/torn: X FOU";
	struct scan s;
	char found[512] = "";

	setenv("TZ", "UTC", 1);
	tzset();
	ck_assert_int_eq(logs_last_scan(two, &s), 0);
	ck_assert_uint_eq(s.infected, 2);
	ck_assert_int_eq(s.ended, 1795485600);
	logs_detections(two + s.begins, strlen(two) - s.begins, note, found);
	ck_assert_str_eq(found, "[/srv/a: b.com|Test.EICAR][/srv/later|Test.EICAR]");
	ck_assert_int_eq(logs_last_scan("----------- SCAN SUMMARY -----------\nInfected files: 9\n", &s), -ENODATA);
	found[0] = '\0';
	ck_assert_uint_eq(logs_detections(lines, strlen(lines), note, found), strlen(lines) - strlen("/torn: X FOU"));
	ck_assert_str_eq(found, "[/home/x|Win.Test-1(44d8:68)]");
}
END_TEST

static size_t take(const char *text, size_t size, void *arg)
{
	return logs_detections(text, size, note, arg);
}

static void append(const char *path, const char *text)
{
	FILE *f = fopen(path, "a");

	fputs(text, f);
	fclose(f);
}

START_TEST(a_log_is_read_on_through_rotation)
{
	char dir[] = "/tmp/beadle-tail-XXXXXX", path[64], old[64], state[64], found[512] = "";
	struct tail_mark mark = {0}, back;
	char text[TAIL_TEXT];
	FILE *file;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	snprintf(old, sizeof(old), "%s/log.1", dir);
	snprintf(state, sizeof(state), "%s/state", dir);
	append(path, "/1: X FOUND\n/2: X FO");
	ck_assert_int_eq(tail_follow(path, &mark, 1 << 20, take, found), 0);
	ck_assert_str_eq(found, "[/1|X]");
	append(path, "UND\n");
	file = fopen(state, "we");
	ck_assert_uint_eq(fwrite(text, 1, (size_t)tail_text(&mark, text), file), strlen(text));
	fclose(file);
	ck_assert_int_eq(tail_load(state, &back), 0);
	ck_assert_int_eq(tail_follow(path, &back, 1 << 20, take, found), 0);
	ck_assert_str_eq(found, "[/1|X][/2|X]");
	append(path, "/f: Full FOUND\n");
	ck_assert_int_eq(tail_follow(path, &back, 1 << 20, take, found), 0);
	ck_assert_uint_eq(back.offset, strlen("/1: X FOUND\n/2: X FOUND\n"));	/* it waits */
	ck_assert_int_eq(truncate(path, (off_t)back.offset), 0);
	append(path, "/3: X FOUND\n");
	rename(path, old);
	append(path, "/4: X FOUND\n");
	ck_assert_int_eq(tail_follow(path, &back, 1 << 20, take, found), 0);
	ck_assert_int_eq(tail_follow(path, &back, 1 << 20, take, found), 0);
	ck_assert_str_eq(found, "[/1|X][/2|X][/3|X][/4|X]");
	ck_assert_int_eq(truncate(path, 0), 0);
	append(path, "/5: X FOUND\n");
	ck_assert_int_eq(truncate(path, 11), 0);
	append(path, "\n");
	back.offset = 13;
	ck_assert_int_eq(tail_follow(path, &back, 1 << 20, take, found), 0);
	ck_assert_str_eq(found + strlen(found) - 6, "[/5|X]");
	unlink(path);
	ck_assert_int_eq(tail_follow(path, &back, 1 << 20, take, found), -ENOENT);
	append(state, "");
	ck_assert_int_eq(truncate(state, 3), 0);
	ck_assert_int_eq(tail_load(state, &back), -EBADMSG);
	unlink(old);
	unlink(state);
	rmdir(dir);
}
END_TEST

static int health(const char *json, struct health *ret)
{
	return health_parse(json, strlen(json), 1000000, ret);
}

START_TEST(defender_speaks_json)
{
	struct health h;

	ck_assert_int_eq(health("{\"realTimeProtectionEnabled\": {\"source\": \"managed\", \"value\": true}, \"engineVersion\": \"1.1.2\","
				"\"definitionsUpdatedMinutesAgo\": 90, \"definitionsVersion\": \"1.375\"}", &h), 0);
	ck_assert(h.realtime && h.updated == 5400);
	ck_assert_str_eq(h.engine, "1.1.2");
	ck_assert_int_eq(health("{\"realTimeProtectionEnabled\": false, \"definitionsUpdated\": \"999400000\"}", &h),
			 0);
	ck_assert(!h.realtime && h.updated == 600 && !*h.engine);
	ck_assert_int_eq(health("{\"realTimeProtectionEnabled\": false}", &h), 0);
	ck_assert_int_eq(h.updated, -1);
	ck_assert_int_eq(health("{}", &h), -EBADMSG);
	ck_assert_int_eq(health("[]", &h), -EBADMSG);
	ck_assert_int_eq(health("Could not connect to the daemon", &h), -EBADMSG);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("antivirus");
	TCase *t = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, t);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_database_tells_its_age);
	tcase_add_test(t, a_broken_header_is_refused);
	tcase_add_test(t, dates_are_read_without_a_locale);
	tcase_add_test(t, clamd_says_what_it_has_loaded);
	tcase_add_test(t, configuration_lines_are_read);
	tcase_add_test(t, only_a_whole_update_is_a_success);
	tcase_add_test(t, a_scan_and_its_findings);
	tcase_add_test(t, a_log_is_read_on_through_rotation);
	tcase_add_test(t, defender_speaks_json);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
