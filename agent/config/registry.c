#include "config.h"

#include "agent/config/plugins.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/text.h"

#define FILE_NAME "plugins.index"
#define FILE_MAX 65536

static int path_of(const char *state, char path[512])
{
	return snprintf(path, 512, "%s/" FILE_NAME, state) < 512 ? 0 : -ENAMETOOLONG;
}

int registry_read(const char *state, struct registry *r)
{
	char path[512], *rest, *line;
	FREE char *text = NULL;
	int error = path_of(state, path);

	if (error == 0)
		error = io_read_file(path, FILE_MAX, &text, NULL);
	if (error < 0)
		return error == -ENOENT ? 0 : error;
	rest = text;
	while ((line = strsep(&rest, "\n")) && *line) {
		if (!text_name(line) || registry_index(r, line) != (int)r->n - 1)
			return -EBADMSG;
	}
	r->n_stored = r->n;
	return 0;
}

int registry_index(struct registry *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->names[i], name) == 0)
			return (int)i;
	if (r->n == PLUGINS_MAX)
		return -ENOSPC;
	r->names[r->n] = strdup(name);
	return r->names[r->n] ? (int)r->n++ : -ENOMEM;
}

int registry_write(const char *state, struct registry *r)
{
	char path[512];
	FREE char *text = malloc(r->n * 65 + 1);
	size_t n = 0;
	int error = path_of(state, path);

	if (r->n == r->n_stored || error < 0)
		return error;
	if (!text)
		return -ENOMEM;
	for (size_t i = 0; i < r->n; i++)
		n += (size_t)sprintf(text + n, "%s\n", r->names[i]);
	return io_replace_file(path, text, n, 0644);
}

void registry_free(struct registry *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->names[i]);
	r->n = 0;
}
