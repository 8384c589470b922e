/* lib/needs.h, lib/grant.h: what a plugin's declared needs, its options and the administrator's word come to. lib/confine.h: what
 * somebody who has taken one of our processes over can do in it. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <beadle/plugin.h>

#include "confine.h"
#include "grant.h"
#include "needs.h"

struct configured { const char *name, *text; };

static void give(void *arg, const char *name, needs_value *value, void *to)
{
	for (const struct configured *o = arg; o && o->name; o++)
		if (strcmp(o->name, name) == 0)
			value(to, o->text);
}

static void add(void *to, const char *grant)
{
	ck_assert_int_eq(grant_add(to, 1024, grant), 0);
}

static Host__Need need(int kind, const char *what)
{
	Host__Need n = HOST__NEED__INIT;

	n.kind = (uint32_t)kind;
	n.what = (char *)what;
	return n;
}

static Host__Default option(const char *name, const char *value, bool path)
{
	Host__Default o = HOST__DEFAULT__INIT;

	o.option = (char *)name;
	o.value = (char *)value;
	o.path = path;
	return o;
}

/* One need, two options: "paths", a list with defaults, and "config", a path. */
static const char *granted(int kind, const char *what, const struct configured *options)
{
	static char list[1024];
	Host__Inventory inventory = HOST__INVENTORY__INIT;
	Host__Need n = need(kind, what);
	Host__Default paths = option("paths", "/boot,/etc", false), config = option("config", "/usr/share/x.conf", true);

	inventory.n_needs = 1;
	inventory.needs = (Host__Need *[]){&n};
	inventory.n_defaults = 2;
	inventory.defaults = (Host__Default *[]){&paths, &config};
	list[0] = 0;
	needs_each(&inventory, give, (void *)options, add, list);
	return list;
}

#define WITH(...) ((const struct configured[]){__VA_ARGS__, {0}})

START_TEST(test_p06_needs_become_grants)
{
	ck_assert_str_eq(granted(BEADLE_NEED_READ, "/etc/fstab", NULL), "read:/etc/fstab\n");
	ck_assert_str_eq(granted(BEADLE_NEED_PROGRAM, "/usr/bin/x", NULL), "program:/usr/bin/x\n");
	ck_assert_str_eq(granted(BEADLE_NEED_READ, "option:paths", NULL), "read:/boot\nread:/etc\n");
	ck_assert_str_eq(granted(BEADLE_NEED_READ, "option:paths", WITH({"paths", "/srv"}, {"paths", "/opt"})), "read:/srv\nread:/opt\n");
	ck_assert_str_eq(granted(BEADLE_NEED_READ, "option:paths", WITH({"paths", "web exe=/usr/sbin/web pidfile=/run/web.pid"})),
			 "read:/usr/sbin/web\nread:/run/web.pid\n");
	ck_assert_str_eq(granted(BEADLE_NEED_READ, "option:paths", WITH({"paths", "none at all"})), "");
	ck_assert_str_eq(granted(BEADLE_NEED_READ, "option:paths", WITH({"paths", "srv/relative"})), "");
	/* A path that the administrator names may be read, whatever the plugin declares. */
	ck_assert_str_eq(granted(BEADLE_NEED_CAPABILITY, "cap_net_raw", WITH({"config", "/etc/x.conf"})), "read:/etc/x.conf\n");
}
END_TEST

START_TEST(test_p06_powers_are_granted_by_name_alone)
{
	ck_assert_str_eq(granted(BEADLE_NEED_CAPABILITY, "cap_net_raw", NULL), "");
	ck_assert_str_eq(granted(BEADLE_NEED_SERVICE, "procscan", NULL), "");
	ck_assert_str_eq(granted(99, "/etc", NULL), "");
}
END_TEST

