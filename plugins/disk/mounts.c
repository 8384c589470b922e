/* mounts.c - what is mounted where, once for each file system. */
#include "plugins/disk/mounts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int mounts_read_text(int fd, size_t limit, char **ret)
{
	size_t room = 16384, n = 0;
	char *text = malloc(room);

	while (text) {
		/* pread, so that an open table can be read again */
		ssize_t got = pread(fd, text + n, room - n - 1, (off_t)n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || n + (size_t)got > limit) {
			int error = got < 0 ? -errno : -EFBIG;
			free(text);
			return error;
		}
		n += (size_t)got;
		if (got == 0) {
			text[n] = '\0';
			*ret = text;
			return 0;
		}
		if (room - n < 4096) {
			char *more = realloc(text, room *= 2);
			if (!more)
				break;
			text = more;
		}
	}
	free(text);
	return -ENOMEM;
}

void mounts_unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' &&
		    s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

static const char *field(char **line)
{
	char *s = strsep(line, " ");

	if (s)
		mounts_unescape(s);
	return s;
}

/* "36 35 98:0 /root /dir rw,noatime master:1 - ext3 /dev/root rw,errors=continue" */
static bool parse_line(char *line, struct mount *m)
{
	const char *numbers[3], *optional, *options;

	for (int i = 0; i < 3; i++)
		numbers[i] = field(&line);
	m->root = field(&line);
	m->dir = field(&line);
	field(&line);
	do
		optional = field(&line);
	while (optional && strcmp(optional, "-") != 0);
	m->type = field(&line);
	m->source = field(&line);
	options = field(&line);		/* of the file system; begin with ro or rw */
	m->readonly = options && strncmp(options, "ro", 2) == 0 && (options[2] == ',' || options[2] == '\0');
	return m->source && sscanf(numbers[0], "%d", &m->id) == 1 && sscanf(numbers[1], "%d", &m->parent) == 1 &&
	       sscanf(numbers[2], "%u:%u", &m->major, &m->minor) == 2;
}

/* Known to answer from memory or from a disk of this machine; whatever is not listed is guarded. */
static bool is_local(const char *type)
{
	static const char *const local[] = {
		"ext2", "ext3", "ext4", "xfs", "btrfs", "bcachefs", "zfs", "f2fs", "jfs", "reiserfs", "nilfs2",
		"vfat", "msdos", "exfat", "ntfs3", "hfs", "hfsplus", "udf", "iso9660", "squashfs", "erofs",
		"cramfs", "romfs", "minix", "ubifs", "jffs2", "tmpfs", "devtmpfs", "ramfs", "overlay", "rootfs",
		"proc", "sysfs", "devpts", "cgroup", "cgroup2", "mqueue", "hugetlbfs", "debugfs", "tracefs",
		"securityfs", "pstore", "efivarfs", "bpf", "configfs", "fusectl", "binfmt_misc", "rpc_pipefs",
		"nsfs", "selinuxfs",
	};

	for (size_t i = 0; i < sizeof(local) / sizeof(*local); i++)
		if (strcmp(type, local[i]) == 0)
			return true;
	return false;
}

/* A local disk mounted below a network mount is reached only through that. */
static void mark_remote(struct mounts *mounts)
{
	bool changed = true;

	for (size_t i = 0; i < mounts->n; i++)
		mounts->at[i].remote = !is_local(mounts->at[i].type) && strcmp(mounts->at[i].type, "autofs") != 0;
	for (int rounds = 0; changed && rounds < 64; rounds++) {
		changed = false;
		for (size_t i = 0; i < mounts->n; i++) {
			struct mount *m = &mounts->at[i];
			for (size_t j = 0; j < mounts->n && !m->remote; j++)
				if (mounts->at[j].remote && mounts->at[j].id == m->parent)
					changed = m->remote = true;
		}
	}
}

