#include "config.h"

#include "capability.h"

#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

void capability_bound(uint64_t keep)
{
	for (int cap = 0; cap < 64; cap++)
		if (!(keep & CAPABILITY(cap)) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			break;	/* the kernel knows no more, or we may not */
}

static int set(uint64_t mask)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		data[i].effective = data[i].permitted &= (uint32_t)(mask >> (32 * i));
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

int capability_keep(uint64_t keep)
{
	capability_bound(keep);
	return set(keep);
}

int capability_become(uint32_t uid, uint32_t gid, uint64_t keep)
{
	capability_bound(0);
	if ((keep && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) || setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		return -errno;
	return set(keep);
}
