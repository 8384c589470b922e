#include "users.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "capability.h"

bool users_separate(void)
{
	return geteuid() == 0 && getpwnam(USER_COLLECTOR) && getpwnam(USER_SIGNER) && getpwnam(USER_NOTIFIER) && getpwnam(USER_WEB);
}

int users_become(const void *name)
{
	const struct passwd *user = getpwnam(name);

	if (!user)
		return -ENOENT;
	capability_bound(0);
	return initgroups(user->pw_name, user->pw_gid) < 0 || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
	       setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0 ? -errno : 0;
}
