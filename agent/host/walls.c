#include "config.h"

#include "agent/host/walls.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/host/host.h"
#include "lib/cleanup.h"
#include "lib/grant.h"
#include "lib/io.h"

__attribute__((format(printf, 2, 3))) static int failed(char why[WALLS_WHY], const char *format, ...)
{
	int error = -errno;
	va_list args;
	size_t n;

	va_start(args, format);
	n = (size_t)vsnprintf(why, WALLS_WHY, format, args);
	va_end(args);
	if (n < WALLS_WHY)
		snprintf(why + n, WALLS_WHY - n, ": %s", strerror(-error));
	return error;
}

/* The folder above is root's, or our own user's: nobody else can have put a link here. */
int walls_state(const struct plugin_record *record, char why[WALLS_WHY])
{
	CLOSE int fd = -1;
	int r;

	if (!record->state[0])
		return 0;
	if (mkdir(record->state, 0700) < 0 && errno == ENOENT) {
		r = io_make_folders(record->state, 0711);
		if (r < 0)
			return errno = -r, failed(why, "state directory %.120s", record->state);
	}
	fd = open(record->state, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return failed(why, "state directory %.120s", record->state);
	if (record->uid && fchown(fd, record->uid, record->gid) < 0)
		return failed(why, "owner of state directory %.120s", record->state);
	if (fchmod(fd, 0700) < 0)
		return failed(why, "mode of state directory %.120s", record->state);
	return 0;
}

int walls_stdio(int *ret_printed, char why[WALLS_WHY])
{
	CLOSE int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CLOSE int printed = memfd_create("printed", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (nothing < 0 || dup2(nothing, 0) < 0)
		return failed(why, "/dev/null");
	/* Sealed against growing: a flood of output costs one page and an error to the one who writes it. */
	if (printed < 0 || ftruncate(printed, HOST_PRINTED) < 0 ||
	    fcntl(printed, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0 || dup2(printed, 1) < 0 ||
	    dup2(printed, 2) < 0)
		return failed(why, "memory for what a plugin prints");
	*ret_printed = TAKE_FD(printed);
	return 0;
}

static int limit(int what, const char *name, uint64_t value, char why[WALLS_WHY])
{
	struct rlimit now, wanted;

	if (getrlimit(what, &now) < 0)
		return failed(why, "limit %s", name);
	wanted.rlim_cur = wanted.rlim_max =
		now.rlim_max == RLIM_INFINITY || value < now.rlim_max ? value : now.rlim_max;
	return setrlimit(what, &wanted) < 0 ? failed(why, "limit %s", name) : 0;
}

static int set_limits(const struct plugin_record *record, char why[WALLS_WHY])
{
	int r = limit(RLIMIT_CORE, "core", 0, why);

	if (r == 0 && record->files)
		r = limit(RLIMIT_NOFILE, "files", record->files, why);
	if (r == 0 && record->file_size)
		r = limit(RLIMIT_FSIZE, "file_size", record->file_size, why);
	/* Counted per user: without a user of its own the limit would be about everybody's processes. */
	if (r == 0 && record->processes && record->uid)
		r = limit(RLIMIT_NPROC, "processes", record->processes, why);
#ifndef SANITIZED
	if (r == 0 && record->memory)
		r = limit(RLIMIT_AS, "memory", record->memory, why);
#endif
	return r;
}

static int set_capabilities(uint64_t mask, char why[WALLS_WHY])
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted = (uint32_t)(mask >> (32 * i));
	return syscall(SYS_capset, &head, data) < 0 ? failed(why, "capabilities") : 0;
}

static int drop(const struct plugin_record *record, char why[WALLS_WHY])
{
	uint64_t mask = record->capabilities & grant_capabilities();

	if (!record->uid)
		return 0;
	for (int cap = 0; cap < 64; cap++)	/* an empty bounding set: nothing run from here gets any */
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno == EINVAL)
			break;
	if (mask && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return failed(why, "keeping capabilities");
	if (setgroups(0, NULL) < 0 || setresgid(record->gid, record->gid, record->gid) < 0 ||
	    setresuid(record->uid, record->uid, record->uid) < 0)
		return failed(why, "becoming user %u", record->uid);
	return set_capabilities(mask, why);
}

/* Where a filter on system calls (seccomp) and on files (Landlock) goes: the last wall, after which only the module is
 * opened. Neither stands yet: what holds is the user, the limits, and no new privileges. */
static int confine(const struct plugin_record *record, char why[WALLS_WHY])
{
	return 0;
}

int walls_close(const struct plugin_record *record, char why[WALLS_WHY])
{
	sigset_t none;
	int r;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_IGN);	/* a program that stops reading is an error, not the end of the host */
	umask(077);
	if (chdir("/") < 0)
		return failed(why, "/");
	r = set_limits(record, why);
	if (r == 0)
		r = drop(record, why);
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return failed(why, "no new privileges");
	/* Changing users has cleared these two. Dumpable until the module is loaded: /proc/self is the user's own only
	 * then. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return failed(why, "death with the parent");
	if (record->state[0] && access(record->state, W_OK | X_OK) < 0)
		return failed(why, "state directory %.120s cannot be reached by user %u", record->state, getuid());
	return confine(record, why);
}
