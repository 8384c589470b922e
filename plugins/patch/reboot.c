/* reboot.c - see reboot.h */
#define _GNU_SOURCE
#include "plugins/patch/reboot.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "vmlinuz-"

/* "6.1.0-37-cloud-amd64" -> "-cloud-amd64"; "5.14.0-427.el9.x86_64" -> "". */
static const char *flavour(const char *release)
{
	for (const char *p = strchr(release, '-'); p; p = strchr(p + 1, '-'))
		if (p[1] < '0' || p[1] > '9')
			return p;
	return "";
}

bool reboot_newer_kernel(const char *boot, const char *running, char *newest, size_t room)
{
	bool newer = false, installed = false;
	struct dirent *entry;
	DIR *dir = opendir(boot);

	if (!dir)
		return false;
	snprintf(newest, room, "%s", running);
	while ((entry = readdir(dir))) {
		const char *release = entry->d_name + strlen(PREFIX);

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		installed |= !strcmp(release, running);
		if (strcmp(flavour(release), flavour(running)) != 0 || strverscmp(release, newest) <= 0)
			continue;
		snprintf(newest, room, "%s", release);
		newer = true;
	}
	closedir(dir);
	return newer && installed;
}
