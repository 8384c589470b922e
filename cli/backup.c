/* beadle backup: one file of all that a collector is. It goes on with its work meanwhile: it makes copies of the store's files, one after the other,
 * and what is in its other folders is replaced as a whole whenever it changes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "archive.h"
#include "asked.h"
#include "cleanup.h"
#include "client.h"
#include "clock.h"
#include "command.h"
#include "conf.h"
#include "document.h"
#include "io.h"
#include "sealed.h"
#include "text.h"

struct backup {
	const char *target, *passphrase_file;
	char passphrase[ASKED_ROOM];
	uint8_t key[SEALED_KEY];
	char salt[2 * SEALED_SALT + 1];		/* in hex */
	char path[PATH_MAX], partial[PATH_MAX + 8], state[PATH_MAX], config[PATH_MAX];	/* config: collector.yaml */
	json_t *begun;			/* what the collector said of itself */
	struct archive_writer out;
	char sha256[65];
	off_t bytes;
	int64_t took;
};

/* One nonce seals no more (sealed.h). */
static int too_large(const char *path)
{
	fprintf(stderr, "beadle: %s has more than 64 GiB, which no backup can hold: nothing was backed up\n", path);
	return -EXIT_FAILED;
}

/* ---- files and folders as they are ---- */

static int put_file(struct backup *b, const char *path, const char *name)
{
	CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct member m;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		return 0;
	else {
		archive_member(name, &st, &m);
		r = archive_put_sealed(&b->out, &m, fd, b->key);
	}
	if (r == -EFBIG)
		return too_large(path);
	return r == -ENOENT ? 0 : r < 0 ? -command_failed(path, r) : 0;	/* it was replaced, or done with, this moment */
}

/* The folder alone, for its owner and mode. */
static int put_folder(struct backup *b, const char *name)
{
	char path[PATH_MAX + 16];
	struct member m;
	struct stat st;
	int r = 0;

	snprintf(path, sizeof(path), "%s/%s", b->state, name);
	if (stat(path, &st) < 0)
		r = -errno;
	else {
		archive_member(name, &st, &m);
		r = archive_put(&b->out, &m, NULL);
	}
	return r < 0 ? -command_failed(path, r) : 0;
}

/* What io_replace_file has not put in its place yet. */
static bool is_whole(const char *name)
{
	size_t n = strlen(name);

	return archive_is_name(name) && (n < 4 || strcmp(name + n - 4, ".new"));
}

/* And its files; a pair of keys that grows in a folder of its own (lib/renewal.h) is none of them. */
static int put_files(struct backup *b, const char *folder)
{
	char path[2 * PATH_MAX], name[PATH_MAX];
	int r = put_folder(b, folder);
	const struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", b->state, folder);
	dir = r ? NULL : opendir(path);
	if (!r && !dir)
		r = -command_failed(path, -errno);
	while (r == 0 && (e = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s/%s", b->state, folder, e->d_name);
		snprintf(name, sizeof(name), "%s/%s", folder, e->d_name);
		if (is_whole(name))
			r = put_file(b, path, name);
	}
	if (dir)
		closedir(dir);
	return r;
}

/* ---- configuration ---- */

/* Files beside collector.yaml and below: who restores it says which folder that is now. */
static int put_configured(struct backup *b, const char *path)
{
	size_t folder = (size_t)(strrchr(b->config, '/') - b->config) + 1;
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "config/%s", path + (strncmp(path, b->config, folder) ? 0 : folder));
	if (!strncmp(path, b->config, folder) && archive_is_name(name))
		return put_file(b, path, name);
	fprintf(stderr, "beadle: not in the backup, keep a copy of it: %s (it is not in the folder of %s)\n", path, b->config);
	return 0;
}

static int put_named(struct backup *b, const struct conf_node *map)
{
	static const char *const keys[] = {"password-file", "header-file", "ca"};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct conf_node *node = map && conf_type(map) == CONF_MAP ? conf_get(map, keys[i]) : NULL;

		if (node && conf_type(node) == CONF_TEXT && conf_value(node)[0] == '/')
			r = put_configured(b, conf_value(node));
	}
	return r;
}

/* What the notifier alone reads. */
static int put_notify(struct backup *b)
{
	struct problems *p = problems_new();
	struct conf *c = p ? conf_read(b->config, p) : NULL;
	const struct conf_node *notify = c ? conf_get(conf_root(c), "notify") : NULL, *hooks;
	int r = 0;

	notify = notify && conf_type(notify) == CONF_MAP ? notify : NULL;
	hooks = notify ? conf_get(notify, "webhooks") : NULL;
	r = notify ? put_named(b, conf_get(notify, "mail")) : 0;
	for (size_t i = 0; r == 0 && hooks && conf_type(hooks) == CONF_MAP && i < conf_count(hooks); i++)
		r = put_named(b, conf_at(hooks, i));
	conf_free(c);
	problems_free(p);
	return r;
}

