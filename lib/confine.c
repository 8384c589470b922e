#include "config.h"

#include "confine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "capability.h"
#include "secret.h"
#include "syscalls.h"

#define WORK (CALLS_READ | CALLS_WRITE | CALLS_MODES)
/* Names of hosts and users may be asked of a daemon of this machine, over a Unix socket. */
#define NETWORK (FAMILY_UNIX | FAMILY_INTERNET)
/* What a launcher may do, all that it starts may at most: so its list has what any of them needs, or a plugin can be granted. Refused without a
 * word in use, for who has just been started has no handler yet, and a plugin's own walls tell what it tried. */
#define LAUNCH (WORK | CALLS_FORK | CALLS_EXEC | CALLS_USERS)

static const struct row {
	struct confine_should should;
	struct syscalls calls;
	unsigned walls, base;		/* 0: no wall around files */
} rows[CONFINE_ROLES] = {
	[CONFINE_AGENT] = {{"beadle-agent", NULL, CAPABILITY_AGENT_MOST, true}, {LAUNCH | CALLS_FANOTIFY, NETWORK | FAMILY_RAW, SYSCALLS_QUIET_IN_USE, 0}, 0, 0},
	/* It parses, as whoever started it; and starts hosts that are only asked, which get nothing of what a plugin can be granted: no network. */
	[CONFINE_CONFIG] = {{"beadle-config", NULL, CAPABILITY_AGENT_MOST, true}, {LAUNCH, 0, SYSCALLS_QUIET_IN_USE, 0}, 0, 0},
	/* Each host is its child, and so it could forbid itself nothing more. */
	[CONFINE_TEMPLATE] = {.should = {"beadle-host", NULL, CAPABILITY_AGENT, CONFINE_BY_PARENT}},
	[CONFINE_CORE] = {{"beadle-core", "beadle", 0, true}, {WORK | CALLS_FORK, NETWORK, 0, 1},
			  LANDLOCK_BIND | LANDLOCK_SIGNALS, CONFINE_LIBRARIES | CONFINE_KERNEL | CONFINE_ETC},
	/* Behind Landlock it could not see what other processes run. */
	[CONFINE_PROCSCAN] = {{"beadle-procscan", NULL, CAPABILITY(CAP_SYS_PTRACE), true}, {CALLS_READ, 0, 0, 1}, 0, 0},
	[CONFINE_WATCH] = {{"beadle-watch", "beadle-watch", 0, true}, {WORK, NETWORK, 0, 1},
			   LANDLOCK_BIND | LANDLOCK_SIGNALS, CONFINE_LIBRARIES | CONFINE_KERNEL | CONFINE_ETC},
	[CONFINE_COLLECTOR] = {{"beadle-collector", NULL, CAPABILITY_LAUNCHER, true}, {LAUNCH | CALLS_LISTEN, NETWORK, SYSCALLS_QUIET_IN_USE, 0}, 0, 0},
	/* While it reads: for an instant, at each start. */
	[CONFINE_SETUP] = {{"beadle-setup", "beadle-collector", 0, true}, {CALLS_READ, 0, 0, 1},
			   LANDLOCK_CONNECT | LANDLOCK_BIND | LANDLOCK_SIGNALS, CONFINE_LIBRARIES | CONFINE_NAMES},
	/* It connects to nobody: agents come to it. Who asks over the local socket has a name, which is looked up. */
	[CONFINE_COLLECT] = {{"beadle-collect", "beadle-collector", 0, true}, {WORK | CALLS_LISTEN, FAMILY_UNIX, 0, 1},
			     LANDLOCK_CONNECT | LANDLOCK_BIND | LANDLOCK_SIGNALS, CONFINE_LIBRARIES | CONFINE_KERNEL | CONFINE_ETC},
	[CONFINE_SIGNER] = {{"beadle-signer", "beadle-signer", 0, true}, {WORK, 0, 0, 1},
			    LANDLOCK_CONNECT | LANDLOCK_BIND | LANDLOCK_SIGNALS, CONFINE_LIBRARIES},
	[CONFINE_NOTIFIER] = {{"beadle-notifier", "beadle-notify", 0, true}, {WORK, NETWORK, 0, 1},
			      LANDLOCK_BIND | LANDLOCK_SIGNALS, CONFINE_LIBRARIES | CONFINE_KERNEL | CONFINE_ETC},
	[CONFINE_WEB] = {{"beadle-web", "beadle-web", 0, true}, {WORK | CALLS_LISTEN, 0, 0, 1},
			 LANDLOCK_CONNECT | LANDLOCK_BIND | LANDLOCK_SIGNALS, CONFINE_LIBRARIES | CONFINE_KERNEL},
};

