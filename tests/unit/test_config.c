/* Broken configurations (SECURITY C1): each costs one clear line with file, line, item and what is expected. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/config/metrics.h"
#include "agent/config/plan.h"
#include "lib/grant.h"
#include "lib/io.h"
#include "tests/unit/folder.h"

#define AGENT "collector: monitor.example:7411\nplugins: [" BUILD_TREE "/tests/plugins/bad]\n"
#define CHECKS "checks:\n  bad:\n    interval: 60s\n"

static char folder[64];

static void write_file(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	ck_assert_int_eq(io_replace_file(path, text, strlen(text), 0644), 0);
}

static void setup(void)
{
	char path[128];

	strcpy(folder, "/tmp/beadle-config-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	chmod(folder, 0755);
	snprintf(path, sizeof(path), "%s/agent.d", folder);
	ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void teardown(void)
{
	ck_assert_int_eq(folder_remove(folder), 0);
}

/* All that beadle-config would say. */
static struct problems *read_all(const char *agent, const char *checks)
{
	struct problems *p = problems_new();
	struct config config = {0};
	struct plugins plugins = {0};
	uint8_t *plan = NULL;
	char path[128], text[4096];
	size_t n;

	snprintf(text, sizeof(text), "%sstate: %s/state\n", agent, folder);
	write_file("agent.yaml", agent[0] == '#' ? agent : text);
	write_file("agent.d/a.yaml", checks);
	snprintf(path, sizeof(path), "%s/agent.yaml", folder);
	config_read(path, &config, p);
	plugins_ask(&plugins, &config, true, p);
	if (config.state && plan_pack(&config, &plugins, &plan, &n, p) == 0)
		free(plan);
	plugins_free(&plugins);
	config_free(&config);
	return p;
}

#define OPTIONS "checks:\n  bad:\n    options: "
#define CHECK "checks:\n  bad:\n    "