static size_t count_lines(const char *text)
{
	size_t n = 1;

	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

int mounts_parse(char *text, struct mounts *ret)
{
	struct mounts mounts = {.at = calloc(count_lines(text), sizeof(struct mount)), .text = text};
	char *line, *rest = text;

	if (!mounts.at) {
		free(text);
		return -ENOMEM;
	}
	while ((line = strsep(&rest, "\n"))) {
		if (*line == '\0')
			continue;
		if (!parse_line(line, &mounts.at[mounts.n])) {
			mounts_free(&mounts);
			return -EBADMSG;
		}
		mounts.n++;
	}
	mark_remote(&mounts);
	*ret = mounts;
	return 0;
}

int mounts_read(int fd, struct mounts *ret)
{
	char *text;
	int error = mounts_read_text(fd, MOUNTS_TEXT_MAX, &text);

	return error ? error : mounts_parse(text, ret);
}

void mounts_free(struct mounts *mounts)
{
	free(mounts->at);
	free(mounts->text);
	*mounts = (struct mounts){0};
}

const struct mount *mounts_find(const struct mounts *mounts, int id)
{
	for (size_t i = 0; i < mounts->n; i++)
		if (mounts->at[i].id == id)
			return &mounts->at[i];
	return NULL;
}

int mounts_add_root(struct mounts *mounts)
{
	struct mount root = {.id = 0, .parent = -1, .root = "/", .dir = "/", .type = "", .source = ""};
	struct mount *more;
	struct stat st;

	for (size_t i = 0; i < mounts->n; i++)
		if (strcmp(mounts->at[i].dir, "/") == 0)
			return 0;
	if (stat("/", &st) < 0)
		return -errno;
	root.major = major(st.st_dev);
	root.minor = minor(st.st_dev);
	more = realloc(mounts->at, (mounts->n + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	memmove(more + 1, more, mounts->n * sizeof(*more));
	more[0] = root;
	mounts->at = more;
	mounts->n++;
	return 0;
}

/* The device number tells file systems apart. Not so for a share mounted twice with other options: its name does. */
static bool same_file_system(const struct mount *a, const struct mount *b)
{
	if (a->major == b->major && a->minor == b->minor)
		return true;
	return a->remote && b->remote && strcmp(a->type, b->type) == 0 && strcmp(a->root, b->root) == 0 &&
	       strchr(a->source, '/') && strcmp(a->source, b->source) == 0;
}

static bool is_below(const char *dir, const char *top)
{
	size_t n = strlen(top);

	return strncmp(dir, top, n) == 0 && (dir[n] == '/' || (n == 1 && dir[1] != '\0'));
}

/* Was `over` mounted on a folder above `m` when that stood there already? */
static bool buries(const struct mount *over, const struct mount *m)
{
	return over != m && over->parent == m->parent && is_below(m->dir, over->dir);
}

static bool stands_on(const struct mount *over, const struct mount *m)
{
	return over->parent == m->id && strcmp(over->dir, m->dir) == 0;
}

/* Does a path to `m` end up on another mount? `topped`: asked for the mount that stands on its very folder. */
static bool is_hidden(const struct mounts *mounts, const struct mount *m, bool topped, int depth)
{
	const struct mount *parent = NULL;

	for (size_t i = 0; i < mounts->n; i++) {
		const struct mount *other = &mounts->at[i];
		if (buries(other, m) || (!topped && stands_on(other, m)))
			return true;
		if (other != m && other->id == m->parent)
			parent = other;
	}
	return parent && depth < 64 && is_hidden(mounts, parent, stands_on(m, parent), depth + 1);
}

void mounts_unique(struct mounts *mounts)
{
	size_t kept = 0;

	for (size_t i = 0; i < mounts->n; i++)
		mounts->at[i].hidden = is_hidden(mounts, &mounts->at[i], false, 0);
	for (size_t i = 0; i < mounts->n; i++) {
		size_t j = 0;
		if (mounts->at[i].hidden)
			continue;
		while (j < kept && !same_file_system(&mounts->at[j], &mounts->at[i]))
			j++;
		if (j == kept)
			mounts->at[kept++] = mounts->at[i];
		else if (strlen(mounts->at[i].root) < strlen(mounts->at[j].root))
			mounts->at[j] = mounts->at[i];
	}
	mounts->n = kept;
}
