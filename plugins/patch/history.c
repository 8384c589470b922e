/* history.c - see history.h */
#define _GNU_SOURCE
#include "plugins/patch/history.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int digits(const char *s, int n)
{
	int number = 0;

	while (n-- > 0)
		number = number * 10 + (*s++ - '0');
	return number;
}

int64_t history_date(const char *s)
{
	static const char form[] = "dddd-dd-dd dd:dd:dd ";
	struct tm tm = {.tm_isdst = -1};

	for (size_t i = 0; i < strlen(form); i++)
		if (form[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
			return 0;
	tm.tm_year = digits(s, 4) - 1900;
	tm.tm_mon = digits(s + 5, 2) - 1;
	tm.tm_mday = digits(s + 8, 2);
	tm.tm_hour = digits(s + 11, 2);
	tm.tm_min = digits(s + 14, 2);
	tm.tm_sec = digits(s + 17, 2);
	return mktime(&tm);
}

static int read_log(const char *path, int64_t *ret_first, int64_t *ret_upgrade)
{
	static const char upgrade[] = "upgrade ";
	FILE *f = fopen(path, "re");
	char line[1024];

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		size_t date = strlen("2026-11-24 02:00:00 ");
		bool wanted = !*ret_first || (strlen(line) > date && !strncmp(line + date, upgrade, strlen(upgrade)));
		int64_t when = wanted ? history_date(line) : 0;

		if (!when)
			continue;
		if (!*ret_first)
			*ret_first = when;
		if (!strncmp(line + date, upgrade, strlen(upgrade)) && when > *ret_upgrade)
			*ret_upgrade = when;
	}
	fclose(f);
	return 0;
}

int history_dpkg(const char *folder, int64_t *ret)
{
	static const char *const names[] = {"dpkg.log.1", "dpkg.log"};
	int64_t first = 0, upgrade = 0;
	char path[PATH_MAX];
	int error = 0;

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		error = read_log(path, &first, &upgrade);
	}
	if (!upgrade && !first)
		return error && error != -ENOENT ? error : -ENODATA;
	*ret = upgrade ? upgrade : first;
	return 0;
}
