/* Plugins that hang, in the processor, asleep or in the kernel (SECURITY P2): ended at the deadline, never doubled. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io.h"
#include "tests/unit/rig.h"

static bool is_gone(pid_t pid)
{
	char path[64], text[256] = "";
	int fd;

	for (int i = 0; i < 500; i++) {
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
		fd = open(path, O_RDONLY);
		if (fd < 0)
			return true;
		if (read(fd, text, sizeof(text) - 1) > 0 && strstr(text, ") Z"))
			i += 50;
		close(fd);
		poll(NULL, 0, 10);
	}
	return false;
}

static void killed_at_deadline(const char *misdeed)
{
	struct plughost host = rig_commit(misdeed);
	struct template_tell t;
	int error;

	ck_assert_ptr_nonnull(rig_message(&rig, &host, 20, NULL));	/* the inventory */
	ck_assert_ptr_null(rig_message(&rig, &host, 0.5, &error));
	ck_assert_int_eq(error, -ETIMEDOUT);
	rig_still_serves(&rig, &rig_good);
	rig_ask(&rig, TEMPLATE_KILL, 0, 100);
	t = rig_ended(&rig);
	ck_assert(WIFSIGNALED(t.status) && WTERMSIG(t.status) == SIGKILL);
	close(host.socket);
}

START_TEST(test_p02_endless_loop)
{
	killed_at_deadline("loop");
}
END_TEST

START_TEST(test_p02_blocked_signals)
{
	killed_at_deadline("stubborn");
}
END_TEST

static pid_t noted_pid(void)
{
	char path[128], *text;

	snprintf(path, sizeof(path), "%s/0/test/pid.done", rig.state);
	for (int i = 0; i < 1000; i++) {
		if (io_read_file(path, 100, &text, NULL) == 0) {
			pid_t pid = atoi(text);

			free(text);
			return pid;
		}
		poll(NULL, 0, 10);
	}
	ck_abort_msg("%s has not come", path);
}

START_TEST(test_p02_child_that_left_its_group_dies_too)
{
	struct plughost host = rig_commit("orphan");
	pid_t pid = noted_pid();

	ck_assert_int_gt(pid, 1);
	rig_ask(&rig, TEMPLATE_KILL, 0, 100);
	rig_ended(&rig);
	ck_assert_msg(is_gone(pid), "process %d lives on", (int)pid);
	close(host.socket);
}
END_TEST

START_TEST(test_p02_kill_of_an_earlier_host_does_nothing)
{
	rig_ask(&rig, TEMPLATE_KILL, 1, 99);	/* the good one has serial 1 */
	rig_still_serves(&rig, &rig_good);
}
END_TEST

START_TEST(test_p02_one_host_a_plugin)
{
	struct template_tell t;

	rig_ask(&rig, TEMPLATE_START, 1, 2);
	t = rig_tell(&rig, NULL);
	ck_assert_uint_eq(t.what, TEMPLATE_REFUSED);
	ck_assert_uint_eq(t.serial, 2);
	ck_assert_ptr_nonnull(strstr(t.why, "has not ended"));
	rig_ask(&rig, TEMPLATE_START, 77, 3);
	t = rig_tell(&rig, NULL);
	ck_assert_uint_eq(t.what, TEMPLATE_REFUSED);
}
END_TEST

START_TEST(test_p02_guarded_call_hangs)
{
	struct plughost host = rig_commit("guarded");
	Host__Round *round = rig_round(&rig, &host, 20);

	ck_assert_ptr_nonnull(round);
	ck_assert_int_eq(round->outcome, WIRE__OUTCOME__PARTIAL);
	ck_assert_int_eq(round->skips[0]->error, ETIMEDOUT);
	ck_assert(is_gone(noted_pid()));
	rig_end(&host);
}
END_TEST

