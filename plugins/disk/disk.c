/* disk.c - space and inodes of every real file system, and which of them turned read-only (5.3.3). */
#include <beadle/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "plugins/disk/mounts.h"
#include "plugins/disk/writable.h"

#define SECOND INT64_C(1000000000)
#define TABLE_AGE (60 * SECOND)		/* the kernel tells of mounts at once, but not of all that happens in between */
#define REPORT_ROOM (500u << 10)	/* bytes that names may take in a round, of which the host takes 768 KiB */
#define WANTED_MAX 500		/* lines of fstab */
#define FIRST_WAIT SECOND		/* for a remote mount; and in all, before only a glance is left for the rest */
#define ALL_WAIT (3 * SECOND)
#define GLANCE (SECOND / 20)

struct disk {
	struct beadle_path table, fstab;
	struct beadle_globs *mounts, *skip_mounts, *skip_types, *readonly_ok;

	int fd;				/* the open table */
	int64_t read_at;		/* boot clock; 0: not yet */
	struct mounts current;		/* one mount of each file system that is reported */
	struct mounts asked;		/* within a round: the table as it is now; empty: not needed so far */
	bool crowded;			/* more file systems than fit into a round */
	struct fstab wanted;
	struct writable writable;
	int64_t waited;			/* this round, for remote mounts */
};

static const struct beadle_option options[] = {
	BEADLE_OPTION(struct disk, mounts, "*", "mount points to report"),
	BEADLE_OPTION(struct disk, skip_mounts,
		      "/dev,/dev/*,/proc/*,/sys/*,/run/credentials/*,/run/user/*,"
		      "/run/docker/*,/var/lib/docker/*,/var/lib/containers/*",
		      "mount points to leave out"),
	BEADLE_OPTION(struct disk, skip_types,
		      "autofs,squashfs,iso9660,udf,erofs,cramfs,romfs,nsfs,fuse.portal,fuse.gvfsd-fuse,"
		      "fuse.lxcfs,fuse.snapfuse",
		      "file system types to leave out: what has no free space by its nature"),
	BEADLE_OPTION(struct disk, readonly_ok, "", "mount points that are meant to be read-only"),
	BEADLE_OPTION(struct disk, table, "/proc/self/mountinfo", "table of mounts"),
	BEADLE_OPTION(struct disk, fstab, "/etc/fstab", "what should be mounted"),
	{0}
};

static const struct beadle_metric space = {"disk_space", "bytes", "Space, by state: used, free, reserved for root",
					   BEADLE_GAUGE};
static const struct beadle_metric space_ratio = {"disk_space_used_ratio", "ratio",
	"Used space as df counts it: used / (used + free)", BEADLE_GAUGE};
static const struct beadle_metric inodes = {"disk_inodes", "count", "Inodes, by state", BEADLE_GAUGE};
static const struct beadle_metric inodes_ratio = {"disk_inodes_used_ratio", "ratio", "Used inodes: used / (used + free)",
						  BEADLE_GAUGE};
static const struct beadle_metric readonly = {"disk_readonly", "boolean",
	"The file system is read-only, though fstab or an earlier round says writable", BEADLE_STATE};
static const struct beadle_metric mounted = {"disk_mounted", "boolean", "What fstab wants mounted is", BEADLE_STATE};
static const struct beadle_metric *const metrics[] = {
	&space, &space_ratio, &inodes, &inodes_ratio, &readonly, &mounted, NULL
};

static const struct beadle_need needs[] = {
	{BEADLE_NEED_READ, "/etc/fstab", "to know what should be mounted"},
	{BEADLE_NEED_CAPABILITY, "cap_dac_read_search", "to reach mount points below folders closed to others"},
	{0}
};

/* Space of a thin or quota'd file system may claim more free than there is; over-full, it wraps below zero. */
static double put_states(struct beadle_ctx *ctx, const struct beadle_metric *metric, const char *dir, double unit,
			 uint64_t total, uint64_t free, uint64_t avail)
{
	free = free > total ? total : free;
	avail = avail > free ? 0 : avail;
	beadle_put(ctx, metric, unit * (double)avail, {"mount", dir}, {"state", "free"});
	beadle_put(ctx, metric, unit * (double)(free - avail), {"mount", dir}, {"state", "reserved"});
	beadle_put(ctx, metric, unit * (double)(total - free), {"mount", dir}, {"state", "used"});
	return total - free + avail > 0 ? (double)(total - free) / (double)(total - free + avail) : 0;
}