static const struct { const char *agent, *checks, *words;
} broken[] = {
	/* agent.yaml */
	{"# nothing\n", "", "agent.yaml:1: collector: is missing"},
	{"collector: monitor.example\n", "", "agent.yaml:1: collector: monitor.example: not an address (host:port"},
	{"collector: monitor.example:0\n", "", "agent.yaml:1: collector"},
	{"collector: monitor.example:70000\n", "", "agent.yaml:1: collector"},
	{"collector: \":7411\"\n", "", "agent.yaml:1: collector"},
	{"collector: 2001:db8::1:7411\n", "", "agent.yaml:1: collector"},
	{"collector: {host: a}\n", "", "agent.yaml:1: collector: a text or a list of texts"},
	{"collector:\n- a:1\n- [b]\n", "", "agent.yaml:3: collector: a text is expected"},
	{AGENT "colector: a:1\n", CHECKS, "agent.yaml:3: colector: is not known here (did you mean \"collector\"?)"},
	{AGENT "collector: b:1\n", CHECKS, "agent.yaml:3"},
	{AGENT "identity: relative/folder\n", CHECKS, "agent.yaml:3: identity: relative/folder: an absolute path"},
	{AGENT "identity: [a]\n", CHECKS, "agent.yaml:3: identity"},
	{"collector: a:1\nplugins: relative\n", "", "agent.yaml:2: plugins: relative: an absolute path"},
	{"collector: a:1\nplugins: {a: b}\n", "", "agent.yaml:2: plugins"},
	{AGENT "spool: 3\n", CHECKS, "agent.yaml:3: spool: expected a map"},
	{AGENT "spool: {measurements: 3}\n", CHECKS, "agent.yaml:3: measurements"},
	{AGENT "spool: {measurements: 1KiB}\n", CHECKS, "agent.yaml:3: measurements"},
	{AGENT "spool: {events: many}\n", CHECKS, "agent.yaml:3: events"},
	{AGENT "spool: {sync: 0}\n", CHECKS, "agent.yaml:3: sync"},
	{AGENT "spool: {sync: 1h}\n", CHECKS, "agent.yaml:3: sync"},
	{AGENT "connection: {silence: 2s}\n", CHECKS, "agent.yaml:3: silence"},
	{AGENT "connection: {heartbeat: 301s}\n", CHECKS, "agent.yaml:3: heartbeat"},
	{AGENT "spool: {sinc: 1s}\n", CHECKS, "did you mean \"sync\"?"},
	{AGENT "limits: {memory: 1}\n", CHECKS, "agent.yaml:3: memory"},
	{AGENT "limits: {memory: 1TiB}\n", CHECKS, "agent.yaml:3: memory"},
	{AGENT "limits: {processes: 0}\n", CHECKS, "agent.yaml:3: processes"},
	{AGENT "limits: {files: -5}\n", CHECKS, "agent.yaml:3: files"},
	{AGENT "limits: {file_size: 12 elephants}\n", CHECKS, "agent.yaml:3: file_size"},
	{AGENT "users: {first: 0}\n", CHECKS, "agent.yaml:3: first"},
	{AGENT "users: {first: root}\n", CHECKS, "agent.yaml:3: first"},
	{AGENT "  indented: wrong\n", CHECKS, "agent.yaml:"},
	{AGENT "a: &anchor b\n", CHECKS, "agent.yaml:3: anchors"},
	{AGENT "a: *alias\n", CHECKS, "agent.yaml:3"},
	{AGENT "a: !tag b\n", CHECKS, "agent.yaml:3: anchors (&name) and tags"},
	{AGENT "---\nb: c\n", CHECKS, "agent.yaml:"},
	{AGENT "a: \"open\n", CHECKS, "agent.yaml:"},
	{AGENT "\xff\xfe: b\n", CHECKS, "agent.yaml:"},
	{"# a list\n- a\n- b\n", CHECKS, "agent.yaml:"},
	/* agent.d */
	{AGENT, "checks: 3\n", "a.yaml:1: checks: expected a map"},
	{AGENT, "check:\n  bad: {}\n", "a.yaml:1: check: is not known here (did you mean \"checks\"?)"},
	{AGENT, "checks:\n  bad: 3\n", "a.yaml:2: bad: a map is expected"},
	{AGENT, "checks:\n  Bad: {plugin: bad}\n", "a.yaml:2: checks: Bad: not a name"},
	{AGENT, "checks:\n  ../bad: {plugin: bad}\n", "a.yaml:2: checks: ../bad: not a name"},
	{AGENT, "checks:\n  bad: {plugin: ../bad}\n", "a.yaml:2: plugin: ../bad: not a name"},
	{AGENT, "checks:\n  bad: {plugin: \"\"}\n", "a.yaml:2: plugin"},
	{AGENT, "checks:\n  bad: {}\n  bad: {}\n", "a.yaml:3"},
	{AGENT, "checks:\n  missing: {}\n", "a.yaml:2: missing: plugin missing: no missing.so in"},
	{AGENT, "checks:\n  appel: {}\n", "; did you mean \"apple\"?"},
	{AGENT, "checks:\n  bad_abi: {}\n", "made for a newer Beadle"},
	{AGENT, "checks:\n  bad_symbol: {}\n", "it has no symbol"},
	{AGENT, "checks:\n  bad_tables: {}\n", "lies outside the plugin's state"},
#ifndef SANITIZED
	{AGENT, "checks:\n  bad_constructor: {}\n", "a.yaml:2: plugin bad_constructor"},
#endif
	{AGENT, CHECK "interval: 60\n", "a.yaml:3: interval: \"60\": expected a duration"},
	{AGENT, CHECK "interval: 1ms\n", "a.yaml:3: interval"},
	{AGENT, CHECK "interval: 100d\n", "a.yaml:3: interval"},
	{AGENT, CHECK "interval: [1s]\n", "a.yaml:3: interval"},
	{AGENT, CHECK "timeout: never\n", "a.yaml:3: timeout"},
	{AGENT, CHECK "timeout: -1s\n", "a.yaml:3: timeout"},
	{AGENT, CHECK "interval_min: 2min\n", "a.yaml:3: interval_min"},
	{AGENT, CHECK "interval_max: 1s\n", "a.yaml:3: interval_max"},
	{AGENT, CHECK "intervall: 60s\n", "a.yaml:3: intervall: is not known here (did you mean \"interval\"?)"},
	{AGENT, CHECK "deny: perhaps\n", "a.yaml:3: deny"},
	{AGENT, CHECK "assigned_only: 2\n", "a.yaml:3: assigned_only"},
	{AGENT, CHECK "limits: {memory: 3}\n", "a.yaml:3: memory"},
	{AGENT, CHECK "grant: procscan\n", "a.yaml:3: grant: expected a list"},
	{AGENT, CHECK "grant: [procscn]\n",
	 "a.yaml:3: grant: procscn: the plugin does not ask for it; did you mean \"procscan\"?"},
	{AGENT, "checks:\n  holder:\n    grant: [icmp, crystal_ball]\n",
	 "a.yaml:2: holder: crystal_ball is no service of the launcher (procscan, fanotify, fanotify_filesystem, icmp, icmp6)"},
	{AGENT, CHECK "grant: [cap_sys_admin]\n", "a.yaml:3: grant: cap_sys_admin: the plugin does not ask for it"},
	{AGENT, CHECK "withhold: read:/etc/passwd\n", "a.yaml:3: withhold: expected a list"},
	{AGENT, CHECK "withhold: [procscan]\n", "a.yaml:3: withhold: procscan: the plugin does not ask for it (read:/PATH"},
	{AGENT, CHECK "withhold: [\"read:/etc/shadow\"]\n", "a.yaml:3: withhold: read:/etc/shadow: the plugin does not ask for it"},
	{AGENT, CHECK "remote: [misded]\n",
	 "a.yaml:3: remote: misded is no option of the plugin; did you mean \"misdeed\"?"},
	{AGENT, CHECK "remote: misdeed\n", "a.yaml:3: remote: expected a list"},
	{AGENT, OPTIONS "3\n", "a.yaml:3: options: expected a map"},
	{AGENT, OPTIONS "{misdead: loop}\n", "a.yaml:3: bad: misdead: no such option; did you mean \"misdeed\"?"},
	{AGENT, OPTIONS "\n      misdeed: [a, b]\n", "bad: misdeed: a list, where one value is expected"},
	{AGENT, OPTIONS "\n      misdeed: {a: b}\n", "a.yaml:4: misdeed: an option is a text or a list"},
	{AGENT, OPTIONS "\n      \"\\e[2J\": b\n", "a.yaml:4: bad: \\x1b[2J: no such option"},
	{AGENT, "checks:\n  bad: &x {}\n", "a.yaml:2"},
	{AGENT, "checks:\n\tbad: {}\n", "a.yaml:2"},
	{AGENT, "{\"checks\": {\"bad\": {\"interval\": \"1s\"}}", "a.yaml:"},
};