START_TEST(test_p06_ports_are_those_of_endpoints)
{
	ck_assert_str_eq(granted(BEADLE_NEED_NET, "tcp:443", NULL), "net:tcp:443\n");
	ck_assert_str_eq(granted(BEADLE_NEED_NET, "udp:123:paths", NULL), "net:udp:123\n");
	ck_assert_str_eq(granted(BEADLE_NEED_NET, "udp:123:paths", WITH({"paths", "ntp.example:1123"})), "net:udp:123\nnet:udp:1123\n");
	ck_assert_str_eq(granted(BEADLE_NEED_NET, "tcp:80:paths", WITH({"paths", "[2001:db8::1]:8080"}, {"paths", "https://a.example:8443/x"})),
			 "net:tcp:80\nnet:tcp:8080\nnet:tcp:8443\n");
	ck_assert_str_eq(granted(BEADLE_NEED_NET, "tcp:80:paths", WITH({"paths", "a.example"})), "net:tcp:80\n");
	ck_assert_str_eq(granted(BEADLE_NEED_NET, "tcp", NULL), "");
}
END_TEST

/* A line break in a configured path makes no second grant. */
START_TEST(test_p06_a_list_of_grants_holds_each_once)
{
	char list[32] = "", what[16];
	const char *at = list;

	ck_assert_int_eq(grant_add(list, sizeof(list), "read:/a"), 0);
	ck_assert_int_eq(grant_add(list, sizeof(list), "read:/ab"), 0);
	ck_assert_int_eq(grant_add(list, sizeof(list), "read:/a"), 0);
	ck_assert_int_eq(grant_add(list, sizeof(list), "read:/x\nprogram:/y"), -EINVAL);
	ck_assert_int_eq(grant_add(list, sizeof(list), "read:/a/long/one"), -ENOSPC);
	ck_assert_str_eq(list, "read:/a\nread:/ab\n");
	ck_assert_int_eq(grant_next(&at, what, sizeof(what)), BEADLE_NEED_READ);
	ck_assert_str_eq(what, "/a");
	ck_assert_int_eq(grant_next(&at, what, sizeof(what)), BEADLE_NEED_READ);
	ck_assert_int_eq(grant_next(&at, what, sizeof(what)), -1);
	at = "nonsense:/a\n";
	ck_assert_int_eq(grant_next(&at, what, sizeof(what)), 0);
	ck_assert_int_eq(grant_next(&at, what, sizeof(what)), -1);
}
END_TEST

/* ---- roles ---- */

/* Not below /tmp, where a sanitizer's build may write. */
static char folder[] = "/var/tmp/beadle-walls-XXXXXX";

