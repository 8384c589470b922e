#include "config.h"

#include "program.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "installed.h"
#include "text.h"

/* Sanitizers are steered by their variables; LD_PRELOAD, LTDL_LIBRARY_PATH and the like stay behind. */
static const char *const kept[] = {"BEADLE_LIBEXEC", "BEADLE_LOG", "BEADLE_WALLS", "INVOCATION_ID", "JOURNAL_STREAM",
	"ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"};

static int put(char buf[PROGRAM_PATH], const char *folder, const char *between, const char *name, const char *end)
{
	int n = snprintf(buf, PROGRAM_PATH, "%s%s%s%s", folder, between, name, end);

	return n < 0 || n >= PROGRAM_PATH ? -ENAMETOOLONG : 0;
}

static int in_tree_or(const char *installed, const char *room_and_name, char buf[PROGRAM_PATH])
{
	const char *tree = getenv("BEADLE_LIBEXEC");
	const char *name = strrchr(room_and_name, '/');

	if (tree)
		return put(buf, tree, "/", room_and_name, "");
	return put(buf, installed, "/", name ? name + 1 : room_and_name, "");
}

int program_path(const char *room_and_name, char buf[PROGRAM_PATH])
{
	return in_tree_or(LIBEXECDIR, room_and_name, buf);
}

int program_daemon(const char *room_and_name, char buf[PROGRAM_PATH])
{
	return in_tree_or(SBINDIR, room_and_name, buf);
}

int program_command(const char *room_and_name, char buf[PROGRAM_PATH])
{
	return in_tree_or(BINDIR, room_and_name, buf);
}

int program_module(const char *name, const char *const *folders, size_t n, char buf[PROGRAM_PATH])
{
	const char *tree = getenv("BEADLE_LIBEXEC"), *installed = PLUGINDIR;
	char between[PROGRAM_PATH];
	int r;

	if (n == 0 && tree) {
		if (snprintf(between, sizeof(between), "/plugins/%s/", name) >= (int)sizeof(between))
			return -ENAMETOOLONG;
		r = put(buf, tree, between, name, ".so");
		return r < 0 ? r : access(buf, F_OK) < 0 ? -errno : 0;
	}
	if (n == 0)
		folders = &installed, n = 1;
	for (size_t i = 0; i < n; i++) {
		r = put(buf, folders[i], "/", name, ".so");
		if (r < 0)
			return r;
		if (access(buf, F_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

static int is_module(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 3 && n < 64 && strcmp(e->d_name + n - 3, ".so") == 0;
}

const char *program_nearest_module(const char *name, const char *const *folders, size_t n, char buf[64])
{
	const char *installed = PLUGINDIR, *nearest = NULL;

	if (n == 0)
		folders = &installed, n = 1;
	for (size_t i = 0; i < n && !nearest; i++) {
		struct dirent **found = NULL;
		int count = scandir(folders[i], &found, is_module, alphasort);
		const char **names = calloc(count > 0 ? (size_t)count : 1, sizeof(*names));

		for (int k = 0; names && k < count; k++) {
			found[k]->d_name[strlen(found[k]->d_name) - 3] = 0;
			names[k] = found[k]->d_name;
		}
		nearest = names && count > 0 ? text_nearest(name, names, (size_t)count) : NULL;
		if (nearest)
			nearest = strcpy(buf, nearest);
		for (int k = 0; k < count; k++)
			free(found[k]);
		free(found);
		free(names);
	}
	return nearest;
}

char **program_environment(void)
{
	static char *environment[sizeof(kept) / sizeof(*kept) + 3];
	size_t n = 0;

	if (environment[0])
		return environment;
	environment[n++] = (char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	environment[n++] = (char *)"LC_ALL=C.UTF-8";
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
		const char *value = getenv(kept[i]);
		char *line;

		if (value && asprintf(&line, "%s=%s", kept[i], value) >= 0)
			environment[n++] = line;
	}
	return environment;
}
