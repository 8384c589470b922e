/* plugins/service: the option lines, pid files, the scan of /proc, and endpoints, on real processes and sockets. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "plugins/service/endpoints.h"
#include "plugins/service/processes.h"
#include "plugins/service/targets.h"

START_TEST(a_line_is_taken_apart)
{
	struct words w;
	char why[WORDS_WHY];

	ck_assert_int_eq(words_split("web  tcp=127.0.0.1:80 send=\"GET /\\r\\n\\x00\\\"\\\\\" expect=a\\b ", &w, why),
			 0);
	ck_assert_str_eq(w.name, "web");
	ck_assert_uint_eq(w.count, 3);
	ck_assert_str_eq(words_get(&w, "tcp")->value, "127.0.0.1:80");
	ck_assert_uint_eq(words_get(&w, "send")->size, 10);
	ck_assert_mem_eq(words_get(&w, "send")->value, "GET /\r\n\0\"\\", 11);
	ck_assert_str_eq(words_get(&w, "expect")->value, "a\\b");
	ck_assert_ptr_null(words_get(&w, "exp"));
	words_free(&w);
	ck_assert_int_eq(words_split("alone", &w, why), 0);
	ck_assert_uint_eq(w.count, 0);
	words_free(&w);
}
END_TEST

START_TEST(a_wrong_line_is_told)
{
	static const struct { const char *line, *why; } cases[] = {
		{"", "expected \"NAME KEY=VALUE ...\", not \"\""},
		{"tcp=a:1", "expected \"NAME KEY=VALUE ...\", not \"tcp=a:1\""},
		{"a b", "expected KEY=VALUE, not \"b\""},
		{"a =b", "expected KEY=VALUE, not \"=b\""},
		{"a b=", "there is no value for \"b\""},
		{"a b=\"\"", "there is no value for \"b\""},
		{"a b=1 b=2", "is said twice: \"b\""},
		{"a b=\"x", "a quote is open at its end: \"\"x\""},
		{"a b=\"x\\", "expected \\r \\n \\t \\\\ \\\" or \\xHH at \"\\\""},
		{"a b=\"\\x0\"", "expected \\r \\n \\t \\\\ \\\" or \\xHH at \"\\x0\"\""},
		{"a b=\"x\"y", "expected a blank behind the quote, not \"y\""},
		{"a a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1 i=1", "too much is said from here on: \"i=1\""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct words w;
		char why[WORDS_WHY] = "";

		ck_assert_int_eq(words_split(cases[i].line, &w, why), -EINVAL);
		ck_assert_str_eq(why, cases[i].why);
	}
}
END_TEST

START_TEST(targets_say_what_was_expected)
{
	static const struct { const char *line, *why; } processes[] = {
		{"p user=a", "p: expected exe=/path or pidfile=/path"},
		{"p exe=nginx", "p: expected an absolute path: exe=/usr/sbin/nginx, pidfile=/run/nginx.pid"},
		{"p pidfile=/a user=b", "p: user= goes with exe= alone: a pid file names one process"},
		{"p exec=/a", "p: \"exec\" is not known here: expected exe= pidfile= user="},
	}, endpoints[] = {
		{"e send=x", "e: expected one of tcp=HOST:PORT and unix=/path"},
		{"e tcp=a:1 unix=/b", "e: expected one of tcp=HOST:PORT and unix=/path"},
		{"e unix=b", "e: expected an absolute path of at most 107 bytes: unix=/run/x.sock"},
		{"e tcp=a", "e: expected tcp=HOST:PORT, tcp=192.0.2.1:80 or tcp=[::1]:80"},
		{"e tcp=::1:80", "e: expected tcp=HOST:PORT, tcp=192.0.2.1:80 or tcp=[::1]:80"},
		{"e tcp=[a]:80", "e: expected tcp=HOST:PORT, tcp=192.0.2.1:80 or tcp=[::1]:80"},
		{"e tcp=a:65536", "e: expected tcp=HOST:PORT, tcp=192.0.2.1:80 or tcp=[::1]:80"},
		{"e tcp=a:0", "e: expected tcp=HOST:PORT, tcp=192.0.2.1:80 or tcp=[::1]:80"},
		{"e tcp=:80", "e: expected tcp=HOST:PORT, tcp=192.0.2.1:80 or tcp=[::1]:80"},
		{"e tcp=a:1 timeout=5", "e: expected a timeout from 1ms to 60s: timeout=5s"},
		{"e tcp=a:1 timeout=61s", "e: expected a timeout from 1ms to 60s: timeout=5s"},
	};
	struct process p;
	struct endpoint e;
	char why[WORDS_WHY];

	for (size_t i = 0; i < sizeof(processes) / sizeof(processes[0]); i++) {
		ck_assert_int_eq(target_process(processes[i].line, &p, why), -EINVAL);
		ck_assert_str_eq(why, processes[i].why);
	}
	for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
		ck_assert_int_eq(target_endpoint(endpoints[i].line, &e, why), -EINVAL);
		ck_assert_str_eq(why, endpoints[i].why);
	}
	ck_assert_int_eq(target_endpoint("e tcp=[::1]:25 timeout=250ms", &e, why), 0);
	ck_assert(e.numeric && e.port == 25 && e.timeout == 250000000);
	ck_assert_str_eq(e.host, "::1");
	target_free_endpoint(&e);
	ck_assert_int_eq(target_endpoint("e tcp=www.school.example:443", &e, why), 0);
	ck_assert(!e.numeric);
	target_free_endpoint(&e);
}
END_TEST

/* Any bytes: an error or a result, and no read beyond (the sanitizers look). */
START_TEST(any_line_is_safe)
{
	static const char letters[] = "ab =\"\\x0\t:/[]1.";
	unsigned seed = 7;
	int good = 0;

	for (int round = 0; round < 200000; round++) {
		char line[40] = "n tcp=", why[WORDS_WHY];
		size_t from = round % 2 ? 6 : 0, n = from + (size_t)rand_r(&seed) % 30;
		struct endpoint e;

		for (size_t i = from; i < n; i++)
			line[i] = letters[(size_t)rand_r(&seed) % (sizeof(letters) - 1)];
		line[n] = '\0';
		if (target_endpoint(line, &e, why) == 0) {
			good++;
			target_free_endpoint(&e);
		}
	}
	ck_assert_int_gt(good, 0);
}
END_TEST

