/* patch.c - pending updates, how long they wait, and what still runs without them (5.12.5, 5.6.2.2, 5.3.2). */
#define _GNU_SOURCE
#include "plugins/patch/patch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "plugins/patch/reboot.h"
#include "plugins/patch/support.h"

#define SECOND 1000000000
#define OUTPUT_MAX (8 << 20)
#define AGAIN (24 * 3600)	/* seconds; then it is asked again, whatever the files say */

static const struct beadle_option options[] = {
	BEADLE_OPTION(struct patch, manager, "auto", "auto, apt or dnf"),
	BEADLE_OPTION(struct patch, security, "Debian-Security:*,*-security,UbuntuESM*",
		"apt's origins (Label:version/archive) whose updates are security updates"),
	BEADLE_OPTION(struct patch, support, "lts",
		"which end of support counts: standard, lts (free of charge) or extended (bought)"),
	BEADLE_OPTION(struct patch, root, "/", "root of the system to look at: /, or that of a container"),
	BEADLE_OPTION(struct patch, boot, "/boot", "folder of the installed kernels, below the root"),
	BEADLE_OPTION(struct patch, distro_info, "/usr/share/distro-info", "tables of the releases"),
	BEADLE_OPTION(struct patch, apt_get, "/usr/bin/apt-get", "program"),
	BEADLE_OPTION(struct patch, dnf, "/usr/bin/dnf", "program"),
	BEADLE_OPTION(struct patch, timeout, "100s", "how long the package manager may take"),
	{0}
};

static const struct beadle_metric pending = {"patch_pending", "count", "Packages with a pending update", BEADLE_GAUGE};
static const struct beadle_metric security_pending = {"patch_security_pending", "count",
	"Packages with a pending security update", BEADLE_GAUGE};
static const struct beadle_metric oldest_security_age = {"patch_oldest_security_age", "seconds",
	"Since the oldest pending security update was first seen here; 0: none", BEADLE_GAUGE};
static const struct beadle_metric lists_age = {"patch_lists_age", "seconds",
	"Since the package lists were brought up to date: old lists make all of the above worthless", BEADLE_GAUGE};
static const struct beadle_metric reboot_pending = {"patch_reboot_pending", "boolean",
	"A restart is needed: a package says so, or a newer kernel is installed", BEADLE_STATE};
static const struct beadle_metric deleted_libraries = {"patch_deleted_libraries", "count",
	"Processes that still run deleted libraries or a deleted program", BEADLE_GAUGE};
static const struct beadle_metric support_left = {"patch_support_left", "seconds",
	"Until the release's support ends; negative: it has ended", BEADLE_GAUGE};
static const struct beadle_metric last_update_age = {"patch_last_update_age", "seconds",
	"Since packages were last updated", BEADLE_GAUGE};
static const struct beadle_metric *const metrics[] = {
	&pending, &security_pending, &oldest_security_age, &lists_age, &reboot_pending, &deleted_libraries,
	&support_left, &last_update_age, NULL
};

static const struct beadle_need needs[] = {
	{BEADLE_NEED_PROGRAM, "option:apt_get", "to have the pending updates computed, without changing anything"},
	{BEADLE_NEED_PROGRAM, "option:dnf", "the same, where dnf is the package manager"},
	{BEADLE_NEED_PROGRAM, "/usr/bin/dpkg", "apt-get asks it for foreign architectures"},
	{BEADLE_NEED_PROGRAM, "/usr/lib/apt/methods", "apt-get asks them where a package would come from"},
	{BEADLE_NEED_PROGRAM, "/usr/bin/python3", "dnf is written in it"},
	{BEADLE_NEED_READ, "/var/lib/dpkg", "to see when packages changed"},
	{BEADLE_NEED_READ, "/var/lib/apt", "to see how old the lists are"},
	{BEADLE_NEED_READ, "/var/cache/apt", "apt-get reads its tables there"},
	{BEADLE_NEED_READ, "/etc/apt", "apt-get's configuration"},
	{BEADLE_NEED_READ, "/etc/dpkg", "dpkg's configuration"},
	{BEADLE_NEED_READ, "/etc/dnf", "dnf's configuration"},
	{BEADLE_NEED_READ, "/etc/yum.repos.d", "dnf's repositories"},
	{BEADLE_NEED_READ, "/etc/pki", "dnf's keys"},
	{BEADLE_NEED_READ, "/etc/rpm", "rpm's configuration"},
	{BEADLE_NEED_READ, "/var/lib/rpm", "rpm's database"},
	{BEADLE_NEED_READ, "/var/lib/dnf", "to see when packages were last updated by dnf"},
	{BEADLE_NEED_READ, "/var/cache/dnf", "dnf's metadata"},
	{BEADLE_NEED_READ, "/boot", "to see which kernels are installed"},
	{BEADLE_NEED_READ, "/run", "to see whether a restart is asked for"},
	{BEADLE_NEED_READ, "/var/log", "to see when packages were last updated"},
	{BEADLE_NEED_READ, "/etc/locale.alias", "the programs' language"},
	{BEADLE_NEED_WRITE, "/tmp", "apt-get takes signed lists apart there"},
	{BEADLE_NEED_WRITE, "/var/tmp", "dnf keeps a log of its own there"},
	{BEADLE_NEED_SERVICE, "procscan", "to find processes that still run deleted libraries"},
	{0}
};

