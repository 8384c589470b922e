#include "config.h"

#include "handed.h"

#include <dirent.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

enum { FANOTIFY = 1, ICMP = 2, ICMP6 = 4, RAW = 8 };
static const struct { unsigned bit; const char *words; } names[] = {
	{FANOTIFY, "fanotify"}, {ICMP, "raw ICMP"}, {ICMP6, "raw ICMPv6"}, {RAW, "a raw socket"}};

/* Is this one of the raw sockets of its network? In place of a port stands the protocol. */
static unsigned raw(pid_t pid, const char *table, unsigned long inode)
{
	char path[64], line[256];
	FCLOSE FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", pid, table);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		unsigned long found;
		unsigned protocol;

		if (sscanf(line, " %*d: %*[0-9A-F]:%x %*s %*x %*s %*s %*s %*d %*d %lu", &protocol, &found) == 2 && found == inode)
			return protocol == IPPROTO_ICMP ? ICMP : protocol == IPPROTO_ICMPV6 ? ICMP6 : RAW;
	}
	return 0;
}

static unsigned look(pid_t pid, const char *link)
{
	unsigned long inode;

	if (strcmp(link, "anon_inode:[fanotify]") == 0)
		return FANOTIFY;
	if (sscanf(link, "socket:[%lu]", &inode) != 1)
		return 0;
	return raw(pid, "raw", inode) | raw(pid, "raw6", inode);
}

static unsigned look_at_all(pid_t pid)
{
	char path[32], link[64];
	const struct dirent *e;
	unsigned found = 0;
	ssize_t n;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	fds = opendir(path);
	while (fds && (e = readdir(fds)))
		if ((n = readlinkat(dirfd(fds), e->d_name, link, sizeof(link) - 1)) > 0) {
			link[n] = 0;
			found |= look(pid, link);
		}
	if (fds)
		closedir(fds);
	return found;
}

const char *handed_words(pid_t pid, char buf[128])
{
	unsigned found = look_at_all(pid);
	size_t n = 0;

	buf[0] = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (found & names[i].bit)
			n += (size_t)snprintf(buf + n, 128 - n, "%s%s", n ? ", " : ", holds ", names[i].words);
	return buf;
}
