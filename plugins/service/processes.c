/* processes.c - see processes.h */
#define _GNU_SOURCE
#include "plugins/service/processes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMM_SIZE 15		/* the kernel keeps no more of a name */
#define DELETED " (deleted)"

static ssize_t read_at(int dir, const char *path, char *buf, size_t room)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, room - 1);
	if (n < 0)
		n = -errno;
	else
		buf[n] = '\0';
	close(fd);
	return n;
}

/* "123 (name) S ...": the name may hold anything, so the last parenthesis ends it. */
static bool runs_as(int proc, const char *pid, const char *exe)
{
	char path[32], line[256], *open, *close;
	const char *base = exe ? strrchr(exe, '/') + 1 : NULL;

	snprintf(path, sizeof(path), "%s/stat", pid);
	if (read_at(proc, path, line, sizeof(line)) <= 0)
		return false;
	open = strchr(line, '(');
	close = strrchr(line, ')');
	if (!open || !close || close < open || close[1] != ' ' || close[2] == 'Z' || close[2] == 'X')
		return false;
	if (!base)
		return true;
	*close = '\0';
	return !strncmp(open + 1, base, COMM_SIZE) && strlen(open + 1) == strnlen(base, COMM_SIZE);
}

/* 1 with the path, 0: none (a kernel thread, a zombie, gone), -errno: not for us to see. */
static int executable(int proc, const char *pid, char *buf, size_t room)
{
	char path[32];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/exe", pid);
	n = readlinkat(proc, path, buf, room - 1);
	if (n < 0)
		return errno == EACCES || errno == EPERM ? -errno : 0;
	buf[n] = '\0';
	if ((size_t)n > strlen(DELETED) && !strcmp(buf + n - strlen(DELETED), DELETED))
		buf[(size_t)n - strlen(DELETED)] = '\0';
	return 1;
}

/* /proc mounted with hidepid shows no others, yet the kernel says that there is one. */
static bool is_hidden(int proc, const char *pid)
{
	return faccessat(proc, pid, F_OK, 0) < 0 && kill((pid_t)strtol(pid, NULL, 10), 0) < 0 && errno == EPERM;
}

/* 1: runs, 0: does not, -errno: cannot be told. */
static int runs(int proc, const char *pid, const char *exe)
{
	char path[PATH_MAX];
	int known = exe ? executable(proc, pid, path, sizeof(path)) : -EACCES;

	if (known > 0)
		return !strcmp(path, exe) && runs_as(proc, pid, NULL);
	if (known < 0 && runs_as(proc, pid, exe))
		return 1;
	if (is_hidden(proc, pid))
		return exe ? -EACCES : 1;
	return 0;
}

int processes_pidfile(const struct process *p, bool *ret_up)
{
	char text[64], pid[16], *end;
	ssize_t n = read_at(AT_FDCWD, p->pidfile, text, sizeof(text));
	long number;
	int proc, up;

	if (n < 0 && n != -ENOENT && n != -ENOTDIR)
		return (int)n;
	number = n > 0 ? strtol(text, &end, 10) : 0;
	if (number <= 0 || number > INT_MAX || (*end && *end != '\n' && *end != ' ')) {
		*ret_up = false;
		return 0;
	}
	proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return -errno;
	snprintf(pid, sizeof(pid), "%ld", number);
	up = runs(proc, pid, p->exe);
	close(proc);
	if (up >= 0)
		*ret_up = up;
	return up < 0 ? up : 0;
}

/* A user who does not exist runs nothing. Asked anew each time: users come and go with packages. */
static bool find_user(const char *user, uid_t *ret)
{
	char buf[4096], *end;
	struct passwd pw, *found;
	unsigned long number = strtoul(user, &end, 10);

	if (!*end) {
		*ret = (uid_t)number;
		return number <= UINT32_MAX;
	}
	if (getpwnam_r(user, &pw, buf, sizeof(buf), &found) != 0 || !found)
		return false;
	*ret = found->pw_uid;
	return true;
}

void processes_begin(struct process *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		list[i].found = 0;
		list[i].uid_known = list[i].user && find_user(list[i].user, &list[i].uid);
	}
}

static bool is_of(const struct process *p, uid_t uid)
{
	return !p->user || (p->uid_known && p->uid == uid);
}

void processes_count(struct process *list, size_t n, const char *exe, uid_t uid)
{
	for (size_t i = 0; i < n; i++)
		if (!list[i].pidfile && !strcmp(list[i].exe, exe) && is_of(&list[i], uid))
			list[i].found++;
}

/* Of a process whose executable we may not see. */
static void count_by_name(struct process *list, size_t n, int proc, const char *pid)
{
	struct stat st;

	for (size_t i = 0; i < n; i++)
		if (!list[i].pidfile && runs_as(proc, pid, list[i].exe) && fstatat(proc, pid, &st, 0) == 0 &&
		    is_of(&list[i], st.st_uid))
			list[i].found++;
}

static bool is_wanted(const struct process *list, size_t n, const char *exe)
{
	for (size_t i = 0; i < n; i++)
		if (!list[i].pidfile && !strcmp(list[i].exe, exe))
			return true;
	return false;
}

int processes_scan(struct process *list, size_t n)
{
	char exe[PATH_MAX];
	struct dirent *entry;
	struct stat st;
	DIR *dir = opendir("/proc");
	int seen = 0, known;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		seen++;
		known = executable(dirfd(dir), entry->d_name, exe, sizeof(exe));
		if (known < 0)
			count_by_name(list, n, dirfd(dir), entry->d_name);
		else if (known > 0 && is_wanted(list, n, exe) && fstatat(dirfd(dir), entry->d_name, &st, 0) == 0)
			processes_count(list, n, exe, st.st_uid);
	}
	closedir(dir);
	return seen;
}
