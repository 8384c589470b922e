#include "folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/launcher/users.h"
#include "io.h"

static const struct { const char *name, *user; } folders[] = {{"store", USER_COLLECTOR}, {"identity", USER_COLLECTOR},
	{"signer", USER_SIGNER}, {"notify", USER_NOTIFIER}, {"web", USER_WEB}};
#define FOLDERS (sizeof(folders) / sizeof(*folders))

int folders_make(const char *state)
{
	char path[512];
	int r = io_make_folders(state, 0711);

	/* Each process finds its own folder in it; the umask had its say. */
	if (r == 0 && chmod(state, 0711) < 0)
		r = -errno;
	for (size_t i = 0; r == 0 && i < FOLDERS; i++) {
		snprintf(path, sizeof(path), "%s/%s", state, folders[i].name);
		r = io_make_folders(path, 0700);
	}
	return r;
}

/* Links are not followed. */
static int give(const char *path, const struct passwd *user)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int r = dir ? 0 : -errno;

	for (const struct dirent *e; dir && r == 0 && (e = readdir(dir));)
		if (strcmp(e->d_name, "..") && fchownat(fd, e->d_name, user->pw_uid, user->pw_gid, AT_SYMLINK_NOFOLLOW) < 0)
			r = -errno;
	if (dir)
		closedir(dir);
	return r;
}

int folders_give(const char *state)
{
	char path[512];
	int r = 0;

	for (size_t i = 0; geteuid() == 0 && r == 0 && i < FOLDERS; i++) {
		const struct passwd *user = getpwnam(folders[i].user);

		snprintf(path, sizeof(path), "%s/%s", state, folders[i].name);
		if (user)
			r = give(path, user);
	}
	return r;
}