START_TEST(test_c01_one_clear_line)
{
	struct problems *p = read_all(broken[_i].agent, broken[_i].checks);

	for (size_t i = 0; i < problems_count(p); i++) {
		ck_assert_msg(i == 0 || problems_count(p) == 1, "%s\nfollowed by: %s", problems_get(p, 0),
			      problems_get(p, i));
		ck_assert_msg(strstr(problems_get(p, i), broken[_i].words) != NULL, "said: %s\nnot:  %s",
			      problems_get(p, i), broken[_i].words);
		ck_assert_msg(strncmp(problems_get(p, i), folder, strlen(folder)) == 0, "%s", problems_get(p, i));
		ck_assert_ptr_null(strchr(problems_get(p, i), '\n'));
	}
	ck_assert_msg(problems_count(p) == 1, "%zu problems where one was expected: %s", problems_count(p),
		      broken[_i].words);
	problems_free(p);
}
END_TEST

START_TEST(test_c01_all_errors_in_one_run)
{
	struct problems *p =
		read_all(AGENT "spool: {sync: x}\nunknown: 1\n",
			 "checks:\n  bad:\n    interval: 1\n    options: {a: 1, misdeed: [1, 2]}\n  other: {}\n");

	ck_assert_uint_eq(problems_count(p), 6);
	problems_free(p);
}
END_TEST

