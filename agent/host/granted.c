#include "config.h"

#include "agent/host/granted.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <beadle/plugin.h>

#include "lib/capability.h"
#include "lib/cleanup.h"
#include "lib/confine.h"
#include "lib/grant.h"
#include "lib/syscalls.h"
#include "lib/text.h"

#define PATHS 128
#define PORTS 64
#define DNS 53
#define HANDED_RAW (GRANT_DESCRIPTOR(GRANT_ICMP) | GRANT_DESCRIPTOR(GRANT_ICMP6))

struct granted {
	char texts[sizeof(((struct plugin_record *)0)->grants)];	/* what paths point into */
	size_t used;
	struct confine_path paths[PATHS];
	size_t n_paths;
	uint16_t ports[PORTS];
	size_t n_ports;
	bool any_port, programs;
	unsigned families;
};

/* What runs programs that are no scripts. */
static const char *const interpreters[] = {"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1",
	"/lib/ld-linux-riscv64-lp64d.so.1", "/lib64/ld64.so.2", "/lib/ld-linux.so.2", "/lib/ld-linux-armhf.so.3"};

static void add_path(struct granted *g, const char *path, unsigned rights)
{
	if (g->n_paths < PATHS)
		g->paths[g->n_paths++] = (struct confine_path){path, rights};
}

/* The interpreter of a script. */
static void add_interpreter(struct granted *g, const char *script)
{
	FCLOSE FILE *f = fopen(script, "re");
	char line[256], *path = line + 2, *kept = g->texts + g->used;
	size_t n;

	if (!f || !fgets(line, sizeof(line), f) || strncmp(line, "#!", 2) != 0)
		return;
	path += strspn(path, " \t");
	n = strcspn(path, " \t\n");
	if (*path != '/' || kept + n + 1 > g->texts + sizeof(g->texts))
		return;
	snprintf(kept, n + 1, "%s", path);
	add_path(g, kept, LANDLOCK_EXECUTE);
	g->used += n + 1;
}

static void add_program(struct granted *g, const char *path)
{
	add_path(g, path, LANDLOCK_EXECUTE);
	for (size_t i = 0; !g->programs && i < sizeof(interpreters) / sizeof(*interpreters); i++)
		add_path(g, interpreters[i], LANDLOCK_EXECUTE);
	g->programs = true;
	add_interpreter(g, path);
}

/* "tcp:443", "udp:*" */
static void add_net(struct granted *g, const char *what)
{
	int64_t port;

	g->families |= FAMILY_INTERNET;
	if (strncmp(what, "tcp:", 4) != 0)
		return;
	if (text_int(what + 4, &port) < 0 || port < 1 || port > 65535)
		g->any_port = true;
	else if (g->n_ports < PORTS)
		g->ports[g->n_ports++] = (uint16_t)port;
}

static void take(struct granted *g, int kind, const char *what)
{
	switch (kind) {
	case BEADLE_NEED_READ:
		return add_path(g, what, LANDLOCK_READ | (strncmp(what, "/dev", 4) == 0 ? LANDLOCK_CONTROL : 0));
	case BEADLE_NEED_WRITE:
		return add_path(g, what, LANDLOCK_WRITE);
	case BEADLE_NEED_PROGRAM:
		return add_program(g, what);
	case BEADLE_NEED_SOCKET:
		g->families |= FAMILY_UNIX;
		return;
	case BEADLE_NEED_NET:
		return add_net(g, what);
	}
}

static struct granted *read_grants(const struct plugin_record *record)
{
	struct granted *g = calloc(1, sizeof(*g));
	const char *at = record->grants;
	int kind;

	while (g && g->used < sizeof(g->texts) &&
	       (kind = grant_next(&at, g->texts + g->used, sizeof(g->texts) - g->used)) >= 0) {
		const char *what = g->texts + g->used;

		g->used += strlen(what) + 1;
		take(g, kind, what);
	}
	if (g && g->families & FAMILY_INTERNET && g->n_ports < PORTS)
		g->ports[g->n_ports++] = DNS;	/* long answers of a resolver */
	if (g && record->capabilities & CAPABILITY(CAP_NET_RAW))
		g->families |= FAMILY_INTERNET | FAMILY_RAW;
	return g;
}

static int failed(char why[WALLS_WHY], const char *what, int error)
{
	snprintf(why, WALLS_WHY, "walls: %s: %s", what, strerror(-error));
	return error;
}

int granted_confine(const struct plugin_record *record, char why[WALLS_WHY])
{
	FREE struct granted *g = read_grants(record);
	struct syscalls calls = {.sets = CALLS_READ | CALLS_WRITE | CALLS_FORK};
	int r;

	if (!g)
		return failed(why, "grants", -ENOMEM);
	add_path(g, record->state, LANDLOCK_WRITE);
	add_path(g, record->module, LANDLOCK_READ);
	if (g->n_paths == PATHS)
		return failed(why, "more files and programs than can be granted", -E2BIG);
	r = confine_files(LANDLOCK_SIGNALS | LANDLOCK_BIND | (g->any_port ? 0 : LANDLOCK_CONNECT),
			  CONFINE_LIBRARIES | CONFINE_NAMES | CONFINE_KERNEL, g->paths, g->n_paths, g->ports, g->any_port ? 0 : g->n_ports);
	if (r < 0)
		return failed(why, "files (Landlock)", r);
	calls.families = g->families;
	if (g->programs)
		calls = (struct syscalls){.sets = calls.sets | CALLS_EXEC | CALLS_MODES, .families = g->families, .quiet = SYSCALLS_QUIET};
	r = syscalls_confine(&calls);
	if (r == 0 && record->descriptors & HANDED_RAW && !(g->families & FAMILY_RAW))
		r = syscalls_no_headers();
	return r < 0 && r != -EOPNOTSUPP ? failed(why, "system calls (seccomp)", r) : 0;
}

int granted_seal(const struct plugin_record *record, char why[WALLS_WHY])
{
#ifdef SANITIZED
	return 0;
#else
	const char *at = record->grants;
	char what[512];
	int kind, r;

	while ((kind = grant_next(&at, what, sizeof(what))) >= 0)
		if (kind == BEADLE_NEED_PROGRAM || kind == BEADLE_NEED_NET)
			return 0;
	r = syscalls_seal();
	return r < 0 && r != -EOPNOTSUPP ? failed(why, "system calls (seccomp)", r) : 0;
#endif
}