static int put_configuration(struct backup *b)
{
	const json_t *file;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(b->begun, "files"), i, file)
		if (r == 0)
			r = put_configured(b, json_string_value(file));
	return r ? r : put_notify(b);
}

/* ---- the store ---- */

static int put_part(struct backup *b, const char *part)
{
	char path[PATH_MAX + 128], name[80];
	json_t *d;
	int r = client_ask("backup.copy", json_pack("{s:s, s:s}", "id", document_text(b->begun, "id"), "part", part), &d);

	if (r == EXIT_NOT_FOUND)	/* it has become too old meanwhile */
		return 0;
	if (r)
		return -r;
	snprintf(path, sizeof(path), "%s/store/%.32s", b->state, document_text(d, "file"));
	snprintf(name, sizeof(name), "store/%.64s", part);
	json_decref(d);
	return put_file(b, path, name);
}

/* Before hours are spent on all that comes before it. */
static int look_at_sizes(const struct backup *b)
{
	const json_t *part;
	size_t i;

	json_array_foreach(json_object_get(b->begun, "parts"), i, part) {
		char path[PATH_MAX + 128];
		struct stat st;

		snprintf(path, sizeof(path), "%s/store/%.64s", b->state, json_string_value(part));
		if (stat(path, &st) == 0 && (uint64_t)st.st_size > SEALED_MAX)
			return too_large(path);
	}
	return 0;
}

static int put_about(struct backup *b)
{
	FREE char *text = NULL;
	struct member m = {.name = "backup.json", .mode = 0600, .time = clock_wall() / NS_PER_S};
	json_t *about = json_copy(b->begun);
	int r = -ENOMEM;

	json_object_del(about, "parts");
	json_object_set_new(about, "format", json_integer(1));
	json_object_set_new(about, "salt", json_string(b->salt));
	text = json_dumps(about, JSON_INDENT(2));
	json_decref(about);
	m.size = text ? strlen(text) : 0;
	if (text)
		r = archive_put(&b->out, &m, text);
	return r < 0 ? -command_failed(b->partial, r) : 0;
}

/* The signer's folder before the journal: so the journal has every entry that was signed. */
static int fill(struct backup *b)
{
	static const char *const folders[] = {"signer", "identity", "web"};
	const json_t *part;
	size_t i;
	int r = look_at_sizes(b);

	if (r == 0)
		r = put_about(b);
	for (i = 0; r == 0 && i < sizeof(folders) / sizeof(folders[0]); i++)
		r = put_files(b, folders[i]);
	if (r == 0)
		r = put_configuration(b);
	if (r == 0)
		r = put_folder(b, "notify");
	if (r == 0)
		r = put_folder(b, "store");
	json_array_foreach(json_object_get(b->begun, "parts"), i, part)
		if (r == 0)
			r = put_part(b, json_string_value(part));
	return r;
}

/* Everything but the manifest and what kind of backup it is: the store has secrets of people, too. */
static int make_key(struct backup *b)
{
	uint8_t salt[SEALED_SALT];
	int r = RAND_bytes(salt, sizeof(salt)) == 1 ? sealed_key(b->passphrase, salt, b->key) : -EIO;

	text_hex(salt, sizeof(salt), b->salt);
	return r < 0 ? command_failed("a key for it", r) : 0;
}

/* ---- the file ---- */

static int name_it(struct backup *b)
{
	int64_t now = clock_wall() / NS_PER_S;
	char folder[PATH_MAX], day[32];
	time_t t = (time_t)now;
	struct stat st;
	struct tm tm;
	char *slash;

	if (stat(b->target, &st) == 0 && S_ISDIR(st.st_mode)) {
		strftime(day, sizeof(day), "%Y%m%dT%H%M%S", localtime_r(&t, &tm));
		if (!realpath(b->target, folder))
			return command_failed(b->target, -errno);
		snprintf(b->path, sizeof(b->path), "%.3900s/beadle-%.64s-%s.tar", folder, document_text(b->begun, "name"), day);
	} else {
		snprintf(folder, sizeof(folder), "%s", b->target);
		slash = strrchr(folder, '/');
		snprintf(b->path, sizeof(b->path), "%s", slash ? slash + 1 : folder);
		if (slash)
			*(slash == folder ? slash + 1 : slash) = 0;
		slash = realpath(slash ? folder : ".", NULL);
		if (!slash)
			return command_failed(b->target, -errno);
		snprintf(folder, sizeof(folder), "%s", b->path);
		snprintf(b->path, sizeof(b->path), "%.3900s/%.190s", slash, folder);
		free(slash);
	}
	snprintf(b->partial, sizeof(b->partial), "%s.partial", b->path);
	if (access(b->path, F_OK) == 0)
		return command_failed(b->path, -EEXIST);
	return 0;
}

