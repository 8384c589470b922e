/* support.c - see support.h */
#define _GNU_SOURCE
#include "plugins/patch/support.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define COLUMNS 16
#define DAY 86400

/* KEY=value, KEY="value"; escapes do not occur in what is read here. */
static void take(const char *line, const char *key, char *buf, size_t room)
{
	size_t n = strlen(key);

	if (strncmp(line, key, n) != 0 || line[n] != '=')
		return;
	line += n + 1;
	line += strspn(line, "\"'");
	n = strcspn(line, "\"'\r\n");
	snprintf(buf, room, "%.*s", n < room ? (int)n : (int)room - 1, line);
}

int support_release(const char *path, struct release *ret)
{
	FILE *f = fopen(path, "re");
	char line[1024];

	memset(ret, 0, sizeof(*ret));
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		take(line, "ID", ret->id, sizeof(ret->id));
		take(line, "VERSION_ID", ret->version, sizeof(ret->version));
		take(line, "VERSION_CODENAME", ret->series, sizeof(ret->series));
		take(line, "PRETTY_NAME", ret->name, sizeof(ret->name));
		take(line, "SUPPORT_END", ret->support_end, sizeof(ret->support_end));
	}
	fclose(f);
	return 0;
}

/* "2028-06-30": supported until that day ends, UTC. */
static int64_t day_after(const char *s)
{
	static const char form[] = "dddd-dd-dd";
	struct tm tm = {0};

	for (size_t i = 0; i < strlen(form); i++)
		if (form[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
			return 0;
	tm.tm_year = (s[0] - '0') * 1000 + (s[1] - '0') * 100 + (s[2] - '0') * 10 + s[3] - '0' - 1900;
	tm.tm_mon = (s[5] - '0') * 10 + s[6] - '0' - 1;
	tm.tm_mday = (s[8] - '0') * 10 + s[9] - '0' + 1;
	return timegm(&tm);
}

static size_t split(char *line, char *column[COLUMNS])
{
	size_t n = 0;

	line[strcspn(line, "\r\n")] = '\0';
	while (n < COLUMNS && line)
		column[n++] = strsep(&line, ",");
	return n;
}

static bool counts(const char *title, enum support support)
{
	if (!strcmp(title, "eol"))
		return true;
	if (!strcmp(title, "eol-lts") || !strcmp(title, "eol-server"))
		return support >= SUPPORT_LTS;
	return support == SUPPORT_EXTENDED && !strncmp(title, "eol-", 4);
}

static int search(FILE *f, const char *series, enum support support, int64_t *ret)
{
	char head[512], line[512], *title[COLUMNS], *column[COLUMNS];
	size_t titles, n, key = COLUMNS;
	int64_t until = 0;

	if (!fgets(head, sizeof(head), f))
		return -ENODATA;
	titles = split(head, title);
	for (size_t i = 0; i < titles; i++)
		if (!strcmp(title[i], "series"))
			key = i;
	while (fgets(line, sizeof(line), f)) {
		n = split(line, column);
		if (key >= n || strcmp(column[key], series) != 0)
			continue;
		for (size_t i = 0; i < n && i < titles; i++) {
			int64_t end = counts(title[i], support) ? day_after(column[i]) : 0;

			until = end > until ? end : until;
		}
	}
	*ret = until ? until : *ret;
	return until ? 0 : -ENODATA;
}

int support_until(const char *tables, const struct release *release, enum support support, int64_t *ret)
{
	char path[PATH_MAX];
	int64_t end = day_after(release->support_end);
	int error;
	FILE *f;

	if (end) {
		*ret = end;
		return 0;
	}
	if (!*release->id || !*release->series || strchr(release->id, '/'))
		return -ENODATA;
	snprintf(path, sizeof(path), "%s/%s.csv", tables, release->id);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	error = search(f, release->series, support, ret);
	fclose(f);
	return error;
}
