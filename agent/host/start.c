#include "config.h"

#include "agent/host/start.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/host/granted.h"
#include "agent/host/host.h"
#include "agent/host/walls.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/descriptor.h"
#include "lib/io.h"
#include "lib/program.h"
#include "lib/syscalls.h"

#ifdef SANITIZED
__attribute__((weak)) void __lsan_do_leak_check(void);
#endif

/* Closes everything above stderr but these (ascending or not; -1 for none). */
static void close_others(const int *keep, size_t n)
{
	unsigned from = 3;

	for (;;) {
		unsigned next = ~0U;

		for (size_t i = 0; i < n; i++)
			if (keep[i] >= (int)from && (unsigned)keep[i] < next)
				next = (unsigned)keep[i];
		if (next == ~0U) {
			close_range(from, ~0U, 0);
			return;
		}
		if (next > from)
			close_range(from, next - 1, 0);
		from = next + 1;
	}
}

__attribute__((noreturn)) static void refuse(struct host *host, const struct plugin_record *record, const char *why)
{
	char text[MODULE_WHY + sizeof(record->module) + 64];

	snprintf(text, sizeof(text), "plugin %s (%s): %s", record->name, record->module, why);
	send_problem(host, 0, NULL, 0, text);
	_exit(1);
}

/* One of the launcher's, or for a caller without one our own: the same process opens it, with the same rights. */
static int get_descriptor(const struct plugin_record *record, unsigned which, bool by_launcher)
{
	const struct launcher_wish wish = {record->index, which};
	const struct descriptor_owner owner = {record->name, record->uid, record->gid, record->capabilities, record->grants};
	int pair[2], r = io_pair(SOCK_SEQPACKET, pair);
	pid_t opener = 0;

	if (r < 0)
		return r;
	if (by_launcher)
		r = io_send(FD_WISHES, &wish, sizeof(wish), pair[1]);
	else
		r = opener = descriptor_give(pair[1], which, &owner);
	close(pair[1]);
	r = r < 0 ? r : descriptor_take(pair[0], which);
	close(pair[0]);
	if (opener > 0)
		waitpid(opener, NULL, 0);
	return r;
}

static void get_descriptors(struct host *host, const struct plugin_record *record, bool by_launcher)
{
	for (unsigned i = 0; i < GRANT_DESCRIPTORS; i++)
		host->descriptors[i] = record->descriptors & GRANT_DESCRIPTOR(i) ? get_descriptor(record, i, by_launcher) : -EPERM;
}

/* Is it the file that the configuration reader has asked about its tables? */
static bool is_known(int module, const struct plugin_record *record)
{
	struct stat st;

	if (!record->module_inode)
		return true;
	return fstat(module, &st) == 0 && st.st_ino == record->module_inode &&
	       (uint64_t)st.st_size == record->module_size &&
	       st.st_ctim.tv_sec * NS_PER_S + st.st_ctim.tv_nsec == record->module_changed;
}

__attribute__((noreturn)) static void become_host(const struct plugin_record *record, struct guards *guards, int socket,
						  int scan, bool by_launcher)
{
	struct host host = {.socket = socket, .scan = scan, .printed = -1, .state = record->state, .guards = guards};
	char why[MODULE_WHY];
	int module, keep[GRANT_DESCRIPTORS + 4];

	setsid();
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	prctl(PR_SET_NAME, record->name, 0, 0, 0);
	get_descriptors(&host, record, by_launcher);
	module = module_trust(record->module, record->name, geteuid(), why);
	if (module < 0 || walls_stdio(&host.printed, why) < 0 || walls_state(record, why) < 0)
		refuse(&host, record, why);
	if (!is_known(module, record))
		refuse(&host, record, "the module has changed since the configuration was read: reload the agent");
	if (guards) {
		memset(guards->refused, 0, sizeof(guards->refused));
		syscalls_watch(guards->refused, GUARD_REFUSED);
	}
	memcpy(keep, host.descriptors, sizeof(host.descriptors));
	memcpy(keep + GRANT_DESCRIPTORS, (int[]){socket, scan, module, host.printed}, 4 * sizeof(*keep));
	close_others(keep, sizeof(keep) / sizeof(*keep));
	if (walls_close(record, why) < 0 || module_open(module, record->name, &host.module, why) < 0)
		refuse(&host, record, why);
	close(module);
	if (granted_seal(record, why) < 0)
		refuse(&host, record, why);
#ifndef SANITIZED
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
	if (module_tell(host.module, socket) < 0 || host_serve(&host) < 0)
		_exit(1);
#ifdef SANITIZED
	if (__lsan_do_leak_check)
		__lsan_do_leak_check();		/* _exit passes by where it would be called */
#endif
	_exit(0);
}

