/* beadle restore: a backup is laid out beside the state folder (layout.h), and takes its place when all of it is good and on disk. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "asked.h"
#include "cleanup.h"
#include "clock.h"
#include "command.h"
#include "document.h"
#include "installed.h"
#include "io.h"
#include "layout.h"

#define CHUNK (256u * 1024)

struct restore {
	const char *state, *config, *passphrase_file;
	bool replace;
	char aside[PATH_MAX];		/* where it is laid out */
	struct layout it;
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

/* ---- configuration ---- */

static int copy_file(const char *from, const char *to, const struct stat *st)
{
	CLOSE int in = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	CLOSE int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	FREE uint8_t *chunk = malloc(CHUNK);
	ssize_t n = 0;
	int r = out < 0 ? -errno : chunk ? 0 : -ENOMEM;

	while (r == 0 && (n = read(in, chunk, CHUNK)) > 0)
		r = io_write_all(out, chunk, (size_t)n);
	if (r == 0 && (n < 0 || fchown(out, st->st_uid, st->st_gid) < 0 || fchmod(out, st->st_mode & 0777) < 0 || fsync(out) < 0))
		r = -errno;
	return r;
}

static const struct restore *configuring;	/* for nftw */

/* What is there already stays: somebody has set this machine up. */
static int configure_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	char to[2 * PATH_MAX];
	int e;

	if (type != FTW_F)
		return 0;
	snprintf(to, sizeof(to), "%s/%s", configuring->config, path + strlen(configuring->aside) + strlen("/config/"));
	e = layout_folders_of(to);
	if (e == 0)
		e = copy_file(path, to, st);
	if (e == -EEXIST)
		fprintf(stderr, "beadle: %s is there already and stays as it is\n", to);
	else if (e < 0)
		return command_failed(to, e);
	return 0;
}

static int configure(const struct restore *r)
{
	char path[PATH_MAX + 16];
	int e = 0;

	snprintf(path, sizeof(path), "%s/config", r->aside);
	configuring = r;
	if (r->config && !r->replace && access(path, F_OK) == 0)
		e = nftw(path, configure_one, 16, FTW_PHYS);
	if (e == 0)
		nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return e < 0 ? command_failed(path, -errno) : e;
}

/* ---- in place ---- */

/* The first start finds it, and writes into the journal that this is a backup, and which (collector/engine/restored.c). */
static int leave_word(const struct restore *r)
{
	json_t *word = json_pack("{s:s, s:s, s:I, s:I}", "backup", document_text(r->it.about, "id"), "sha256", r->it.sha256, "taken_at",
				 (json_int_t)document_number(r->it.about, "at"), "restored_at", (json_int_t)clock_wall());
	FREE char *text = json_dumps(word, JSON_COMPACT);
	struct member m = r->it.store;
	char path[PATH_MAX + 16];
	CLOSE int fd = -1;
	int e;

	json_decref(word);
	snprintf(path, sizeof(path), "%s/store/restored", r->aside);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	m.mode = 0600;
	e = fd < 0 ? -errno : text ? io_write_all(fd, text, strlen(text)) : -ENOMEM;
	if (e == 0)
		e = layout_give(fd, &m);
	return e == 0 && fsync(fd) < 0 ? -errno : e;
}

static int sync_folder(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return type == FTW_DP ? io_sync_folder(path) : 0;
}