static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/sleep", "sleep", "60", NULL);
		_exit(1);
	}
	/* Until it is sleep, it is still this test. */
	for (int i = 0; i < 1000; i++) {
		char path[64], exe[64] = "";

		snprintf(path, sizeof(path), "/proc/%d/exe", pid);
		if (readlink(path, exe, sizeof(exe) - 1) > 0 && strstr(exe, "/sleep"))
			break;
		usleep(5000);
	}
	return pid;
}

static bool pidfile_up(const char *path, const char *more, const char *text)
{
	char line[256], why[WORDS_WHY];
	struct process p;
	bool up = true;
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
	snprintf(line, sizeof(line), "p pidfile=%s%s", path, more);
	ck_assert_int_eq(target_process(line, &p, why), 0);
	ck_assert_int_eq(processes_pidfile(&p, &up), 0);
	target_free_process(&p);
	return up;
}

static void time_pidfile(const char *path)
{
	char line[128], why[WORDS_WHY];
	struct timespec a, b;
	struct process p;
	bool up;

	snprintf(line, sizeof(line), "p pidfile=%s", path);
	ck_assert_int_eq(target_process(line, &p, why), 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	for (int i = 0; i < 1000; i++)
		processes_pidfile(&p, &up);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	printf("pid file: %.1f us of CPU per check\n",
	       ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / 1e6);
	target_free_process(&p);
}

START_TEST(a_pid_file_names_a_living_process)
{
	char path[] = "/tmp/beadle-pid-XXXXXX", text[32], exe[PATH_MAX + 5] = " exe=", line[300], why[WORDS_WHY];
	struct process p;
	bool up = true;
	pid_t pid = sleeper();

	close(mkstemp(path));
	ck_assert_ptr_nonnull(realpath("/bin/sleep", exe + 5));
	snprintf(text, sizeof(text), "%d\n", pid);
	ck_assert(pidfile_up(path, "", text));
	ck_assert(pidfile_up(path, exe, text));
	time_pidfile(path);
	ck_assert(!pidfile_up(path, " exe=/usr/sbin/nginx", text));
	ck_assert(!pidfile_up(path, "", ""));
	ck_assert(!pidfile_up(path, "", "-1\n"));
	ck_assert(!pidfile_up(path, "", "12x\n"));
	ck_assert(!pidfile_up(path, "", "99999999999\n"));
	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT);
	ck_assert_msg(!pidfile_up(path, "", text), "a zombie counts as running");
	waitpid(pid, NULL, 0);
	ck_assert(!pidfile_up(path, "", text));
	unlink(path);
	snprintf(line, sizeof(line), "p pidfile=%s", path);
	ck_assert_int_eq(target_process(line, &p, why), 0);
	ck_assert_int_eq(processes_pidfile(&p, &up), 0);
	ck_assert(!up);
	target_free_process(&p);
}
END_TEST

