/* dnf.c - Fedora, RHEL and their kin: dnf on what it has in its cache. */
#define _GNU_SOURCE
#include "plugins/patch/patch.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/patch/fingerprint.h"
#include "plugins/patch/updates.h"

#define CACHE "/var/cache/dnf"
#define HASH "-0123456789abcdef"	/* behind a repository's name in the cache */
#define UPDATES 100			/* exit status of check-update when there are some */

static const char *const databases[] = {
	"/var/lib/rpm/rpmdb.sqlite", "/var/lib/rpm/Packages", "/var/lib/rpm/Packages.db",
	"/usr/lib/sysimage/rpm/rpmdb.sqlite",
};

/* The package database's date is that of the last change. */
static int database(const struct patch *p, int64_t *ret)
{
	char path[PATH_MAX];
	struct stat st;

	for (size_t i = 0; i < sizeof(databases) / sizeof(databases[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", p->base, databases[i]);
		if (stat(path, &st) == 0) {
			*ret = st.st_mtim.tv_sec;
			return 0;
		}
	}
	return -ENOENT;
}

static bool is_here(const struct patch *p)
{
	int64_t when;

	return p->dnf.name && access(p->dnf.name, X_OK) == 0 && database(p, &when) == 0;
}

/* Calls `found` for each repository in the cache, with the path of its index below the root. */
static int each_repository(const struct patch *p, void (*found)(const char *name, const char *path, void *arg),
			   void *arg)
{
	char folder[PATH_MAX], path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s" CACHE, p->base);
	dir = opendir(folder);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		size_t n = strlen(entry->d_name);

		if (entry->d_name[0] == '.' || n <= strlen(HASH) || entry->d_name[n - strlen(HASH)] != '-')
			continue;
		snprintf(path, sizeof(path), CACHE "/%s/repodata/repomd.xml", entry->d_name);
		entry->d_name[n - strlen(HASH)] = '\0';
		found(entry->d_name, path, arg);
	}
	closedir(dir);
	return 0;
}

struct summing { const struct patch *patch; uint64_t sum; };

static void add_repository(const char *name, const char *path, void *arg)
{
	struct summing *s = arg;

	fingerprint_file(&s->sum, s->patch->base, path);
}

static uint64_t fingerprint(const struct patch *p)
{
	struct summing s = {p, 2};

	for (size_t i = 0; i < sizeof(databases) / sizeof(databases[0]); i++)
		fingerprint_file(&s.sum, p->base, databases[i]);
	fingerprint_folder(&s.sum, p->base, "/etc/yum.repos.d");
	fingerprint_file(&s.sum, p->base, "/etc/dnf/dnf.conf");
	each_repository(p, add_repository, &s);
	return s.sum;
}

struct oldest { const struct patch *patch; int64_t when; };

/* dnf touches the index of a repository when it finds that nothing changed there. */
static void newest_of_all(const char *name, const char *path, void *arg)
{
	struct oldest *o = arg;
	char full[PATH_MAX];
	struct stat st;

	snprintf(full, sizeof(full), "%s%s", o->patch->base, path);
	if (stat(full, &st) == 0 && st.st_mtim.tv_sec > o->when)
		o->when = st.st_mtim.tv_sec;
}

/* Repositories that are switched off leave old files behind, so the newest counts. Its own date is the server's; the
 * folder's is ours, and changes with each download. */
static int lists(struct beadle_ctx *ctx, const struct patch *p, int64_t *ret)
{
	struct oldest o = {p, 0};
	int error = each_repository(p, newest_of_all, &o);

	if (error)
		return error;
	*ret = o.when;
	return o.when ? 0 : -ENODATA;
}

struct reading { struct patch *patch; int64_t now; bool ended; };

static int line(char *text, void *arg)
{
	struct reading *r = arg;
	struct update update;

	r->ended |= !strncmp(text, "Obsoleting Packages", strlen("Obsoleting Packages"));
	if (!r->ended && updates_dnf(text, &update))
		r->patch->pending.count++;
	return 0;
}

static int security_line(char *text, void *arg)
{
	struct reading *r = arg;
	struct update update;

	return updates_dnf_security(text, &update) ? pending_add(&r->patch->pending, update.name, r->now) : 0;
}

static int run(struct beadle_ctx *ctx, struct patch *p, const char *const words[], int also,
	       int (*each)(char *, void *), int64_t now)
{
	char root[PATH_MAX + 16];
	const char *argv[12] = {p->dnf.name, "-q", "--cacheonly"};
	struct reading reading = {p, now, false};
	char *out = NULL;
	int n = 3, error;

	if (*p->base) {
		snprintf(root, sizeof(root), "--installroot=%s", p->base);
		argv[n++] = root;
	}
	while (*words)
		argv[n++] = *words++;
	error = patch_run(ctx, p, argv, also, &out);
	if (!error)
		error = patch_lines(out, each, &reading);
	free(out);
	return error;
}

static int compute(struct beadle_ctx *ctx, struct patch *p, int64_t now)
{
	static const char *const all[] = {"check-update", NULL};
	static const char *const security[] = {"updateinfo", "list", "--security", "--updates", NULL};
	int error = run(ctx, p, all, UPDATES, line, now);

	if (!error)
		error = run(ctx, p, security, 0, security_line, now);
	if (!error)
		database(p, &p->pending.last_update);
	return error;
}

const struct manager dnf = {"dnf", is_here, fingerprint, lists, compute};
