/* clamconf.c - see clamconf.h */
#define _GNU_SOURCE
#include "plugins/antivirus/clamconf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANK " \t\r\n"
#define LINES_MAX 10000

bool clamconf_line(const char *line, const char *key, char *value)
{
	size_t n = strlen(key);

	line += strspn(line, BLANK);
	if (strncmp(line, key, n) != 0 || !line[n] || !strchr(BLANK, line[n]))
		return false;
	line += n;
	line += strspn(line, BLANK);
	n = strlen(line);
	while (n > 0 && strchr(BLANK, line[n - 1]))
		n--;
	if (n >= 2 && (line[0] == '"' || line[0] == '\'') && line[n - 1] == line[0]) {
		line++;
		n -= 2;
	}
	if (n >= CLAMCONF_VALUE)
		return false;
	memcpy(value, line, n);
	value[n] = '\0';
	return true;
}

int clamconf_read(const char *path, const char *const keys[], char values[][CLAMCONF_VALUE], size_t n)
{
	FILE *f = fopen(path, "re");
	char line[1024];
	int lines = 0;

	for (size_t i = 0; i < n; i++)
		values[i][0] = '\0';
	if (!f)
		return -errno;
	while (lines++ < LINES_MAX && fgets(line, sizeof(line), f))
		for (size_t i = 0; i < n; i++)
			if (!values[i][0])
				clamconf_line(line, keys[i], values[i]);
	fclose(f);
	return 0;
}
