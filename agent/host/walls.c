#include "config.h"

#include "agent/host/walls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/host/granted.h"
#include "agent/host/host.h"
#include "lib/capability.h"
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

/* As root without a user to become, for `beadle check`: it may read what root may read, and no more. */
static int drop(const struct plugin_record *record, char why[WALLS_WHY])
{
	uint64_t mask = record->capabilities & grant_capabilities();
	int r = 0;

	if (record->uid)
		r = capability_become(record->uid, record->gid, mask);
	else if (geteuid() == 0)
		r = capability_keep(mask | CAPABILITY(CAP_DAC_READ_SEARCH));
	return r < 0 ? (errno = -r, failed(why, "becoming user %u", record->uid)) : 0;
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
	return granted_confine(record, why);
}
