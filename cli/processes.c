#include "config.h"

#include "processes.h"

#include <dirent.h>
#include <poll.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "cleanup.h"
#include "confine.h"
#include "grant.h"
#include "handed.h"
#include "vec.h"

#define COMM 15			/* the kernel keeps so much of a name */
#define LOOKS 20
#define BETWEEN_MS 100

struct process {
	pid_t pid, parent;
	char name[COMM + 1], state;
	uint32_t user;
	uint64_t holds;			/* capabilities */
	int no_new_privileges, seccomp, filters;	/* filters: how many; -1: the kernel does not say */
};
struct processes { VEC(struct process) all; };

static const char *const capabilities[] = {
	"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap", "linux_immutable",
	"net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot",
	"sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease",
	"audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read",
	"perfmon", "bpf", "checkpoint_restore"};

/* ---- what the kernel says ---- */

static void take(struct process *p, const char *line)
{
	unsigned long long mask;

	if (sscanf(line, "Name: %15[^\n]", p->name) == 1 || sscanf(line, "State: %c", &p->state) == 1 ||
	    sscanf(line, "Pid: %d", &p->pid) == 1 || sscanf(line, "PPid: %d", &p->parent) == 1 ||
	    sscanf(line, "Uid: %*u %u", &p->user) == 1 || sscanf(line, "NoNewPrivs: %d", &p->no_new_privileges) == 1 ||
	    sscanf(line, "Seccomp: %d", &p->seccomp) == 1 || sscanf(line, "Seccomp_filters: %d", &p->filters) == 1)
		return;
	if (sscanf(line, "CapPrm: %llx", &mask) == 1 || sscanf(line, "CapAmb: %llx", &mask) == 1)
		p->holds |= mask;
}

static bool read_process(const char *pid, struct process *ret)
{
	char path[300], line[256];
	FCLOSE FILE *file = NULL;

	*ret = (struct process){.filters = -1};
	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		take(ret, line);
	return ret->pid && ret->state != 'Z' && ret->state != 'X';
}

static void read_all(struct processes *p)
{
	DIR *proc = opendir("/proc");
	const struct dirent *e;
	struct process one, *place;

	p->all.n = 0;
	while (proc && (e = readdir(proc)))
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && read_process(e->d_name, &one) && (place = vec_push(&p->all)))
			*place = one;
	if (proc)
		closedir(proc);
}

static const struct process *find(const struct processes *p, pid_t pid)
{
	for (size_t i = 0; i < p->all.n; i++)
		if (p->all.at[i].pid == pid)
			return &p->all.at[i];
	return NULL;
}

static bool is_named(const struct process *p, const char *name)
{
	return p && strncmp(p->name, name, COMM) == 0;
}

/* ---- what it should be ---- */

static const char *user_name(uint32_t user, char buf[64])
{
	const struct passwd *pw = getpwuid(user);

	if (pw)
		snprintf(buf, 64, "%s", pw->pw_name);
	else
		snprintf(buf, 64, "%u", user);
	return buf;
}

static const char *words_of(uint64_t mask, char buf[512])
{
	size_t n = 0;

	buf[0] = 0;
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(*capabilities) && n < 480; i++)
		if (mask >> i & 1)
			n += (size_t)snprintf(buf + n, 512 - n, "%s%s", n ? " " : "", capabilities[i]);
	return buf;
}

/* Who was started by root has a user of its own, where there is one. */
static bool wrong_user(const struct process *p, const struct process *parent, const struct confine_should *should, char why[512])
{
	bool by_root = should->user && parent && parent->user == 0;
	const struct passwd *own = by_root ? getpwnam(should->user) : NULL;
	char name[64];

	if (!by_root || (own && own->pw_uid == p->user))
		return false;
	snprintf(why, 512, "runs as %s, not as %s", user_name(p->user, name), should->user);
	return true;
}

/* What a process has from who started it is not its own. */
static bool unfiltered(const struct process *p, const struct process *parent, const struct confine_should *should)
{
	return p->seccomp != 2 || (should->filtered != CONFINE_BY_PARENT && parent && p->filters >= 0 && p->filters <= parent->filters);
}