/* True unless it was always read-only: fstab says so, or it never was anything else while we looked. */
static bool should_be_writable(struct disk *disk, const struct mount *m)
{
	const struct fstab_entry *entry = fstab_find(&disk->wanted, m->dir);

	if (beadle_globs_match(disk->readonly_ok, m->dir))
		return false;
	if (entry)
		return !entry->readonly;
	return writable_has(&disk->writable, m->dir, m->source);
}

/*
 * Is the file system itself read-only? A mount of it may be by a flag of its own, as every mount is in a mount namespace
 * that ProtectSystem=strict made: that says nothing of the disk. An error turns a file system read-only without a word to
 * whoever polls the table, so the table is read in each round in which a mount is read-only.
 */
static bool is_readonly(struct disk *disk, const struct mount *m, const struct statvfs *fs)
{
	const struct mount *now;

	if (!(fs->f_flag & ST_RDONLY))
		return false;
	if (disk->asked.n == 0 && mounts_read(disk->fd, &disk->asked) < 0)
		return m->readonly;
	now = mounts_find(&disk->asked, m->id);
	return now ? now->readonly : true;	/* the root of a chroot is in no table: its flag is all that there is */
}

static void put_mount(struct beadle_ctx *ctx, struct disk *disk, const struct mount *m, const struct statvfs *fs)
{
	bool ro = is_readonly(disk, m, fs);

	if (fs->f_blocks == 0)	/* proc and its like hold nothing */
		return;
	beadle_put(ctx, &space_ratio, put_states(ctx, &space, m->dir, (double)fs->f_frsize, fs->f_blocks, fs->f_bfree,
		fs->f_bavail), {"mount", m->dir});
	if (fs->f_files > 0)
		beadle_put(ctx, &inodes_ratio,
			   put_states(ctx, &inodes, m->dir, 1, fs->f_files, fs->f_ffree, fs->f_favail),
			   {"mount", m->dir});

	if (!ro)
		writable_add(&disk->writable, m->dir, m->source);
	beadle_put(ctx, &readonly, ro && should_be_writable(disk, m), {"mount", m->dir});
}

static int guarded_statvfs(const void *dir, void *out, size_t size)
{
	return statvfs(dir, out) < 0 ? -errno : 0;
}

/* Dead mounts one after the other must not eat the round: the first few get a second each, the rest a glance. */
static int remote_statvfs(struct beadle_ctx *ctx, struct disk *disk, const char *dir, struct statvfs *ret)
{
	struct beadle_duration wait = {disk->waited < ALL_WAIT ? FIRST_WAIT : GLANCE};
	int error = beadle_guard(ctx, dir, guarded_statvfs, dir, ret, sizeof(*ret), wait);

	if (error == -ETIMEDOUT)
		disk->waited += wait.ns;
	return error;
}

static void collect_mount(struct beadle_ctx *ctx, struct disk *disk, const struct mount *m)
{
	struct statvfs fs;
	int error;

	if (m->remote)
		error = remote_statvfs(ctx, disk, m->dir, &fs);
	else
		error = statvfs(m->dir, &fs) < 0 ? -errno : 0;
	if (error)
		beadle_skip(ctx, -error, m->dir);
	else
		put_mount(ctx, disk, m, &fs);
}

/* What fstab wants, and whether it is there. Without a fstab nothing is wanted. */
static void read_fstab(struct beadle_ctx *ctx, struct disk *disk, const struct mounts *all)
{
	char *text;
	int fd = open(disk->fstab.name, O_RDONLY | O_CLOEXEC), error = fd < 0 ? -errno : 0;

	fstab_free(&disk->wanted);
	if (!error)
		error = mounts_read_text(fd, MOUNTS_TEXT_MAX, &text);
	if (!error)
		error = fstab_parse(text, &disk->wanted);
	if (error && error != -ENOENT)
		beadle_skip(ctx, -error, disk->fstab.name);
	if (fd >= 0)
		close(fd);
	for (size_t i = 0; i < disk->wanted.n; i++)
		for (size_t j = 0; j < all->n && !disk->wanted.at[i].mounted; j++)
			disk->wanted.at[i].mounted = strcmp(all->at[j].dir, disk->wanted.at[i].dir) == 0;
}

/* An overlay shares its space with the file system below; only as the root of a container it is all that there is. */
static bool is_wanted(const struct disk *disk, const struct mount *m)
{
	return beadle_globs_match(disk->mounts, m->dir) && !beadle_globs_match(disk->skip_mounts, m->dir) &&
	       !beadle_globs_match(disk->skip_types, m->type) &&
	       (strcmp(m->type, "overlay") != 0 || strcmp(m->dir, "/") == 0);
}