START_TEST(a_scan_counts_by_executable_and_user)
{
	char exe[PATH_MAX], line[3][PATH_MAX + 64], why[WORDS_WHY];
	struct process list[3];
	struct timespec a, b;
	pid_t pids[3];
	int seen;

	ck_assert_ptr_nonnull(realpath("/bin/sleep", exe));
	snprintf(line[0], sizeof(line[0]), "all exe=%s", exe);
	snprintf(line[1], sizeof(line[1]), "mine exe=%s user=%u", exe, getuid());
	snprintf(line[2], sizeof(line[2]), "nobodys exe=%s user=no-such-user", exe);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(target_process(line[i], &list[i], why), 0);
		pids[i] = sleeper();
	}
	processes_begin(list, 3);
	processes_scan(list, 3);	/* the first one pays for the pages it touches */
	processes_begin(list, 3);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	seen = processes_scan(list, 3);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	ck_assert_int_gt(seen, 3);
	ck_assert_uint_ge(list[0].found, 3);
	ck_assert_uint_ge(list[1].found, 3);
	ck_assert_uint_eq(list[2].found, 0);
	printf("process scan: %.1f us of CPU per process, %d processes\n",
	       ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / 1000 / seen, seen);
	for (int i = 0; i < 3; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
		target_free_process(&list[i]);
	}
}
END_TEST

/* A server on loopback: it reads `wait_for` bytes, answers, and closes; with no answer it says nothing for ever. */
static pid_t server(uint16_t *ret_port, size_t wait_for, const char *answer)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	pid_t pid;

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	getsockname(fd, (struct sockaddr *)&in, &size);
	*ret_port = ntohs(in.sin_port);
	pid = fork();
	if (pid == 0) {
		char buf[64];
		int c = accept(fd, NULL, NULL);

		while (wait_for > 0)
			wait_for -= (size_t)read(c, buf, wait_for);
		while (!answer)
			pause();
		for (; *answer; answer++)	/* byte by byte: the answer comes in pieces */
			if (write(c, answer, 1) != 1)
				break;
		_exit(0);
	}
	close(fd);
	return pid;
}

START_TEST(endpoints_are_asked_side_by_side)
{
	static const struct { const char *answer, *rest; bool up; const char *detail; } cases[] = {
		{"220 ready\r\n", "expect=\"220 \"", true, "answered as expected"},
		{"HTTP/1.1 200 OK\r\n", "send=\"GET\\r\\n\" expect=\" 200 \"", true, "answered as expected"},
		{"HTTP/1.1 500 No\r\n", "send=\"GET\\r\\n\" expect=\" 200 \"", false, "answered, but not as expected"},
		{"", "expect=x", false, "closed without an answer"},
		{"", "", true, "connected"},
		{NULL, "expect=x timeout=1500ms", false, "no expected answer in time"},
		{NULL, "expect=x timeout=1500ms", false, "no expected answer in time"},
	};
	enum { N = sizeof(cases) / sizeof(cases[0]) };
	struct endpoint list[N + 2];
	struct addresses addresses[N + 2];
	struct timespec a, b;
	pid_t pids[N];
	char line[128], why[WORDS_WHY];
	uint16_t port = 0;

	for (int i = 0; i < N; i++) {
		pids[i] = server(&port, strstr(cases[i].rest, "send") ? 5 : 0, cases[i].answer);
		snprintf(line, sizeof(line), "e%d tcp=127.0.0.1:%u %s", i, port, cases[i].rest);
		ck_assert_msg(target_endpoint(line, &list[i], why) == 0, "%s", why);
	}
	/* A port that was just given up, and a path where nothing is. */
	kill(server(&port, 0, NULL), SIGKILL);
	wait(NULL);
	snprintf(line, sizeof(line), "refused tcp=127.0.0.1:%u", port);
	ck_assert_int_eq(target_endpoint(line, &list[N], why), 0);
	ck_assert_int_eq(target_endpoint("nothing unix=/nonexistent/x", &list[N + 1], why), 0);
	for (int i = 0; i < N + 2; i++)
		ck_assert_int_eq(endpoints_resolve(&list[i], &addresses[i]), 0);
	clock_gettime(CLOCK_MONOTONIC, &a);
	ck_assert_int_eq(endpoints_run(list, addresses, N + 2), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	for (int i = 0; i < N; i++) {
		ck_assert_str_eq(list[i].detail, cases[i].detail);
		ck_assert_int_eq(list[i].up, cases[i].up);
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	ck_assert(!list[N].up && !list[N + 1].up);
	ck_assert_str_eq(list[N].detail, "Connection refused");
	ck_assert_str_eq(list[N + 1].detail, "No such file or directory");
	ck_assert_double_ge(list[N - 1].response, 1.5);
	ck_assert_msg((double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9 < 2.9,
		      "two that are silent for 1.5 s took their time one after the other");
	for (int i = 0; i < N + 2; i++)
		target_free_endpoint(&list[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("service");
	TCase *t = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, t);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_line_is_taken_apart);
	tcase_add_test(t, a_wrong_line_is_told);
	tcase_add_test(t, targets_say_what_was_expected);
	tcase_add_test(t, any_line_is_safe);
	tcase_add_test(t, a_pid_file_names_a_living_process);
	tcase_add_test(t, a_scan_counts_by_executable_and_user);
	tcase_add_test(t, endpoints_are_asked_side_by_side);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
