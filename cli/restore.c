/* beadle restore: a backup is read, checked and laid out beside the state folder, and takes its place when all of it is good and on disk. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <grp.h>
#include <jansson.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "archive.h"
#include "cleanup.h"
#include "clock.h"
#include "command.h"
#include "document.h"
#include "installed.h"
#include "io.h"
#include "sealed.h"
#include "asked.h"

#define ABOUT_MAX (64u * 1024)
#define CHUNK (256u * 1024)

struct restore {
	const char *file, *state, *config, *passphrase_file;
	bool replace;
	char aside[PATH_MAX];		/* where it is laid out */
	char passphrase[ASKED_ROOM], sha256[65];
	json_t *about;
	uint8_t key[SEALED_KEY];
	bool opened;			/* something: it is the right key */
	struct member store;		/* of its folder: whose it is */
};

static int failed(const char *what, int error)
{
	fprintf(stderr, "beadle: %s: %s\n", what, strerror(-error));
	return EXIT_FAILED;
}

static int refused(const struct restore *r, const char *why)
{
	fprintf(stderr, "beadle: %s: %s; nothing was changed\n", r->file, why);
	return EXIT_FAILED;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

/* ---- laying out ---- */

/* Names, not numbers: this may be another machine. Who does not exist here, and without root, it stays ours. */
static int give(int fd, const struct member *m)
{
	const struct passwd *user = geteuid() == 0 && *m->owner ? getpwnam(m->owner) : NULL;
	const struct group *group = geteuid() == 0 && *m->group ? getgrnam(m->group) : NULL;

	if (fchmod(fd, m->mode) < 0)
		return -errno;
	return (user || group) && fchown(fd, user ? user->pw_uid : (uid_t)-1, group ? group->gr_gid : (gid_t)-1) < 0 ? -errno : 0;
}

static int make_folder(const char *path, const struct member *m)
{
	CLOSE int fd = -1;

	if (mkdir(path, 0700) < 0)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : give(fd, m);
}

static int take_all(struct archive_reader *in, uint8_t *ret, size_t n)
{
	ssize_t got = 1;

	for (size_t at = 0; at < n && got > 0; at += (size_t)got)
		got = archive_read(in, ret + at, n - at);
	return got < 0 ? (int)got : 0;
}

static int lay_content(struct archive_reader *in, EVP_CIPHER_CTX *cipher, uint64_t left, int fd)
{
	FREE uint8_t *chunk = malloc(CHUNK);
	uint8_t tag[SEALED_TAG];
	int r = chunk ? 0 : -ENOMEM;

	while (r == 0 && left) {
		size_t n = left < CHUNK ? (size_t)left : CHUNK;

		r = take_all(in, chunk, n);
		if (r == 0)
			r = sealed_some(cipher, chunk, n, chunk);
		if (r == 0)
			r = io_write_all(fd, chunk, n);
		left -= n;
	}
	if (r == 0)
		r = take_all(in, tag, sizeof(tag));
	return r ? r : sealed_end(cipher, tag);
}

/* Opened, and its bytes to the disk. -EACCES: another key, or damaged. */
static int lay_file(const struct restore *r, struct archive_reader *in, const char *path, const struct member *m)
{
	uint8_t nonce[SEALED_NONCE];
	CLOSE int fd = -1;
	EVP_CIPHER_CTX *cipher;
	int e = m->size < SEALED_MORE ? -EBADMSG : take_all(in, nonce, sizeof(nonce));

	if (e)
		return e;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	cipher = sealed_begin(r->key, m->name, nonce, false);
	e = cipher ? lay_content(in, cipher, m->size - SEALED_MORE, fd) : -EIO;
	EVP_CIPHER_CTX_free(cipher);
	if (e == 0)
		e = give(fd, m);
	return e == 0 && fsync(fd) < 0 ? -errno : e;
}

static int make_folders_of(const char *path)
{
	char folder[PATH_MAX + ARCHIVE_NAME];

	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = 0;
	return io_make_folders(folder, 0755);
}

static bool is_in(const char *name, const char *folder)
{
	size_t n = strlen(folder);

	return !strncmp(name, folder, n) && (name[n] == '/' || !name[n]);
}

static int lay(struct restore *r, struct archive_reader *in, const struct member *m)
{
	char path[PATH_MAX + ARCHIVE_NAME];
	int e;

	snprintf(path, sizeof(path), "%s/%s", r->aside, m->name);
	if (m->folder)
		return make_folder(path, m);
	e = is_in(m->name, "config") ? make_folders_of(path) : 0;
	if (e == 0)
		e = lay_file(r, in, path, m);
	r->opened |= e == 0;
	return e == -EACCES && r->opened ? -EBADMSG : e == -ENOENT ? -EBADMSG : e;
}

/* ---- the file ---- */

static bool unhex(const char *hex, uint8_t *ret, size_t n)
{
	for (size_t i = 0; i < n; i++, hex += 2)
		if (strspn(hex, "0123456789abcdef") < 2 || sscanf(hex, "%2hhx", ret + i) != 1)
			return false;
	return !*hex;
}

/* What it is, and what its key is made with. */
static int take_about(struct restore *r, struct archive_reader *in, const struct member *m)
{
	uint8_t text[ABOUT_MAX], salt[SEALED_SALT];
	int e = m->size <= sizeof(text) && !r->about ? take_all(in, text, m->size) : -EBADMSG;

	r->about = e ? r->about : json_loadb((const char *)text, m->size, JSON_REJECT_DUPLICATES, NULL);
	if (e || !r->about || !unhex(document_text(r->about, "salt"), salt, sizeof(salt)))
		return e ? e : -EBADMSG;
	if (json_integer_value(json_object_get(r->about, "format")) != 1)
		return -EPROTONOSUPPORT;
	return sealed_key(r->passphrase, salt, r->key);
}

static int take_member(struct restore *r, struct archive_reader *in, const struct member *m)
{
	static const char *const folders[] = {"signer", "identity", "web", "config", "notify", "store"};

	if (!strcmp(m->name, "backup.json") && !m->folder)
		return take_about(r, in, m);
	if (!strcmp(m->name, "store") && m->folder)
		r->store = *m;
	for (size_t i = 0; r->about && i < sizeof(folders) / sizeof(folders[0]); i++)
		if (is_in(m->name, folders[i]))
			return lay(r, in, m);
	return -EBADMSG;
}

/* Every member, as it was checked before, and what it says once more. */
static int read_members(struct restore *r, struct archive_reader *in)
{
	struct member m;
	char why[256] = "";
	int e;

	while ((e = archive_next(in, &m, why)) > 0) {
		e = take_member(r, in, &m);
		if (e == -EPROTONOSUPPORT)
			snprintf(why, sizeof(why), "it is of a later version than this program: install that version here");
		else if (e == -EACCES)
			snprintf(why, sizeof(why), "this is not its passphrase");
		else if (e == -EBADMSG)
			snprintf(why, sizeof(why), "it is damaged at %s, or cut off there", m.name);
		else if (e)
			return failed(m.name, e);
		if (e)
			break;
	}
	if (e)
		return refused(r, *why ? why : strerror(-e));
	if (!r->opened || !r->store.folder)
		return refused(r, "it is no whole backup");
	archive_digest(in, r->sha256);
	return 0;
}

static int check_members(struct restore *r, struct archive_reader *in)
{
	FREE uint8_t *chunk = malloc(CHUNK);
	struct member m;
	char why[256] = "";
	ssize_t n;
	int e;

	if (!chunk)
		return failed(r->file, -ENOMEM);
	while ((e = archive_next(in, &m, why)) > 0) {
		while ((n = archive_read(in, chunk, CHUNK)) > 0)
			;
		if (n < 0) {
			snprintf(why, sizeof(why), "it is damaged at %s, or cut off there", m.name);
			e = (int)n;
			break;
		}
	}
	return e ? refused(r, why) : 0;
}

/* Read from its beginning to its end. */
static int read_file(struct restore *r, int (*members)(struct restore *, struct archive_reader *))
{
	FCLOSE FILE *in = fopen(r->file, "re");
	struct archive_reader reader;
	int e;

	if (!in)
		return failed(r->file, -errno);
	if (archive_open(&reader, in) < 0)
		return failed(r->file, -ENOMEM);
	e = members(r, &reader);
	archive_close(&reader);
	return e;
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
	e = make_folders_of(to);
	if (e == 0)
		e = copy_file(path, to, st);
	if (e == -EEXIST)
		fprintf(stderr, "beadle: %s is there already and stays as it is\n", to);
	else if (e < 0)
		return failed(to, e);
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
	return e < 0 ? failed(path, -errno) : e;
}

/* ---- in place ---- */

/* The first start finds it, and writes into the journal that this is a backup, and which (collector/engine/restored.c). */
static int leave_word(const struct restore *r)
{
	json_t *word = json_pack("{s:s, s:s, s:I, s:I}", "backup", document_text(r->about, "id"), "sha256", r->sha256, "taken_at",
				 (json_int_t)document_number(r->about, "at"), "restored_at", (json_int_t)clock_wall());
	FREE char *text = json_dumps(word, JSON_COMPACT);
	struct member m = r->store;
	char path[PATH_MAX + 16];
	CLOSE int fd = -1;
	int e;

	json_decref(word);
	snprintf(path, sizeof(path), "%s/store/restored", r->aside);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	m.mode = 0600;
	e = fd < 0 ? -errno : text ? io_write_all(fd, text, strlen(text)) : -ENOMEM;
	if (e == 0)
		e = give(fd, &m);
	return e == 0 && fsync(fd) < 0 ? -errno : e;
}

static int sync_folder(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return type == FTW_DP ? io_sync_folder(path) : 0;
}

static int sync_parent(const char *path)
{
	char folder[PATH_MAX], *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (!slash)
		return io_sync_folder(".");
	*(slash + (slash == folder)) = 0;
	return io_sync_folder(folder);
}

static void remove_aside(const struct restore *r)
{
	nftw(r->aside, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The whole folder, at once. */
static int put_in_place(const struct restore *r)
{
	if (chmod(r->aside, 0711) < 0 || rename(r->aside, r->state) < 0)
		return failed(r->state, -errno);
	return sync_parent(r->state) < 0 ? failed(r->state, -errno) : 0;
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
		return failed(its, -errno);
	e = rename(ours, old) < 0 ? -errno : io_sync_folder(r->state);
	if (e < 0)
		return failed(old, e);
	printf("the store that was there is kept as %s\n", old);
	remove_aside(r);
	return 0;
}

static int lay_out(struct restore *r)
{
	int e = io_make_folders(r->aside, 0700) < 0 ? failed(r->aside, -errno) : read_file(r, read_members);

	if (e == 0)
		e = configure(r);
	if (e == 0 && leave_word(r) < 0)
		e = failed(r->aside, -EIO);
	if (e == 0 && nftw(r->aside, sync_folder, 16, FTW_DEPTH | FTW_PHYS) < 0)
		e = failed(r->aside, -errno);
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
		return failed(path, -errno);
	snprintf(path, sizeof(path), "%s/lock", r->state);
	*ret = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*ret < 0)
		return failed(path, -errno);
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
		return empty > 0 ? 0 : failed(r->state, empty);
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

	if (snprintf(r->aside, sizeof(r->aside), "%s.restoring", r->state) >= (int)sizeof(r->aside))
		return failed(r->state, -ENAMETOOLONG);
	e = may(r, &lock);
	if (e == 0)
		e = read_file(r, check_members);
	if (e == 0 && asked_passphrase(r->passphrase_file, false, r->passphrase) < 0)
		e = EXIT_FAILED;
	if (e)
		return e;
	remove_aside(r);	/* of one that was broken off */
	e = lay_out(r);
	if (e)
		return e;
	at = (time_t)(document_number(r->about, "at") / NS_PER_S);
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
	r.file = argv[optind];
	umask(077);
	e = restore(&r);
	json_decref(r.about);
	OPENSSL_cleanse(r.key, sizeof(r.key));
	OPENSSL_cleanse(r.passphrase, sizeof(r.passphrase));
	return e;
}