static const struct { unsigned base; const char *paths; } bases[] = {
	{CONFINE_LIBRARIES, "/usr /lib /lib32 /lib64 /bin /sbin /etc/ld.so.cache /etc/ld.so.preload /etc/localtime /etc/timezone "
		"/etc/ssl/openssl.cnf"},
	{CONFINE_NAMES, "/etc/nsswitch.conf /etc/passwd /etc/group /etc/hosts /etc/host.conf /etc/resolv.conf /etc/gai.conf "
		"/etc/services /etc/protocols /run/systemd/resolve /run/resolvconf /run/NetworkManager /etc/os-release "
		"/etc/machine-id"},
	{CONFINE_KERNEL, "/proc /sys"},
	/* Files there are replaced, and made later: who lives long must see the new ones. */
	{CONFINE_ETC, "/etc /run"},
};
static const struct confine_path devices[] = {
	{"/dev/null", LANDLOCK_DEVICE}, {"/dev/zero", LANDLOCK_READ}, {"/dev/full", LANDLOCK_READ},
	{"/dev/random", LANDLOCK_READ}, {"/dev/urandom", LANDLOCK_READ},
#ifdef SANITIZED
	{"/tmp", LANDLOCK_WRITE},	/* their reports */
	{"/proc", LANDLOCK_READ},	/* the leak checker looks at its threads */
#endif
};

static int allow_each(int ruleset, const char *paths)
{
	char path[64];
	int n, r = 0;

	for (; r == 0 && sscanf(paths, " %63s%n", path, &n) == 1; paths += n)
		r = landlock_path(ruleset, path, LANDLOCK_READ);
	return r;
}

static int allow(int ruleset, const struct confine_path *paths, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		if (paths[i].path && *paths[i].path)
			r = landlock_path(ruleset, paths[i].path, paths[i].rights);
	return r;
}

int confine_files(unsigned walls, unsigned base, const struct confine_path *paths, size_t n, const uint16_t *ports, size_t n_ports)
{
	int ruleset = landlock_open(walls), r = ruleset < 0 ? ruleset : 0;

	for (size_t i = 0; r == 0 && i < sizeof(bases) / sizeof(*bases); i++)
		if (base & bases[i].base)
			r = allow_each(ruleset, bases[i].paths);
	if (r == 0)
		r = allow(ruleset, devices, sizeof(devices) / sizeof(*devices));
	if (r == 0)
		r = allow(ruleset, paths, n);
	for (size_t i = 0; r == 0 && i < n_ports; i++)
		r = landlock_port(ruleset, ports[i]);
	if (r == 0)
		r = landlock_enforce(ruleset);
	else if (ruleset >= 0)
		close(ruleset);
	return r == -EOPNOTSUPP ? 0 : r;
}

static int failed(char why[CONFINE_WHY], const char *what, int error)
{
	snprintf(why, CONFINE_WHY, "walls: %s: %s", what, strerror(-error));
	return error;
}

int confine_enter(enum confine_role role, const struct confine_path *paths, size_t n, char why[CONFINE_WHY])
{
	const struct row *row = &rows[role];
	int r = secret_keep();

	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	if (r < 0)
		return failed(why, "no new privileges", r);
	if (row->base)
		r = confine_files(row->walls, row->base, paths, n, NULL, 0);
	if (r < 0)
		return failed(why, "files (Landlock)", r);
	syscalls_tell();
	r = syscalls_confine(&row->calls);
	return r < 0 && r != -EOPNOTSUPP ? failed(why, "system calls (seccomp)", r) : 0;
}

const struct confine_should *confine_should(enum confine_role role)
{
	return &rows[role].should;
}

char *confine_missing(char buf[CONFINE_WHY])
{
	int version = landlock_version();
	const char *files = version == 0  ? "files, TCP ports and signals (it has no Landlock, or it is switched off)"
			    : version < 4 ? "TCP ports and signals (its Landlock is older than version 4)"
			    : version < 6 ? "signals (its Landlock is older than version 6)"
					  : "";
	bool calls = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;

	snprintf(buf, CONFINE_WHY, "%s%s%s", calls ? "" : "system calls (it has no seccomp)", calls || !*files ? "" : "; ", files);
	return *buf ? buf : NULL;
}