/* It bears its name when all of it is on disk. */
static int finish(struct backup *b, FILE *out)
{
	struct stat st;
	int r = archive_end(&b->out, b->sha256);

	if (r == 0 && (fflush(out) || fsync(fileno(out)) < 0 || fstat(fileno(out), &st) < 0))
		r = -errno;
	if (r == 0 && rename(b->partial, b->path) < 0)
		r = -errno;
	if (r < 0)
		return command_failed(b->partial, r);
	b->bytes = st.st_size;
	r = io_sync_parent(b->path);
	if (r < 0)
		unlink(b->path);
	return r < 0 ? command_failed(b->path, r) : 0;
}

static int write_it(struct backup *b)
{
	CLOSE int fd = open(b->partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FCLOSE FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	int r;

	if (!out)
		return command_failed(b->partial, -errno);
	TAKE_FD(fd);
	r = archive_begin(&b->out, out) < 0 ? command_failed(b->partial, -ENOMEM) : 0;
	if (r == 0) {
		r = -fill(b);
		r = r ? r : finish(b, out);
		archive_abandon(&b->out);
	}
	if (r)
		unlink(b->partial);
	return r;
}

/* ---- what is told ---- */

static void shell_word(const char *text)
{
	bool plain = *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,+@")] == 0;

	if (plain)
		fputs(text, stdout);
	else {
		putchar('\'');
		for (; *text; text++)
			*text == '\'' ? fputs("'\\''", stdout) : putchar(*text);
		putchar('\'');
	}
}

static void print_command(const struct backup *b)
{
	char folder[PATH_MAX], file[PATH_MAX];

	snprintf(folder, sizeof(folder), "%s", b->config);
	*strrchr(folder, '/') = 0;
	printf("  beadle restore ");
	shell_word(b->path);
	printf(" --state ");
	shell_word(b->state);
	printf(" --config ");
	shell_word(folder);
	if (b->passphrase_file) {
		printf(" --passphrase-file ");
		shell_word(realpath(b->passphrase_file, file) ? file : b->passphrase_file);
	}
	putchar('\n');
}

static int print(const struct backup *b)
{
	char size[24], took[24];

	if (command_json)
		return command_print(json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:s}", "id", document_text(b->begun, "id"), "file", b->path, "bytes",
					       (json_int_t)b->bytes, "took_ns", (json_int_t)b->took, "sha256", b->sha256, "state", b->state,
					       "config", b->config));
	printf("%s: %s in %s, through entry %lld of the journal\nSHA-256 %s\n", b->path, text_put_size((double)b->bytes, size),
	       text_put_duration(b->took / NS_PER_MS * NS_PER_MS, took), document_number(b->begun, "entry"), b->sha256);
	printf("Keep it away from this machine, and its passphrase away from it: without the passphrase nobody can restore it.\n"
	       "To restore it, as root on a machine with Beadle %s and without a collector that runs:\n", document_text(b->begun, "version"));
	print_command(b);
	printf("  systemctl start beadle-collector\n");
	return EXIT_DONE;
}

/* ---- the command ---- */

static int end(struct backup *b, int r)
{
	json_t *d;
	int told = client_ask("backup.end", json_pack("{s:s, s:s, s:I}", "id", document_text(b->begun, "id"), "sha256", r ? "" : b->sha256, "bytes",
						      (json_int_t)b->bytes), &d);

	if (told == 0)
		json_decref(d);
	else if (r == 0)
		fprintf(stderr, "beadle: %s is whole, but the collector has not written it down in its journal\n", b->path);
	return r ? r : told;
}

static int make(struct backup *b)
{
	int64_t start = clock_boot();
	int r = client_ask("backup.begin", NULL, &b->begun);

	if (r)
		return r;
	snprintf(b->state, sizeof(b->state), "%s", document_text(b->begun, "state"));
	snprintf(b->config, sizeof(b->config), "%s", json_string_value(json_array_get(json_object_get(b->begun, "files"), 0)));
	r = name_it(b);
	if (r == 0)
		r = make_key(b);
	if (r == 0)
		r = write_it(b);
	b->took = clock_boot() - start;
	r = end(b, r);
	if (r == 0)
		r = print(b);
	json_decref(b->begun);
	return r;
}

int command_backup(int argc, char **argv)
{
	static const struct option options[] = {{"passphrase-file", required_argument, NULL, 'p'}, {NULL, 0, NULL, 0}};
	struct backup b = {0};
	int o, r;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o != 'p')
			return command_usage_option(argv);
		b.passphrase_file = optarg;
	}
	if (optind + 1 != argc)
		return command_usage(argv[0], "needs the file to write, or the folder to write it to");
	b.target = argv[optind];
	if (asked_passphrase(b.passphrase_file, true, b.passphrase) < 0)
		return EXIT_FAILED;
	umask(077);
	r = make(&b);
	OPENSSL_cleanse(b.passphrase, sizeof(b.passphrase));
	OPENSSL_cleanse(b.key, sizeof(b.key));
	return r;
}
