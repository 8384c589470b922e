/* fstab.c - what the administrator wants mounted, and how: fstab(5). */
#include "plugins/disk/mounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool has_option(const char *options, const char *name)
{
	size_t n = strlen(name);

	for (const char *s = options; s; s = strchr(s, ',')) {
		s += *s == ',';
		if (strncmp(s, name, n) == 0 && (s[n] == ',' || s[n] == '\0'))
			return true;
	}
	return false;
}

static char *word(char **rest)
{
	char *s = *rest + strspn(*rest, " \t");
	size_t n = strcspn(s, " \t");

	*rest = s + n + (s[n] != '\0');
	s[n] = '\0';
	return s;
}

static bool parse_line(char *line, struct fstab_entry *ret)
{
	char *source = word(&line), *dir = word(&line), *type = word(&line), *options = word(&line);

	if (*source == '#' || dir[0] != '/' || *type == '\0' || strcmp(type, "swap") == 0)
		return false;
	mounts_unescape(dir);
	for (size_t n = strlen(dir); n > 1 && dir[n - 1] == '/'; n--)
		dir[n - 1] = '\0';
	*ret = (struct fstab_entry){
		.dir = dir, .type = type,
		.readonly = has_option(options, "ro"),
		/* what systemd or a person mounts on demand need not be there */
		.automatic = !has_option(options, "noauto") && !has_option(options, "x-systemd.automount"),
	};
	return true;
}

int fstab_parse(char *text, struct fstab *ret)
{
	struct fstab fstab = {.text = text};
	char *line, *rest = text;
	size_t lines = 1;

	for (const char *s = text; (s = strchr(s, '\n')); s++)
		lines++;
	fstab.at = calloc(lines, sizeof(*fstab.at));
	if (!fstab.at) {
		free(text);
		return -ENOMEM;
	}
	while ((line = strsep(&rest, "\n")))
		fstab.n += parse_line(line, &fstab.at[fstab.n]);
	*ret = fstab;
	return 0;
}

const struct fstab_entry *fstab_find(const struct fstab *fstab, const char *dir)
{
	for (size_t i = 0; i < fstab->n; i++)
		if (strcmp(fstab->at[i].dir, dir) == 0)
			return &fstab->at[i];
	return NULL;
}

void fstab_free(struct fstab *fstab)
{
	free(fstab->at);
	free(fstab->text);
	*fstab = (struct fstab){0};
}
