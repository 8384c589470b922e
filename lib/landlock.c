#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "landmark.h"

/* Of versions that the system's header may not know yet. */
enum {
	FS_REFER = 1 << 13,
	FS_TRUNCATE = 1 << 14,
	FS_IOCTL_DEV = 1 << 15,
	NET_BIND = 1 << 0,
	NET_CONNECT = 1 << 1,
	SCOPE_ABSTRACT = 1 << 0,
	SCOPE_SIGNAL = 1 << 1,
	RULE_PORT = 2,
};
struct ruleset { uint64_t fs, net, scoped; };
struct port_rule { uint64_t allowed, port; };

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define DEVICE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV)
#define WRITE                                                                                                          \
	(READ | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | FS_REFER | LANDLOCK_ACCESS_FS_REMOVE_DIR |               \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                   \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM)
/* What a rule about a file that is no folder may hold. */
#define OF_FILES (LANDLOCK_ACCESS_FS_EXECUTE | DEVICE)

int landlock_version(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return version < 0 ? 0 : (int)version;
}

static uint64_t known_rights(int version)
{
	return version >= 5   ? (FS_IOCTL_DEV << 1) - 1
	       : version >= 3 ? (FS_TRUNCATE << 1) - 1
	       : version == 2 ? (FS_REFER << 1) - 1
			      : FS_REFER - 1;
}

int landlock_open(unsigned walls)
{
	int version = landlock_version();
	struct ruleset rules = {.fs = known_rights(version)};
	size_t n = version >= 6 ? sizeof(rules) : version >= 4 ? offsetof(struct ruleset, scoped) : offsetof(struct ruleset, net);
	long fd;

	if (version == 0)
		return -EOPNOTSUPP;
	if (version >= 4)
		rules.net = (walls & LANDLOCK_CONNECT ? NET_CONNECT : 0) | (walls & LANDLOCK_BIND ? NET_BIND : 0);
	if (version >= 6 && (walls & LANDLOCK_SIGNALS))
		rules.scoped = SCOPE_SIGNAL | SCOPE_ABSTRACT;
	fd = syscall(SYS_landlock_create_ruleset, &rules, n, 0);
	return fd < 0 ? -errno : (int)fd;
}

int landlock_path(int ruleset, const char *path, unsigned rights)
{
	CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {.parent_fd = fd};
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return errno == ENOENT || errno == EACCES || errno == ENOTDIR ? landmark_add(path, NULL) : -errno;
	if (!S_ISDIR(st.st_mode) && !S_ISCHR(st.st_mode) && strncmp(path, "/proc/", 6) != 0) {	/* made anew at each look */
		r = landmark_add(path, &st);
		if (r < 0)
			return r;
	}
	if (rights & LANDLOCK_READ)
		rule.allowed_access |= READ;
	if (rights & LANDLOCK_EXECUTE)
		rule.allowed_access |= READ | LANDLOCK_ACCESS_FS_EXECUTE;
	if (rights & LANDLOCK_WRITE)
		rule.allowed_access |= WRITE;
	if (rights & LANDLOCK_CONTROL)
		rule.allowed_access |= FS_IOCTL_DEV;
	if (rights & LANDLOCK_DEVICE)
		rule.allowed_access |= DEVICE;
	rule.allowed_access &= known_rights(landlock_version());
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= OF_FILES;
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

int landlock_port(int ruleset, uint16_t port)
{
	struct port_rule rule = {NET_CONNECT, port};

	if (landlock_version() < 4)
		return 0;
	return syscall(SYS_landlock_add_rule, ruleset, RULE_PORT, &rule, 0) < 0 ? -errno : 0;
}

int landlock_enforce(int ruleset)
{
	int r = syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;

	close(ruleset);
	return r;
}