static void remove_aside(const struct restore *r)
{
	nftw(r->aside, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The whole folder, at once. */
static int put_in_place(const struct restore *r)
{
	int e = chmod(r->aside, 0711) < 0 ? -errno : io_rename(r->aside, r->state);

	return e < 0 ? command_failed(r->state, e) : 0;
}

/* The store alone, in exchange for the one that is there, which is kept. */
static int exchange(const struct restore *r)
{
	char ours[PATH_MAX + 16], its[PATH_MAX + 16], old[PATH_MAX + 64];
	int e;

	snprintf(ours, sizeof(ours), "%s/store", r->aside);
	snprintf(its, sizeof(its), "%s/store", r->state);
	snprintf(old, sizeof(old), "%s/store.before-%lld", r->state, (long long)(clock_wall() / NS_PER_S));
	if (renameat2(AT_FDCWD, ours, AT_FDCWD, its, RENAME_EXCHANGE) < 0)
		return command_failed(its, -errno);
	e = io_rename(ours, old);
	if (e < 0)
		return command_failed(old, e);
	printf("the store that was there is kept as %s\n", old);
	remove_aside(r);
	return 0;
}

static int lay_out(struct restore *r)
{
	int e = io_make_folders(r->aside, 0700) < 0 ? command_failed(r->aside, -errno) : layout_read(&r->it);

	if (e == 0)
		e = configure(r);
	if (e == 0 && leave_word(r) < 0)
		e = command_failed(r->aside, -EIO);
	if (e == 0 && nftw(r->aside, sync_folder, 16, FTW_DEPTH | FTW_PHYS) < 0)
		e = command_failed(r->aside, -errno);
	if (e == 0)
		e = r->replace ? exchange(r) : put_in_place(r);
	if (e)
		remove_aside(r);
	return e;
}

/* ---- whether it may ---- */

/* 1; 0: there is something in it; -errno. */
static int is_empty(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *e;
	int r = 1;

	if (!dir)
		return errno == ENOENT ? 1 : -errno;
	while (r && (e = readdir(dir)))
		r = !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
	closedir(dir);
	return r;
}

/* A lock that nobody holds, of a state folder that has a store; held until we end. */
static int lock_state(const struct restore *r, int *ret)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/store", r->state);
	if (access(path, F_OK) < 0)
		return command_failed(path, -errno);
	snprintf(path, sizeof(path), "%s/lock", r->state);
	*ret = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*ret < 0)
		return command_failed(path, -errno);
	if (flock(*ret, LOCK_EX | LOCK_NB) == 0)
		return 0;
	fprintf(stderr, "beadle: %s: a collector is at work here: stop it first\n", r->state);
	return EXIT_FAILED;
}

static int may(const struct restore *r, int *lock)
{
	int empty = r->replace ? 0 : is_empty(r->state);

	if (r->replace)
		return lock_state(r, lock);
	if (empty)
		return empty > 0 ? 0 : command_failed(r->state, empty);
	fprintf(stderr, "beadle: %s: there is something in it: name an empty folder; --replace puts back the store alone, and keeps what this collector "
		"knows of keys that it made and revoked\n", r->state);
	return EXIT_FAILED;
}

static int restore(struct restore *r)
{
	CLOSE int lock = -1;
	char taken[32];
	struct tm tm;
	time_t at;
	int e;

	r->it.into = r->aside;
	if (snprintf(r->aside, sizeof(r->aside), "%s.restoring", r->state) >= (int)sizeof(r->aside))
		return command_failed(r->state, -ENAMETOOLONG);
	e = may(r, &lock);
	if (e == 0)
		e = layout_check(&r->it);
	if (e == 0 && asked_passphrase(r->passphrase_file, false, r->it.passphrase) < 0)
		e = EXIT_FAILED;
	if (e)
		return e;
	remove_aside(r);	/* of one that was broken off */
	e = lay_out(r);
	if (e)
		return e;
	at = (time_t)(document_number(r->it.about, "at") / NS_PER_S);
	strftime(taken, sizeof(taken), "%Y-%m-%d %H:%M:%S", localtime_r(&at, &tm));
	printf("%s: as it was on %s. The collector's first start says so in its journal; agents send again what they have kept since.\n", r->state, taken);
	if (!r->replace)
		printf("Revoke again whatever was revoked after that: beadle identity list\n");
	return EXIT_DONE;
}

int command_restore(int argc, char **argv)
{
	static const struct option options[] = {{"state", required_argument, NULL, 's'}, {"config", required_argument, NULL, 'c'},
		{"passphrase-file", required_argument, NULL, 'p'}, {"replace", no_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
	struct restore r = {.state = LOCALSTATEDIR "/lib/beadle/collector"};
	int o, e;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (o) {
		case 's': r.state = optarg; break;
		case 'c': r.config = optarg; break;
		case 'p': r.passphrase_file = optarg; break;
		case 'r': r.replace = true; break;
		default: return command_usage_option(argv);
		}
	if (optind + 1 != argc)
		return command_usage(argv[0], "needs the backup's file");
	r.it.file = argv[optind];
	umask(077);
	e = restore(&r);
	layout_close(&r.it);
	return e;
}