START_TEST(test_guarded_call_answers)
{
	struct plughost host = rig_commit("guarded_well");

	ck_assert_int_eq(rig_round(&rig, &host, 20)->outcome, WIRE__OUTCOME__OK);
	rig_end(&host);
}
END_TEST

/* A frozen process is what one in uninterruptible sleep is to us: it does not die of SIGKILL. */
static char freezer[64];

static bool can_freeze(const char *what)
{
	snprintf(freezer, sizeof(freezer), "/sys/fs/cgroup/freezer/beadle-test-%d", (int)getpid());
	if (mkdir(freezer, 0755) == 0 || errno == EEXIST)
		return true;
	printf("SKIP not proven: %s (no freezer cgroup here)\n", what);
	return false;
}

static void write_freezer(const char *file, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", freezer, file);
	fd = open(path, O_WRONLY);
	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	ck_assert_int_eq(io_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static void freeze(pid_t pid)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", (int)pid);
	write_freezer("tasks", text);
	write_freezer("freezer.state", "FROZEN");
}

static void thaw(void)
{
	write_freezer("freezer.state", "THAWED");
}

START_TEST(test_p02_no_second_copy_while_one_hangs)
{
	struct plughost host;
	pid_t pid;

	if (!can_freeze("a hanging guarded call is not repeated"))
		return;
	host = rig_commit("guarded");
	pid = noted_pid();
	freeze(pid);
	ck_assert_int_eq(rig_round(&rig, &host, 20)->skips[0]->error, ETIMEDOUT);
	rig_run(&host, 7, 2);
	ck_assert_int_eq(rig_round(&rig, &host, 20)->skips[0]->error, EBUSY);
	rig_end(&host);

	host = rig_commit("guarded");	/* another host knows of it, too */
	ck_assert_int_eq(rig_round(&rig, &host, 20)->skips[0]->error, EBUSY);
	thaw();
	ck_assert(is_gone(pid));
	rig_run(&host, 7, 2);
	ck_assert_int_eq(rig_round(&rig, &host, 20)->skips[0]->error, ETIMEDOUT);
	rig_end(&host);
	rmdir(freezer);
}
END_TEST

START_TEST(test_p02_host_that_does_not_die)
{
	struct plughost host;
	struct template_tell t;
	struct pollfd pfd = {.fd = rig.core, .events = POLLIN};

	if (!can_freeze("a host in uninterruptible sleep is abandoned"))
		return;
	host = rig_commit("loop");
	ck_assert_ptr_nonnull(rig_message(&rig, &host, 20, NULL));
	freeze(host.pid);
	rig_ask(&rig, TEMPLATE_KILL, 0, 100);
	ck_assert_int_eq(poll(&pfd, 1, 300), 0);	/* it is not told to have ended ... */
	rig_ask(&rig, TEMPLATE_START, 0, 101);
	t = rig_tell(&rig, NULL);
	ck_assert_uint_eq(t.what, TEMPLATE_REFUSED);	/* ... and there is no second one */
	rig_still_serves(&rig, &rig_good);
	thaw();
	ck_assert_uint_eq(rig_ended(&rig).serial, 100);
	close(host.socket);
	host = rig_commit("none");
	ck_assert_ptr_nonnull(rig_round(&rig, &host, 20));
	rig_end(&host);
	rmdir(freezer);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, test_p02_endless_loop);
	tcase_add_test(tests, test_p02_blocked_signals);
	tcase_add_test(tests, test_p02_child_that_left_its_group_dies_too);
	tcase_add_test(tests, test_p02_kill_of_an_earlier_host_does_nothing);
	tcase_add_test(tests, test_p02_one_host_a_plugin);
	tcase_add_test(tests, test_p02_guarded_call_hangs);
	tcase_add_test(tests, test_guarded_call_answers);
	tcase_add_test(tests, test_p02_no_second_copy_while_one_hangs);
	tcase_add_test(tests, test_p02_host_that_does_not_die);
}

int main(void)
{
	return rig_main("hosts that hang", add);
}