static const char *in_folder(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void make_folder(void)
{
	FILE *secret;

	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(mkdir(in_folder("own"), 0755), 0);
	secret = fopen(in_folder("secret"), "w");
	ck_assert_ptr_nonnull(secret);
	fclose(secret);
}

static void remove_folder(void)
{
	static const char *const names[] = {"own/new", "own", "new", "secret", ""};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		remove(in_folder(names[i]));
}

/* The status of a process in that role which tries something and exits with the error that it got; `ret_said`: its log. */
static int in_role(enum confine_role role, int (*try)(void), char ret_said[1024])
{
	const struct confine_path own = {in_folder("own"), LANDLOCK_WRITE};
	char why[CONFINE_WHY];
	int status, log[2];
	ssize_t n;
	pid_t pid;

	ck_assert_int_eq(pipe(log), 0);
	pid = fork();
	if (pid == 0) {
		unsetenv("BEADLE_WALLS");
		dup2(log[1], STDERR_FILENO);
		_exit(confine_enter(role, &own, 1, why) < 0 ? 255 : try());
	}
	close(log[1]);
	n = read(log[0], ret_said, 1023);	/* a line is one write */
	ret_said[n < 0 ? 0 : n] = 0;
	close(log[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static int opened(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	return fd < 0 ? errno : 0;
}

static int read_secret(void) { return opened(in_folder("secret"), O_RDONLY); }
static int write_secret(void) { return opened(in_folder("secret"), O_WRONLY); }
static int make_beside(void) { return opened(in_folder("new"), O_WRONLY | O_CREAT); }
static int make_own(void) { return opened(in_folder("own/new"), O_WRONLY | O_CREAT); }
static int run_program(void) { return execl("/bin/true", "true", (char *)NULL) < 0 ? errno : 0; }
static int call_mount(void) { return syscall(SYS_mount, "none", folder, "tmpfs", 0, NULL) < 0 ? errno : 0; }
static int call_keyctl(void) { return syscall(SYS_keyctl, 0, 0, 0) < 0 ? errno : 0; }
static int go_online(void) { return socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0; }
static int end_parent(void) { return kill(getppid(), 0) < 0 ? errno : 0; }
static int take_port(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET};

	return bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&any, sizeof(any)) < 0 ? errno : 0;
}

static const enum confine_role roles[] = {CONFINE_CORE, CONFINE_COLLECT, CONFINE_SIGNER, CONFINE_NOTIFIER, CONFINE_WATCH, CONFINE_WEB};
#define EACH_ROLE(role) for (enum confine_role i = 0, role; i < sizeof(roles) / sizeof(*roles) && (role = roles[i], true); i++)

static void expect(enum confine_role role, int (*try)(void), int error)
{
	char said[1024];
	int status = in_role(role, try, said);

	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == error, "role %d: status %x: %s", (int)role, (unsigned)status, said);
}

static bool holds_back(int version, const char *what)
{
	if (landlock_version() >= version)
		return true;
	printf("SKIP not proven: %s (Landlock %d; this kernel has %d)\n", what, version, landlock_version());
	return false;
}

START_TEST(test_p06_a_role_has_its_own_files)
{
	if (!holds_back(1, "a role's files"))
		return;
	EACH_ROLE(role) {
		expect(role, make_own, 0);
		expect(role, make_beside, EACCES);
		expect(role, read_secret, EACCES);
		expect(role, write_secret, EACCES);
	}
}
END_TEST

START_TEST(test_p06_a_role_has_its_own_calls)
{
	EACH_ROLE(role)
		expect(role, go_online, role == CONFINE_CORE || role == CONFINE_NOTIFIER || role == CONFINE_WATCH ? 0 : EPERM);
	expect(CONFINE_PROCSCAN, go_online, EPERM);
	if (holds_back(6, "signals to others"))
		EACH_ROLE(role)
			expect(role, end_parent, EPERM);
	if (holds_back(4, "ports"))
		expect(CONFINE_CORE, take_port, EACCES);
}
END_TEST

/* A library may try what it can do without: that is refused, and told once. */
START_TEST(test_p06_what_a_library_may_try_is_refused_and_told)
{
	char said[1024], number[32];

	snprintf(number, sizeof(number), "number %d\n", SYS_keyctl);
	EACH_ROLE(role) {
		int status = in_role(role, call_keyctl, said);

		ck_assert_int_eq(WEXITSTATUS(status), EPERM);
		ck_assert_msg(WIFEXITED(status) && strstr(said, "walls: refused") && strstr(said, number), "%s", said);
	}
}
END_TEST

START_TEST(test_p06_what_only_an_intruder_tries_ends_the_process)
{
	char said[1024];

#ifdef SANITIZED
	printf("SKIP not proven: an intruder's call ends the process (sanitizers run programs)\n");
	return;
#endif
	EACH_ROLE(role) {
		ck_assert_int_eq(WTERMSIG(in_role(role, run_program, said)), SIGSYS);
		ck_assert_int_eq(WTERMSIG(in_role(role, call_mount, said)), SIGSYS);
	}
}
END_TEST

/* ---- launchers, and who reads for the agent's: their filter is their children's, too ---- */

static int make_fanotify(void) { return syscall(SYS_fanotify_init, 0, 0) < 0 ? errno : 0; }
static int make_spaces(void) { return unshare(CLONE_NEWUSER) < 0 ? errno : 0; }
static int make_ring(void) { return syscall(SYS_io_uring_setup, 1, NULL) < 0 ? errno : 0; }
static int load_bpf(void) { return syscall(SYS_bpf, 0, NULL, 0) < 0 ? errno : 0; }
static int go_below(void) { return socket(AF_PACKET, SOCK_RAW, 0) < 0 ? errno : 0; }
static int become_us(void) { return setresuid(geteuid(), geteuid(), geteuid()) < 0 ? errno : 0; }
static int trace(void) { return syscall(SYS_process_vm_writev, getppid(), NULL, 0, NULL, 0, 0) < 0 ? errno : 0; }

/* In a program that was started: it finds what refuses it already in force. */
static int program_is_filtered(void)
{
	return execl("/bin/grep", "grep", "-q", "^Seccomp:.2$", "/proc/self/status", (char *)NULL) < 0 ? errno : 0;
}

static int as_child(int (*try)(void))
{
	char why[CONFINE_WHY];

	return confine_enter(CONFINE_SIGNER, NULL, 0, why) < 0 ? 255 : try();
}
static int child_calls_keyctl(void) { return as_child(call_keyctl); }
static int child_calls_mount(void) { return as_child(call_mount); }

static const enum confine_role launchers[] = {CONFINE_AGENT, CONFINE_COLLECTOR, CONFINE_CONFIG};

START_TEST(test_p06_a_launcher_starts_programs_and_becomes_users_and_no_more)
{
	enum confine_role role = launchers[_i];

	expect(role, run_program, 0);
	expect(role, program_is_filtered, 0);
	expect(role, become_us, 0);
	expect(role, go_online, role == CONFINE_CONFIG ? EPERM : 0);	/* who parses has no network */
	expect(role, make_beside, 0);
	expect(role, call_mount, EPERM);
	expect(role, call_keyctl, EPERM);
	expect(role, make_spaces, EPERM);
	expect(role, make_ring, EPERM);
	expect(role, load_bpf, EPERM);
	expect(role, go_below, EPERM);
	expect(role, trace, EPERM);
	if (geteuid() == 0)
		expect(role, make_fanotify, role == CONFINE_AGENT ? 0 : EPERM);
}
END_TEST

/* What a child's own walls say is heard: told in its log, or its end. */
START_TEST(test_p06_a_launchers_filter_hides_no_word_of_its_childrens)
{
	char said[1024];
	int status = in_role(launchers[_i], child_calls_keyctl, said);

	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == EPERM && strstr(said, "walls: refused"), "%x: %s", (unsigned)status, said);
#ifdef SANITIZED
	return;
#endif
	ck_assert_int_eq(WTERMSIG(in_role(launchers[_i], child_calls_mount, said)), SIGSYS);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("confine");
	TCase *t = tcase_create("grants"), *in_roles = tcase_create("roles");
	SRunner *r;
	int failed;

	tcase_add_test(t, test_p06_needs_become_grants);
	tcase_add_test(t, test_p06_powers_are_granted_by_name_alone);
	tcase_add_test(t, test_p06_ports_are_those_of_endpoints);
	tcase_add_test(t, test_p06_a_list_of_grants_holds_each_once);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(in_roles, make_folder, remove_folder);
	tcase_add_test(in_roles, test_p06_a_role_has_its_own_files);
	tcase_add_test(in_roles, test_p06_a_role_has_its_own_calls);
	tcase_add_test(in_roles, test_p06_what_a_library_may_try_is_refused_and_told);
	tcase_add_test(in_roles, test_p06_what_only_an_intruder_tries_ends_the_process);
	tcase_add_loop_test(in_roles, test_p06_a_launcher_starts_programs_and_becomes_users_and_no_more, 0, 3);
	tcase_add_loop_test(in_roles, test_p06_a_launchers_filter_hides_no_word_of_its_childrens, 0, 3);
	suite_add_tcase(s, in_roles);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