/* ---- helpers of the managers ---- */

int patch_run(struct beadle_ctx *ctx, const struct patch *p, const char *const argv[], int also, char **ret_out)
{
	int status = beadle_run(ctx, argv, OUTPUT_MAX, p->timeout, ret_out);

	if (status < 0 || status == 0 || status == also)
		return status < 0 ? status : 0;
	beadle_log(ctx, "%s ended with status %d", argv[0], status);
	return -EIO;
}

int patch_lines(char *text, int (*line)(char *line, void *arg), void *arg)
{
	char *save;
	int error = 0;

	for (char *l = strtok_r(text, "\n", &save); l && !error; l = strtok_r(NULL, "\n", &save))
		error = line(l, arg);
	return error;
}

/* ---- the parts of a round ---- */

static const struct manager *find_manager(const struct patch *p)
{
	if (strcmp(p->manager, "dnf") != 0 && (strcmp(p->manager, "apt") == 0 || apt.is_here(p)))
		return &apt;
	return !strcmp(p->manager, "dnf") || dnf.is_here(p) ? &dnf : NULL;
}

static int save_pending(struct beadle_ctx *ctx, const struct patch *p)
{
	size_t n;
	char *text;
	int error = pending_text(&p->pending, &text, &n);

	if (error)
		return error;
	error = beadle_state_write(ctx, "pending", text, n);
	free(text);
	return error == -ENOENT ? 0 : error;	/* a dry run keeps nothing */
}

/* Computes only when lists or packages changed: it costs seconds, and 80 MB. A failure leaves nothing to report. */
static int refresh(struct beadle_ctx *ctx, struct patch *p, const struct manager *m, int64_t now)
{
	uint64_t fingerprint = m->fingerprint(p);
	int error;

	if (p->pending.fingerprint == fingerprint && now >= p->pending.computed && now - p->pending.computed < AGAIN)
		return 0;
	p->pending.fingerprint = 0;
	pending_begin(&p->pending);
	error = m->compute(ctx, p, now);
	if (error)
		return error;
	pending_end(&p->pending);
	p->pending.fingerprint = fingerprint;
	p->pending.computed = now;
	return save_pending(ctx, p);
}

static double since(int64_t then, int64_t now)
{
	return then < now ? (double)(now - then) : 0;
}

static void collect_updates(struct beadle_ctx *ctx, struct patch *p, const struct manager *m, int64_t now)
{
	int64_t oldest, when = 0;
	int error = refresh(ctx, p, m, now);

	if (error) {
		beadle_skip(ctx, -error, "pending updates");
	} else {
		oldest = pending_oldest(&p->pending);
		beadle_put(ctx, &pending, (double)p->pending.count);
		beadle_put(ctx, &security_pending, (double)p->pending.security_count);
		beadle_put(ctx, &oldest_security_age, oldest ? since(oldest, now) : 0);
		if (p->pending.last_update)
			beadle_put(ctx, &last_update_age, since(p->pending.last_update, now));
	}
	error = m->lists(ctx, p, &when);
	if (error)
		beadle_skip(ctx, -error, "age of the package lists");
	else
		beadle_put(ctx, &lists_age, since(when, now));
}

static void collect_reboot(struct beadle_ctx *ctx, const struct patch *p)
{
	static const char *const flags[] = {"/run/reboot-required", "/var/run/reboot-required"};
	char path[PATH_MAX], newest[256] = "";
	struct utsname name;
	bool wanted = false, newer;

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s%s", p->base, flags[i]);
		wanted |= access(path, F_OK) == 0;
	}
	snprintf(path, sizeof(path), "%s%s", p->base, p->boot.name ? p->boot.name : "/boot");
	uname(&name);
	newer = reboot_newer_kernel(path, name.release, newest, sizeof(newest));
	beadle_put(ctx, &reboot_pending, wanted || newer);
	beadle_fact(ctx, "kernel", name.release);
	if (newer)
		beadle_fact(ctx, "kernel_installed", newest);
}

