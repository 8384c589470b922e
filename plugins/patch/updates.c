/* updates.c - see updates.h */
#define _GNU_SOURCE
#include "plugins/patch/updates.h"

#include <string.h>

/* What may be the name of a package, here and in the state file: no blank, nothing that steers a terminal. */
static bool is_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-_~:^");

	return n > 0 && n < 200 && !s[n];
}

/* Behind the new version stand the origins, "A:1/x, B:2/y [amd64]". */
static bool any_security(char *origins, updates_is_security *is_security, void *arg)
{
	char *save, *arch = strrchr(origins, '[');

	if (arch)
		*arch = '\0';
	for (char *o = strtok_r(origins, ", ", &save); o; o = strtok_r(NULL, ", ", &save))
		if (is_security(o, arg))
			return true;
	return false;
}

bool updates_apt(char *line, updates_is_security *is_security, void *arg, struct update *ret)
{
	char *name, *old, *new, *origins, *end;

	if (strncmp(line, "Inst ", 5) != 0)
		return false;
	name = line + 5;
	old = strchr(name, ' ');
	if (!old || old[1] != '[')
		return false;
	*old = '\0';
	new = strstr(old + 1, "] (");
	end = new ? strchr(new, ')') : NULL;
	if (!end || !is_name(name))
		return false;
	*end = '\0';
	origins = strchr(new + 3, ' ');
	*ret = (struct update){name, origins && any_security(origins, is_security, arg)};
	return true;
}

bool updates_dnf(char *line, struct update *ret)
{
	char *save, *name = strtok_r(line, " \t", &save);
	char *version = strtok_r(NULL, " \t", &save), *repository = strtok_r(NULL, " \t", &save);
	char *dot = name ? strrchr(name, '.') : NULL;

	if (!repository || strtok_r(NULL, " \t", &save) || !dot || !is_name(version))
		return false;
	*dot = '\0';
	*ret = (struct update){name, false};
	return is_name(name);
}

/* The last two dashes of name-version-release.arch. */
static bool cut_version(char *name)
{
	for (int i = 0; i < 2; i++) {
		char *dash = strrchr(name, '-');

		if (!dash)
			return false;
		*dash = '\0';
	}
	return true;
}

bool updates_dnf_security(char *line, struct update *ret)
{
	char *save, *advisory = strtok_r(line, " \t", &save), *kind = strtok_r(NULL, " \t", &save);
	char *package = strtok_r(NULL, " \t", &save);

	if (!advisory || !kind || !package || strtok_r(NULL, " \t", &save) || !strstr(kind, "Sec.") ||
	    !cut_version(package))
		return false;
	*ret = (struct update){package, true};
	return is_name(package);
}