/* Local file systems first: where users may mount (FUSE), they cannot crowd out what matters. */
static int by_remote(const void *a, const void *b)
{
	const struct mount *x = a, *y = b;

	return x->remote != y->remote ? x->remote - y->remote : x->place < y->place ? -1 : 1;
}

static void select_mounts(struct disk *disk)
{
	struct mounts *mounts = &disk->current;
	size_t kept = 0, room = REPORT_ROOM;

	writable_begin(&disk->writable);
	for (size_t i = 0; i < mounts->n; i++)
		writable_seen(&disk->writable, mounts->at[i].dir, mounts->at[i].source);
	writable_forget(&disk->writable);

	mounts_unique(mounts);
	for (size_t i = 0; i < mounts->n; i++) {
		mounts->at[kept] = mounts->at[i];
		mounts->at[kept].place = i;
		kept += is_wanted(disk, &mounts->at[i]);
	}
	mounts->n = kept;
	if (kept > 0)
		qsort(mounts->at, kept, sizeof(*mounts->at), by_remote);
	for (kept = 0; kept < mounts->n; kept++) {
		size_t cost = 9 * (strlen(mounts->at[kept].dir) + 60);	/* nine values */
		if (cost > room)
			break;
		room -= cost;
	}
	disk->crowded = kept < mounts->n;
	mounts->n = kept;
}

/* The kernel raises POLLERR and POLLPRI on the open table when a mount came, went or changed: a round costs one statfs
 * a file system, not a table. */
static bool is_stale(struct beadle_ctx *ctx, const struct disk *disk)
{
	struct pollfd p = {.fd = disk->fd, .events = POLLPRI};
	bool told = poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLPRI);

	return told || disk->read_at == 0 || beadle_now_boot(ctx) - disk->read_at > TABLE_AGE;
}

static int refresh(struct beadle_ctx *ctx, struct disk *disk)
{
	struct mounts mounts;
	int error;

	if (!is_stale(ctx, disk))
		return 0;
	error = mounts_read(disk->fd, &mounts);
	if (error)
		return error;
	error = mounts_add_root(&mounts);
	if (error) {
		mounts_free(&mounts);
		return error;
	}
	mounts_free(&disk->current);
	disk->current = mounts;
	disk->read_at = beadle_now_boot(ctx);
	read_fstab(ctx, disk, &disk->current);
	select_mounts(disk);
	return 0;
}

static int save_writable(struct beadle_ctx *ctx, struct disk *disk)
{
	size_t n;
	char *text;
	int error = writable_text(&disk->writable, &text, &n);

	if (error)
		return error;
	error = beadle_state_write(ctx, "writable", text, n);
	disk->writable.changed = error != 0;
	free(text);
	return error;
}

static int collect(struct beadle_ctx *ctx, void *state)
{
	struct disk *disk = state;
	int error = refresh(ctx, disk);

	if (error)
		return error;
	disk->waited = 0;
	if (disk->crowded)
		beadle_skip(ctx, E2BIG, "more file systems than fit into a round");
	for (size_t i = 0; i < disk->current.n; i++)
		collect_mount(ctx, disk, &disk->current.at[i]);
	mounts_free(&disk->asked);
	for (size_t i = 0; i < disk->wanted.n && i < WANTED_MAX; i++)
		if (disk->wanted.at[i].automatic && beadle_globs_match(disk->mounts, disk->wanted.at[i].dir))
			beadle_put(ctx, &mounted, disk->wanted.at[i].mounted, {"mount", disk->wanted.at[i].dir});

	error = disk->writable.changed ? save_writable(ctx, disk) : 0;
	if (error && error != -ENOENT)
		beadle_skip(ctx, -error, "writable");
	return 0;
}

static int open_disk(struct beadle_ctx *ctx, void *state)
{
	const char *kept = beadle_state_path(ctx, "writable");
	struct disk *disk = state;

	if (kept)
		writable_load(&disk->writable, kept);
	disk->fd = open(disk->table.name, O_RDONLY | O_CLOEXEC);
	return disk->fd < 0 ? -errno : 0;
}

static void close_disk(void *state)
{
	struct disk *disk = state;

	if (disk->fd > 0)	/* 0 when open did not come so far: descriptor 0 is never the table */
		close(disk->fd);
	mounts_free(&disk->current);
	fstab_free(&disk->wanted);
	writable_clear(&disk->writable);
}

BEADLE_PLUGIN(disk, .version = "1", .help = "Space and inodes of every file system",
	.state_size = sizeof(struct disk), .options = options, .metrics = metrics, .needs = needs,
	.open = open_disk, .collect = collect, .close = close_disk);
