/* writable.c - a line for each: folder and source, escaped as in the table of mounts. */
#include "plugins/disk/writable.h"
#include "plugins/disk/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct writable_mount *find(const struct writable *w, const char *dir, const char *source)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->at[i].dir, dir) == 0 && strcmp(w->at[i].source, source) == 0)
			return (struct writable_mount *)&w->at[i];
	return NULL;
}

bool writable_has(const struct writable *w, const char *dir, const char *source)
{
	return find(w, dir, source) != NULL;
}

void writable_add(struct writable *w, const char *dir, const char *source)
{
	struct writable_mount m = {.mounted = true};

	if (w->n == WRITABLE_MAX || find(w, dir, source))
		return;
	m.dir = strdup(dir);
	m.source = strdup(source);
	if (!m.dir || !m.source) {
		free(m.dir);
		free(m.source);
		return;
	}
	w->at[w->n++] = m;
	w->changed = true;
}

void writable_begin(struct writable *w)
{
	for (size_t i = 0; i < w->n; i++)
		w->at[i].mounted = false;
}

void writable_seen(struct writable *w, const char *dir, const char *source)
{
	struct writable_mount *m = find(w, dir, source);

	if (m)
		m->mounted = true;
}

void writable_forget(struct writable *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->n; i++) {
		if (w->at[i].mounted) {
			w->at[kept++] = w->at[i];
			continue;
		}
		free(w->at[i].dir);
		free(w->at[i].source);
		w->changed = true;
	}
	w->n = kept;
}

void writable_load(struct writable *w, const char *path)
{
	char *text, *rest, *line;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (mounts_read_text(fd, WRITABLE_MAX * 8192, &text) == 0) {
		rest = text;
		while ((line = strsep(&rest, "\n"))) {
			char *dir = strsep(&line, " ");
			if (!line || *dir != '/')
				continue;
			mounts_unescape(dir);
			mounts_unescape(line);
			writable_add(w, dir, line);
		}
		free(text);
	}
	close(fd);
	w->changed = false;
}

static void put_escaped(FILE *f, const char *s)
{
	for (; *s; s++)
		if (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\\')
			fprintf(f, "\\%03o", (unsigned char)*s);
		else
			putc(*s, f);
}

int writable_text(const struct writable *w, char **ret, size_t *ret_n)
{
	FILE *f = open_memstream(ret, ret_n);
	bool failed;

	if (!f)
		return -ENOMEM;
	for (size_t i = 0; i < w->n; i++) {
		put_escaped(f, w->at[i].dir);
		putc(' ', f);
		put_escaped(f, w->at[i].source);
		putc('\n', f);
	}
	failed = ferror(f);
	if (fclose(f) == 0 && !failed)
		return 0;
	free(*ret);
	return -ENOMEM;
}

void writable_clear(struct writable *w)
{
	for (size_t i = 0; i < w->n; i++) {
		free(w->at[i].dir);
		free(w->at[i].source);
	}
	*w = (struct writable){0};
}