int start_host(const struct plugin_record *record, struct guards *guards, int socket, struct started *ret,
	       char why[START_WHY])
{
	int core[2] = {-1, -1}, scan[2] = {-1, -1};
	int r = socket < 0 ? io_pair(SOCK_STREAM, core) : 0;
	pid_t pid;

	if (r == 0 && record->procscan)
		r = io_pair(SOCK_SEQPACKET, scan);
	pid = r < 0 ? -1 : fork();
	if (pid == 0)
		become_host(record, guards, socket < 0 ? core[1] : socket, scan[1], socket < 0);
	if (pid < 0) {
		r = r < 0 ? r : -errno;
		snprintf(why, START_WHY, "cannot start: %s", strerror(-r));
		cleanup_close(&core[0]);
		cleanup_close(&scan[0]);
	} else {
		*ret = (struct started){pid, core[0], scan[0]};
	}
	cleanup_close(&core[1]);
	cleanup_close(&scan[1]);
	return r < 0 ? r : 0;
}

/* CAP_SYS_PTRACE survives the change of user and the exec, and nothing else does. */
static int keep_ptrace_alone(uid_t uid, gid_t gid)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	data[0].effective = data[0].permitted = data[0].inheritable = 1u << CAP_SYS_PTRACE;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0 || syscall(SYS_capset, &head, data) < 0 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_PTRACE, 0, 0) < 0)
		return -errno;
	return 0;
}

__attribute__((noreturn)) static void become_scan(int output, uid_t uid, gid_t gid)
{
	char path[PROGRAM_PATH];
	sigset_t none;
	int program;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(output, 1) < 0 || program_path("agent/procscan/beadle-procscan", path) < 0)
		_exit(126);
	/* Before the user changes: it may stand below a folder that is closed to others, as a build tree does. */
	program = open(path, O_PATH | O_CLOEXEC);
	if (program < 0)
		_exit(127);
	close_others(&program, 1);
	if (uid && keep_ptrace_alone(uid, gid) < 0)
		_exit(126);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	fexecve(program, (char *[]){(char *)"beadle-procscan", (char *)"scan", NULL}, program_environment());
	_exit(127);
}

pid_t start_scan(int scan, uid_t uid, gid_t gid)
{
	CLOSE int from = -1, to = -1;
	char wish[8];
	int fds[2];
	ssize_t k = io_receive(scan, wish, sizeof(wish), NULL);
	pid_t pid;

	if (k <= 0)
		return (pid_t)k;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	from = fds[0];
	to = fds[1];
	pid = fork();
	if (pid == 0)
		become_scan(to, uid, gid);
	if (pid < 0)
		return -errno;
	io_send(scan, wish, 1, from);	/* a host that is gone needs no answer */
	return pid;
}

static void kill_user(uid_t uid, gid_t gid)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (setgroups(0, NULL) == 0 && setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0)
			kill(-1, SIGKILL);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

void start_kill(pid_t host, uid_t uid, gid_t gid)
{
	kill(-host, SIGKILL);
	kill(host, SIGKILL);
	if (uid && geteuid() == 0)
		kill_user(uid, gid);
}
