/* collector/setup: what the launcher takes from collector.yaml, and which settings it does not take from anybody. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/setup/settings_file.h"
#include "io.h"
#include "log.h"
#include "tests/unit/folder.h"

static char folder[64], file[96];
static struct settings settings;

static void begin(void)
{
	strcpy(folder, "/tmp/beadle-setup-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/collector.yaml", folder);
	memset(&settings, 0, sizeof(settings));
}

static void end(void)
{
	ck_assert_int_eq(folder_remove(folder), 0);
}

static int parse(const char *text)
{
	ck_assert_int_eq(io_replace_file(file, text, strlen(text), 0600), 0);
	return settings_parse(file, false, &settings);
}

static const char *spelled(const struct sockaddr_storage *a)
{
	static char text[80];
	char host[INET6_ADDRSTRLEN];
	const struct sockaddr_in *four = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)a;

	inet_ntop(a->ss_family, a->ss_family == AF_INET6 ? (const void *)&six->sin6_addr : (const void *)&four->sin_addr, host, sizeof(host));
	snprintf(text, sizeof(text), "%s %u", host, ntohs(a->ss_family == AF_INET6 ? six->sin6_port : four->sin_port));
	return text;
}

START_TEST(a_school_is_enough)
{
	ck_assert_int_eq(parse("school: twvs\n"), 0);
	ck_assert_str_eq(settings.state, "/var/lib/beadle/collector");
	ck_assert_str_eq(settings.school, "twvs");
	ck_assert_str_eq(settings.name, "collector");
	ck_assert_str_eq(spelled(&settings.agents), ":: 7411");
	ck_assert_str_eq(spelled(&settings.enrolment), ":: 7412");
	ck_assert_str_eq(spelled(&settings.web), ":: 8443");
	ck_assert_uint_ge(settings.hosts_n, 3);
	ck_assert_ptr_null(settings_wrong(&settings));
}
END_TEST

START_TEST(what_stands_there_is_taken)
{
	ck_assert_int_eq(parse("school: twvs\nname: second\nstate: /srv/b\ndashboard: [b.school.example, 192.0.2.1]\n"
			       "listen: {agents: \"192.0.2.1:1\", enrolment: \":65535\", web: \"[2001:db8::1]:0\"}\n"), 0);
	ck_assert_str_eq(settings.state, "/srv/b");
	ck_assert_str_eq(settings.name, "second");
	ck_assert_str_eq(spelled(&settings.agents), "192.0.2.1 1");
	ck_assert_str_eq(spelled(&settings.enrolment), ":: 65535");
	ck_assert_str_eq(spelled(&settings.web), "2001:db8::1 0");
	ck_assert_uint_eq(settings.hosts_n, 2);
	ck_assert_str_eq(settings.hosts[1], "192.0.2.1");
}
END_TEST

static const char *const mistakes[] = {
	"", "school: [a]\n", "school: twvs\nstate: b\n", "school: twvs\nlisten: {agents: here}\n",
	"school: twvs\nlisten: {agents: \"a.example:1\"}\n", "school: twvs\nlisten: {web: \"192.0.2.1:65536\"}\n",
	"school: twvs\nlisten: {web: \"192.0.2.1:http\"}\n", "school: twvs\nlisten: {agent: \"192.0.2.1:1\"}\n", "school: twvs\nschool: twvs\n",
	"school: a-name-that-is-longer-than-the-sixty-three-bytes-which-there-are-for-it\n",
	"school: twvs\ndashboard: [a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q]\n",
};

START_TEST(a_mistake_is_not_taken)
{
	ck_assert_int_eq(parse(mistakes[_i]), -EINVAL);
}
END_TEST

START_TEST(of_a_file_that_is_no_yaml_others_tell)
{
	ck_assert_int_eq(parse("school: {\n"), -EINVAL);
	ck_assert_int_eq(settings_parse(file, true, &settings), -EINVAL);
	ck_assert_int_eq(parse("listen: {agents: \"192.0.2.1:1\"}\n"), -EINVAL);
	ck_assert_int_eq(settings_parse(file, true, &settings), 0);
}
END_TEST

static void unended(char *text, size_t room) { memset(text, 'a', room); }

/* What a reader that was taken over might hand up. */
START_TEST(what_cannot_be_is_not_taken_from_anybody)
{
	struct settings s;

	ck_assert_int_eq(parse("school: twvs\n"), 0);
#define WRONG(change, why) \
	do { s = settings; change; ck_assert_pstr_eq(settings_wrong(&s), why); } while (0)
	WRONG((void)0, NULL);
	WRONG(unended(s.state + 1, sizeof(s.state) - 1), "state");
	WRONG(s.state[0] = 0, "state");
	WRONG(s.state[0] = 'v', "state");
	WRONG(unended(s.school, sizeof(s.school)), "name");
	WRONG(unended(s.name, sizeof(s.name)), "name");
	WRONG(s.name[0] = 0, "name");
	WRONG(s.hosts_n = 0, "number of hosts");
	WRONG(s.hosts_n = SETTINGS_HOSTS + 1, "number of hosts");
	WRONG(s.hosts_n = (size_t)-1, "number of hosts");
	WRONG(unended(s.hosts[1], sizeof(s.hosts[1])), "host");
	WRONG(s.agents.ss_family = AF_UNIX, "address");
	WRONG(s.enrolment.ss_family = AF_NETLINK, "address");
	WRONG(s.web.ss_family = 0, "address");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("setup");
	TCase *t = tcase_create("settings");
	SRunner *runner;
	int failed;

	log_open("test");
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, a_school_is_enough);
	tcase_add_test(t, what_stands_there_is_taken);
	tcase_add_loop_test(t, a_mistake_is_not_taken, 0, sizeof(mistakes) / sizeof(*mistakes));
	tcase_add_test(t, of_a_file_that_is_no_yaml_others_tell);
	tcase_add_test(t, what_cannot_be_is_not_taken_from_anybody);
	suite_add_tcase(s, t);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
