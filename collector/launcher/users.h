/* users.h - the users of the collector's processes: one each, as root, where they are there (packaging: systemd-sysusers). */
#ifndef USERS_H
#define USERS_H

#include <stdbool.h>

#define USER_COLLECTOR "beadle-collector"
#define USER_SIGNER "beadle-signer"
#define USER_NOTIFIER "beadle-notify"
#define USER_WEB "beadle-web"

/* Has each process a user of its own? */
bool users_separate(void);
/* Becomes one of them, a name, for good and without any capability (as launch.h wants it). 0; -ENOENT: there is no such user; or -errno. */
int users_become(const void *name);

#endif