START_TEST(test_c01_file_that_is_not_there)
{
	struct problems *p = problems_new();
	struct config config = {0};

	config_read("/nonexistent/agent.yaml", &config, p);
	ck_assert_uint_eq(problems_count(p), 1);
	ck_assert_ptr_nonnull(strstr(problems_get(p, 0), "/nonexistent/agent.yaml"));
	config_free(&config);
	problems_free(p);
}
END_TEST

START_TEST(test_right_one)
{
	struct problems *p = read_all(
		AGENT "spool: {measurements: 64MiB, events: 8MiB, sync: 500ms}\nconnection: {silence: 45s}\nlimits: {memory: 100MiB}\n",
		"checks:\n  one:\n    plugin: bad\n    interval: 10s\n    options: {misdeed: none}\n    remote: "
		"[misdeed]\n"
		"    grant: [procscan]\n  two:\n    plugin: bad\n    deny: yes\n    limits: {memory: 200MiB}\n");

	for (size_t i = 0; i < problems_count(p); i++)
		ck_abort_msg("%s", problems_get(p, i));
	problems_free(p);
}
END_TEST

/* The whole way of the launcher: records, sealed plan, and an index that stays. */
static Host__Plan *hand_over(struct plugin_record *records, int *ret_n)
{
	char path[128], command[PATH_MAX];
	int pair[2], memory = memfd_create("plan", MFD_ALLOW_SEALING), status;
	Host__Plan *plan;
	char *text;
	size_t n;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/agent.yaml", folder);
	ck_assert_int_eq(io_pair(SOCK_SEQPACKET, pair), 0);
	pid = fork();
	if (pid == 0) {
		int records_fd = fcntl(pair[1], F_DUPFD, 10), plan_fd = fcntl(memory, F_DUPFD, 10);

		dup2(records_fd, 3);
		dup2(plan_fd, 4);
		close_range(5, ~0U, 0);
		snprintf(command, sizeof(command), BUILD_TREE "/agent/config/beadle-config");
		execl(command, command, "--config", path, "--uid", "12345", "--gid", "12345", NULL);
		_exit(127);
	}
	close(pair[1]);
	for (*ret_n = 0; io_receive(pair[0], &records[*ret_n], sizeof(*records), NULL) == sizeof(*records);)
		++*ret_n;
	close(pair[0]);
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(fcntl(memory, F_GET_SEALS) & F_SEAL_WRITE, F_SEAL_WRITE);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
	ck_assert_int_eq(io_read_file(path, 1 << 20, &text, &n), 0);
	plan = host__plan__unpack(NULL, n, (uint8_t *)text);
	ck_assert_ptr_nonnull(plan);
	free(text);
	close(memory);
	return plan;
}