struct counts { unsigned seen, deleted; };

static void count_deleted(const struct beadle_process *process, void *arg)
{
	struct counts *counts = arg;

	counts->seen++;
	counts->deleted += process->deleted_libraries > 0 || process->exe_deleted;
}

/* Of the machine's processes, so only for the machine itself. */
static void collect_processes(struct beadle_ctx *ctx)
{
	struct counts counts = {0};
	int error = -EPERM;

	if (beadle_granted(ctx, BEADLE_NEED_SERVICE, "procscan"))
		error = beadle_processes(ctx, count_deleted, &counts);
	if (!error && counts.seen == 0)	/* there is always one: us */
		error = -EIO;
	if (error)
		beadle_skip(ctx, -error, "processes that run deleted libraries (procscan)");
	else
		beadle_put(ctx, &deleted_libraries, counts.deleted);
}

static enum support support_of(const char *name)
{
	return !strcmp(name, "standard") ? SUPPORT_STANDARD : !strcmp(name, "lts") ? SUPPORT_LTS : SUPPORT_EXTENDED;
}

static void collect_support(struct beadle_ctx *ctx, const struct patch *p, int64_t now)
{
	char path[PATH_MAX], date[16] = "not known";
	struct release release;
	int64_t until = 0;
	struct tm tm;
	int error;

	snprintf(path, sizeof(path), "%s/etc/os-release", p->base);
	error = support_release(path, &release);
	if (!error) {
		beadle_fact(ctx, "os_release", release.name);
		error = support_until(p->distro_info.name ? p->distro_info.name : "", &release, support_of(p->support),
				      &until);
	}
	if (error) {
		beadle_skip(ctx, -error, error == -ENOENT ? "end of support: no table of distro-info-data names it" :
			    error == -ENODATA ? "end of support: nobody names one for this release" : "end of support");
	} else {
		until -= 1;	/* the last second with support: its day is the one that tables name */
		beadle_put(ctx, &support_left, (double)(until - now));
		strftime(date, sizeof(date), "%Y-%m-%d", gmtime_r(&(time_t){until}, &tm));
	}
	beadle_fact(ctx, "support_until", date);
}

static int collect(struct beadle_ctx *ctx, void *state)
{
	struct patch *p = state;
	const struct manager *m = find_manager(p);
	int64_t now = beadle_now_wall(ctx) / SECOND;

	if (m)
		collect_updates(ctx, p, m, now);
	else
		beadle_skip(ctx, ENOENT, "package manager: neither apt nor dnf is here");
	collect_reboot(ctx, p);
	if (!*p->base)
		collect_processes(ctx);
	collect_support(ctx, p, now);
	return 0;
}

/* ---- life ---- */

static bool one_of(struct beadle_ctx *ctx, const char *option, const char *value, const char *const list[3])
{
	for (int i = 0; i < 3; i++)
		if (!strcmp(value, list[i]))
			return true;
	beadle_refuse(ctx, option, 0, "\"%.60s\": expected %s, %s or %s", value, list[0], list[1], list[2]);
	return false;
}

static int open_patch(struct beadle_ctx *ctx, void *state)
{
	static const char *const managers[] = {"auto", "apt", "dnf"};
	static const char *const supports[] = {"standard", "lts", "extended"};
	struct patch *p = state;
	const char *path = beadle_state_path(ctx, "pending");
	int error;

	if (!one_of(ctx, "manager", p->manager, managers) || !one_of(ctx, "support", p->support, supports))
		return -EINVAL;
	p->base = p->root.name && strcmp(p->root.name, "/") != 0 ? p->root.name : "";
	error = path ? pending_load(path, &p->pending) : 0;
	if (error && error != -ENOENT)
		beadle_log(ctx, "what was pending before cannot be read (%s): ages begin anew",
			   strerrordesc_np(-error));
	return 0;
}

static void close_patch(void *state)
{
	struct patch *p = state;

	pending_free(&p->pending);
}

BEADLE_PLUGIN(patch, .version = "0.1.0", .help = "Pending updates and how long they wait, restarts, end of support",
	.state_size = sizeof(struct patch), .options = options, .metrics = metrics, .needs = needs,
	.open = open_patch, .collect = collect, .close = close_patch);
