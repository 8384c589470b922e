/* apt.c - Debian and Ubuntu: apt-get's own simulation, never a reading of the lists by hand. */
#define _GNU_SOURCE
#include "plugins/patch/patch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/patch/fingerprint.h"
#include "plugins/patch/history.h"
#include "plugins/patch/updates.h"

static bool is_here(const struct patch *p)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/var/lib/dpkg/status", p->base);
	return p->apt_get.name && access(p->apt_get.name, X_OK) == 0 && access(path, F_OK) == 0;
}

static uint64_t fingerprint(const struct patch *p)
{
	uint64_t sum = 1;

	fingerprint_file(&sum, p->base, "/var/lib/dpkg/status");
	fingerprint_file(&sum, p->base, "/var/lib/apt/extended_states");
	fingerprint_folder(&sum, p->base, "/var/lib/apt/lists");
	fingerprint_file(&sum, p->base, "/etc/apt/sources.list");
	fingerprint_folder(&sum, p->base, "/etc/apt/sources.list.d");
	fingerprint_file(&sum, p->base, "/etc/apt/preferences");
	fingerprint_folder(&sum, p->base, "/etc/apt/preferences.d");
	fingerprint_folder(&sum, p->base, "/etc/apt/apt.conf.d");
	return sum;
}

static int modified(const char *base, const char *path, int64_t *ret)
{
	char full[PATH_MAX];
	struct stat st;

	snprintf(full, sizeof(full), "%s%s", base, path);
	if (stat(full, &st) < 0)
		return -errno;
	*ret = st.st_mtim.tv_sec;
	return 0;
}

/* The stamp of success where something writes it; else apt's room for downloads, which an update that got nothing
 * leaves alone. (The lists themselves bear the server's dates.) */
static int lists(struct beadle_ctx *ctx, const struct patch *p, int64_t *ret)
{
	int64_t hook;

	if (modified(p->base, "/etc/apt/apt.conf.d/15update-stamp", &hook) == 0 &&
	    modified(p->base, "/var/lib/apt/periodic/update-success-stamp", ret) == 0)
		return 0;
	return modified(p->base, "/var/lib/apt/lists/partial", ret);
}

struct reading { struct patch *patch; int64_t now; };

static bool is_security(const char *origin, void *arg)
{
	return beadle_globs_match(((struct patch *)arg)->security, origin);
}

static int line(char *text, void *arg)
{
	struct reading *r = arg;
	struct update update;

	if (!updates_apt(text, is_security, r->patch, &update))
		return 0;
	r->patch->pending.count++;
	return update.security ? pending_add(&r->patch->pending, update.name, r->now) : 0;
}

static int compute(struct beadle_ctx *ctx, struct patch *p, int64_t now)
{
	char root[PATH_MAX + 8], status[PATH_MAX + 40], logs[PATH_MAX + 16];
	const char *argv[12] = {p->apt_get.name, "-s", "-q", "-o", "Debug::NoLocking=true"};
	struct reading reading = {p, now};
	char *out = NULL;
	int n = 5, error;

	if (*p->base) {
		snprintf(root, sizeof(root), "Dir=%s", p->base);
		snprintf(status, sizeof(status), "Dir::State::status=%s/var/lib/dpkg/status", p->base);
		argv[n++] = "-o";
		argv[n++] = root;
		argv[n++] = "-o";
		argv[n++] = status;
	}
	argv[n] = "dist-upgrade";
	error = patch_run(ctx, p, argv, 0, &out);
	if (!error)
		error = patch_lines(out, line, &reading);
	free(out);
	snprintf(logs, sizeof(logs), "%s/var/log", p->base);
	if (!error)
		history_dpkg(logs, &p->pending.last_update);
	return error;
}

const struct manager apt = {"apt", is_here, fingerprint, lists, compute};