START_TEST(test_records_and_plan)
{
	struct plugin_record records[4];
	Host__Plan *plan;
	char state[128], text[512];
	struct stat st;
	int n, first = 68000 + getpid() % 1000 * 2;	/* not those of another run */

	snprintf(text, sizeof(text), AGENT "state: %s/state\nusers: {first: %d}\n", folder, first);
	write_file("agent.yaml", text);
	write_file("agent.d/b.yaml",
		   "checks:\n  one: {plugin: bad, interval: 10s, grant: [procscan], options: {misdeed: none}}\n"
		   "  two: {plugin: bad, limits: {memory: 600MiB}}\n");
	plan = hand_over(records, &n);
	ck_assert_int_eq(n, 1);
	ck_assert_str_eq(records[0].name, "bad");
	ck_assert_str_eq(records[0].module, BUILD_TREE "/tests/plugins/bad/bad.so");
	ck_assert_uint_eq(records[0].memory, UINT64_C(600) << 20);
	ck_assert_uint_eq(records[0].procscan, 1);
	ck_assert_uint_eq(records[0].uid, geteuid() == 0 ? (uint32_t)first : 0);
	ck_assert_str_eq(plan->collectors[0], "monitor.example:7411");
	ck_assert_uint_eq(plan->n_checks, 2);
	ck_assert_uint_eq(plan->checks[0]->interval_ns, UINT64_C(10000000000));
	ck_assert_str_eq(plan->checks[0]->granted[0], "service:procscan");
	ck_assert_uint_eq(plan->checks[1]->n_granted, 0);
	ck_assert_str_eq(plan->checks[0]->options[0]->name, "misdeed");
	ck_assert_uint_eq(plan->checks[0]->options[0]->line, 2);
	ck_assert_uint_eq(plan->checks[0]->inventory->plugin->sha256.len, 32);
	snprintf(state, sizeof(state), "%s/state/core", folder);
	ck_assert_str_eq(plan->state, state);
	ck_assert_int_eq(stat(state, &st), 0);
	ck_assert_uint_eq(st.st_uid, geteuid() == 0 ? 12345 : geteuid());
	host__plan__free_unpacked(plan, NULL);
	ck_assert_str_eq(records[0].grants, "");
	write_file("agent.d/b.yaml", "checks:\n  one: {plugin: bad, grant: [\"read:/srv/a\", procscan], withhold: [\"service:procscan\"]}\n"
		   "  two: {plugin: bad, grant: [\"program:/usr/bin/b\", \"read:/srv/a\"]}\n");
	/* Another plugin, alphabetically and by file before it: bad stays where it is. */
	write_file("agent.d/a.yaml", "checks:\n  apple: {}\n");
	plan = hand_over(records, &n);
	ck_assert_int_eq(n, 2);
	ck_assert_str_eq(records[0].name, "bad");
	ck_assert_str_eq(records[0].grants, "read:/srv/a\nprogram:/usr/bin/b\n");
	ck_assert_uint_eq(records[0].descriptors, 0);
	ck_assert_uint_eq(records[0].procscan, 0);
	ck_assert_str_eq(records[1].name, "apple");
	ck_assert_str_eq(records[1].grants, "");
	ck_assert_uint_eq(records[1].index, 1);
	host__plan__free_unpacked(plan, NULL);
	write_file("agent.d/a.yaml", "checks:\n  one: {plugin: holder, grant: [icmp6, fanotify]}\n  two: {plugin: holder, grant: [icmp6, icmp], "
		   "withhold: [\"service:icmp\"], options: {folders: [/srv/b]}}\n");
	write_file("agent.d/b.yaml", "");
	plan = hand_over(records, &n);
	ck_assert_int_eq(n, 1);
	ck_assert_uint_eq(records[0].descriptors, GRANT_DESCRIPTOR(GRANT_FANOTIFY) | GRANT_DESCRIPTOR(GRANT_ICMP6));
	ck_assert_uint_eq(records[0].procscan, 0);
	ck_assert_str_eq(records[0].grants, "read:/srv/b\n");
	ck_assert_uint_eq(plan->checks[1]->n_granted, 2);	/* and what is read */
	ck_assert_str_eq(plan->checks[1]->granted[0], "service:icmp6");
	host__plan__free_unpacked(plan, NULL);
}
END_TEST

START_TEST(test_inventory_file)
{
	char *modules[] = {(char *)BUILD_TREE "/tests/plugins/bad/bad.so"}, *text = NULL;
	struct problems *p = problems_new();
	size_t n;
	FILE *f = open_memstream(&text, &n);

	metrics_print(modules, 1, f, p);
	fclose(f);
	ck_assert_uint_eq(problems_count(p), 0);
	ck_assert_ptr_nonnull(strstr(text,
				     "plugins:\n  bad:\n    metrics:\n"
				     "      bad_value: {unit: count, kind: gauge, help: \"1 when all is well\"}\n"));
	free(text);
	problems_free(p);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config");
	TCase *tests = tcase_create("files");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 120);
	tcase_add_loop_test(tests, test_c01_one_clear_line, 0, sizeof(broken) / sizeof(*broken));
	tcase_add_test(tests, test_c01_all_errors_in_one_run);
	tcase_add_test(tests, test_c01_file_that_is_not_there);
	tcase_add_test(tests, test_right_one);
	tcase_add_test(tests, test_records_and_plan);
	tcase_add_test(tests, test_inventory_file);
	suite_add_tcase(suite, tests);
	setenv("BEADLE_LIBEXEC", BUILD_TREE, 1);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
