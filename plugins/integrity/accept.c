/* accept.c - reads a token. */
#include "plugins/integrity/accept.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int accept_read(const char *path, char ret_token[ACCEPT_TOKEN])
{
	FILE *file = fopen(path, "re");
	size_t n;
	int failed;

	if (!file)
		return -errno;
	n = fread(ret_token, 1, ACCEPT_TOKEN - 1, file);
	failed = ferror(file);
	fclose(file);
	ret_token[n] = '\0';
	ret_token[strcspn(ret_token, " \t\r\n")] = '\0';
	return failed ? -EIO : 0;
}