static bool is_wrong(const struct process *p, const struct process *parent, const struct confine_should *should, char why[512])
{
	char words[512];

	if (wrong_user(p, parent, should, why))
		return true;
	if (!should->program && parent->user == 0 && p->user == 0)
		snprintf(why, 512, "runs as root");
	else if (p->holds & ~should->capabilities)
		snprintf(why, 512, "holds capabilities that it should not: %.440s", words_of(p->holds & ~should->capabilities, words));
	else if (should->filtered && !p->no_new_privileges)
		snprintf(why, 512, "could gain privileges (no_new_privs is not set)");
	else if (should->filtered && unfiltered(p, parent, should))
		snprintf(why, 512, p->seccomp == 2 ? "may make every system call that its parent may (it has no filter of its own)"
						   : "may make every system call (seccomp is not in force)");
	else
		return false;
	return true;
}

static void tell_well(const struct process *p, const char *what, processes_told *told, void *arg)
{
	char text[1024], user[64], words[512], handed[128];

	snprintf(text, sizeof(text), "%s (%d): user %s, %s%s%s%s%s", what, p->pid, user_name(p->user, user),
		 p->holds ? "capabilities " : "no capability", words_of(p->holds, words),
		 p->no_new_privileges ? ", no new privileges" : "", p->seccomp == 2 ? ", system calls filtered" : "",
		 handed_words(p->pid, handed));
	told(arg, "ok", "", text);
}

static void judge(const struct process *p, const struct process *parent, const char *what, const struct confine_should *should,
		  const char *mend, processes_told *told, void *arg)
{
	char why[512], text[1024];

	if (!is_wrong(p, parent, should, why)) {
		tell_well(p, what, told, arg);
		return;
	}
	snprintf(text, sizeof(text), "%s (%d): %s", what, p->pid, why);
	told(arg, "critical", mend, text);
}

/* ---- all of them ---- */

/* A host is the template's child, and goes by its plugin's name; while it has none it is just beginning. */
static bool is_host(const struct processes *all, const struct process *p)
{
	const struct process *template = find(all, p->parent);

	return is_named(template, "beadle-host") && is_named(find(all, template->parent), "beadle-agent") && !is_named(p, "beadle-host");
}

struct looking { const struct processes *all; enum processes_half half; processes_told *told; void *arg; };

static const struct confine_should *role_of(const struct looking *l, const struct process *p)
{
	enum confine_role first = l->half == PROCESSES_AGENT ? CONFINE_AGENT : CONFINE_COLLECTOR;
	enum confine_role end = l->half == PROCESSES_AGENT ? CONFINE_COLLECTOR : CONFINE_ROLES;

	for (enum confine_role i = first; i < end; i++)
		if (is_named(p, confine_should(i)->program))
			return confine_should(i);
	return NULL;
}

static void look(const struct looking *l)
{
	for (size_t i = 0; i < l->all->all.n; i++) {
		const struct process *p = &l->all->all.at[i], *parent = find(l->all, p->parent);
		const struct confine_should *should = role_of(l, p);
		const struct confine_should host = {.capabilities = grant_capabilities(), .filtered = true};
		const char *unit = should == confine_should(CONFINE_WATCH) ? "beadle-watch"
				   : l->half == PROCESSES_AGENT		   ? "beadle-agent"
									   : "beadle-collector";
		char what[64], mend[128];

		snprintf(mend, sizeof(mend), "systemctl restart %s; journalctl -u %s tells what failed", unit, unit);
		if (should)
			judge(p, parent, should->program, should, mend, l->told, l->arg);
		else if (l->half == PROCESSES_AGENT && is_host(l->all, p)) {
			snprintf(what, sizeof(what), "plugin %s", p->name);
			judge(p, parent, what, &host, mend, l->told, l->arg);
		}
	}
}

static void count(void *arg, const char *level, const char *mend, const char *what)
{
	*(size_t *)arg += strcmp(level, "ok") != 0;
}

void processes_look(enum processes_half half, processes_told *told, void *arg)
{
	struct processes all = {0};
	size_t bad = 1;

	for (int i = 0; bad && i < LOOKS; i++) {
		if (i)
			poll(NULL, 0, BETWEEN_MS);
		read_all(&all);
		bad = 0;
		look(&(struct looking){&all, half, count, &bad});
	}
	look(&(struct looking){&all, half, told, arg});
	vec_free(&all.all);
}

void processes_kernel(processes_told *told, void *arg)
{
	char missing[CONFINE_WHY], text[CONFINE_WHY + 80];
	const char *what = confine_missing(missing);

	if (!what) {
		told(arg, "ok", "", "this kernel can hold back system calls, files, TCP ports and signals");
		return;
	}
	snprintf(text, sizeof(text), "this kernel leaves to users and modes: %s", what);
	told(arg, landlock_version() > 0 ? "ok" : "warning", landlock_version() > 0 ? "" : "start it with lsm=landlock,... , or take a newer one", text);
}
