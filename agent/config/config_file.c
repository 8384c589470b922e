#include "config.h"

#include "agent/config/config_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/template.h"
#include "installed.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/crc32c.h"
#include "lib/text.h"

#define STATE_DEFAULT (LOCALSTATEDIR "/lib/beadle/agent")
#define DAY (24 * 3600 * NS_PER_S)
#define MIB (UINT64_C(1) << 20)

static const struct limits default_limits = {
	.memory = 512 * MIB, .file_size = 256 * MIB, .processes = 64, .files = 256};

/* Texts of a member that may be one text or a list of them. */
static void take_texts(const struct conf_node *map, const char *key, struct problems *p,
		       void (*each)(struct config *, const struct conf_node *, struct problems *), struct config *to)
{
	const struct conf_node *n = conf_get(map, key);

	if (!n)
		return;
	if (conf_type(n) == CONF_MAP)
		return problem(p, conf_file(n), conf_line(n), key, "a text or a list of texts is expected here");
	if (conf_type(n) == CONF_TEXT)
		return each(to, n, p);
	for (size_t i = 0; i < conf_count(n); i++) {
		const struct conf_node *m = conf_at(n, i);

		if (conf_type(m) != CONF_TEXT)
			problem(p, conf_file(m), conf_line(m), key, "a text is expected here");
		else
			each(to, m, p);
	}
}

static void take_collector(struct config *c, const struct conf_node *n, struct problems *p)
{
	const char *text = conf_value(n), **slot;
	char shown[128];

	if (!text_address(text))
		return problem(p, conf_file(n), conf_line(n), "collector",
			       "%s: not an address (host:port, as monitor.example:7411)",
			       text_escape(text, strlen(text), shown, sizeof(shown)));
	slot = vec_push(&c->collectors);
	if (slot)
		*slot = text;
}

static void take_folder(struct config *c, const struct conf_node *n, struct problems *p)
{
	const char *text = conf_value(n), **slot;
	char shown[128];

	if (*text != '/')
		return problem(p, conf_file(n), conf_line(n), "plugins", "%s: an absolute path is expected",
			       text_escape(text, strlen(text), shown, sizeof(shown)));
	slot = vec_push(&c->folders);
	if (slot)
		*slot = text;
}

static void take_path(const struct conf_node *map, const char *key, const char *dflt, const char **ret,
		      struct problems *p)
{
	const struct conf_node *n = conf_get(map, key);
	char shown[128];

	conf_string(map, key, dflt, ret, p);
	if (n && *ret && **ret != '/')
		problem(p, conf_file(n), conf_line(n), key, "%s: an absolute path is expected",
			text_escape(*ret, strlen(*ret), shown, sizeof(shown)));
	else if (n && *ret && strlen(*ret) > 400)
		problem(p, conf_file(n), conf_line(n), key, "longer than 400 bytes");
}

static void take_limits(const struct conf_node *map, const struct limits *dflt, struct limits *ret, struct problems *p)
{
	const struct conf_node *n = conf_map(map, "limits", p);

	*ret = *dflt;
	if (!n)
		return;
	conf_size(n, "memory", dflt->memory, default_limits.memory / 30, default_limits.memory * 10, &ret->memory, p);
	conf_size(n, "file_size", dflt->file_size, default_limits.file_size / 30, default_limits.file_size * 10,
		  &ret->file_size, p);
	conf_int(n, "processes", dflt->processes, 2, default_limits.processes * 10, &ret->processes, p);
	conf_int(n, "files", dflt->files, 16, default_limits.files * 10, &ret->files, p);
	conf_done(n, p);
}

static void take_spool(struct config *c, const struct conf_node *root, struct problems *p)
{
	const struct conf_node *n = conf_map(root, "spool", p);

	conf_size(n, "measurements", 256 * MIB, MIB, 16 * 1024 * MIB, &c->spool_measurements, p);
	conf_size(n, "events", 64 * MIB, MIB, 16 * 1024 * MIB, &c->spool_events, p);
	conf_size(n, "kept", 64 * MIB, 0, 16 * 1024 * MIB, &c->spool_kept, p);
	conf_duration(n, "sync", NS_PER_S, 33 * NS_PER_MS, 10 * NS_PER_S, &c->sync, p);
	conf_done(n, p);
}

static void take_connection(struct config *c, const struct conf_node *root, struct problems *p)
{
	const struct conf_node *n = conf_map(root, "connection", p);

	conf_duration(n, "silence", 90 * NS_PER_S, 3 * NS_PER_S, 900 * NS_PER_S, &c->silence, p);
	conf_duration(n, "heartbeat", 30 * NS_PER_S, NS_PER_S, 300 * NS_PER_S, &c->heartbeat, p);
	conf_done(n, p);
}

/* STATE/identity, where "beadle identity new" is told to write. */
static const char *state_identity(struct config *c)
{
	char **name = vec_push(&c->names);

	return name && asprintf(name, "%s/identity", c->state) >= 0 ? *name : "";
}

/* Above what useradd and systemd give out, below the ranges of containers. A second agent on the machine, with another
 * state directory, has other users: as a host's end is the end of all that its user runs. */
static int64_t first_user(const char *state)
{
	const int64_t first = 70000, ranges = (100000 - first) / PLUGINS_MAX - 1;

	if (strcmp(state, STATE_DEFAULT) == 0)
		return first;
	return first + PLUGINS_MAX * (1 + crc32c(0, state, strlen(state)) % ranges);
}

void config_take_agent(struct config *c, const struct conf_node *root, struct problems *p)
{
	const struct conf_node *users;

	if (conf_need(root, "collector", p))
		take_texts(root, "collector", p, take_collector, c);
	take_texts(root, "plugins", p, take_folder, c);
	take_path(root, "state", STATE_DEFAULT, &c->state, p);
	take_path(root, "identity", NULL, &c->identity, p);
	if (!c->identity)
		c->identity = state_identity(c);
	take_spool(c, root, p);
	take_connection(c, root, p);
	take_limits(root, &default_limits, &c->limits, p);
	users = conf_map(root, "users", p);
	conf_int(users, "first", first_user(c->state), 1000, INT32_MAX - 1000, &c->first_user, p);
	conf_done(users, p);
	conf_done(root, p);
}

static const struct check *find_check(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->checks.n; i++)
		if (strcmp(c->checks.at[i].name, name) == 0)
			return &c->checks.at[i];
	return NULL;
}

static void take_times(const struct conf_node *n, struct check *check, struct problems *p)
{
	int64_t shortest = 100 * NS_PER_MS, dflt;

	conf_duration(n, "interval", 60 * NS_PER_S, shortest, 31 * DAY, &check->interval, p);
	dflt = check->interval / 2 < 30 * NS_PER_S ? check->interval / 2 : 30 * NS_PER_S;
	conf_duration(n, "timeout", dflt < NS_PER_S ? NS_PER_S : dflt, shortest, DAY, &check->timeout, p);
	dflt = check->interval < NS_PER_S ? check->interval : NS_PER_S;
	if (check->interval / 10 > dflt)
		dflt = check->interval / 10;
	conf_duration(n, "interval_min", dflt, shortest, check->interval, &check->interval_min, p);
	dflt = check->interval > 31 * DAY / 10 ? 31 * DAY : check->interval * 10;
	conf_duration(n, "interval_max", dflt, check->interval, 31 * DAY, &check->interval_max, p);
}

static bool is_name(const struct conf_node *n, const char *item, const char *name, struct problems *p)
{
	char shown[128];

	if (text_name(name))
		return true;
	problem(p, conf_file(n), conf_line(n), item,
		"%s: not a name (small letters, digits and _, a letter first, at most 63)",
		text_escape(name, strlen(name), shown, sizeof(shown)));
	return false;
}

static void take_check(struct config *c, const struct conf_node *n, struct problems *p)
{
	struct check check = {.name = conf_key(n), .file = conf_file(n), .line = conf_line(n)}, *slot;
	const struct check *other = find_check(c, check.name);
	bool named = is_name(n, "checks", check.name, p);

	if (other)
		return problem(p, check.file, check.line, check.name, "this check stands already in %s:%u", other->file,
			       other->line);
	if (conf_type(n) != CONF_MAP)
		return problem(p, check.file, check.line, check.name,
			       "a map is expected here (plugin, interval, timeout, options)");
	conf_string(n, "plugin", check.name, &check.plugin, p);
	if (check.plugin != check.name)
		named = is_name(conf_get(n, "plugin"), "plugin", check.plugin, p) && named;
	take_times(n, &check, p);
	conf_bool(n, "assigned_only", false, &check.assigned_only, p);
	conf_bool(n, "deny", false, &check.deny, p);
	take_limits(n, &c->limits, &check.limits, p);
	check.options = conf_map(n, "options", p);
	check.grant = conf_list(n, "grant", p);
	check.withhold = conf_list(n, "withhold", p);
	check.remote = conf_list(n, "remote", p);
	conf_done(n, p);
	if (!named)
		return;
	if (c->checks.n == CHECKS_MAX)
		return problem(p, check.file, check.line, check.name, "more than %d checks", CHECKS_MAX);
	slot = vec_push(&c->checks);
	if (slot)
		*slot = check;
}

void config_take_checks(struct config *c, const struct conf_node *root, struct problems *p)
{
	const struct conf_node *checks = conf_map(root, "checks", p);

	for (size_t i = 0; i < (checks ? conf_count(checks) : 0); i++)
		take_check(c, conf_at(checks, i), p);
	conf_done(root, p);
}

static const struct conf_node *read_file(struct config *c, const char *path, struct problems *p)
{
	struct conf **slot = vec_push(&c->files);
	char **name = vec_push(&c->names);

	if (!slot || !name || !(*name = strdup(path)) || !(*slot = conf_read(*name, p))) {
		problem(p, path, 0, NULL, "out of memory");
		return NULL;
	}
	return conf_root(*slot);
}

static int is_yaml(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 5 && e->d_name[0] != '.' && strcmp(e->d_name + n - 5, ".yaml") == 0;
}

static void read_folder(struct config *c, const char *path, struct problems *p)
{
	const char *slash = strrchr(path, '/');
	int folder_n = slash ? (int)(slash - path) + 1 : 0;
	struct dirent **found = NULL;
	char folder[4096], file[8192];
	int n;

	snprintf(folder, sizeof(folder), "%.*sagent.d", folder_n, path);
	n = scandir(folder, &found, is_yaml, alphasort);
	if (n < 0 && errno != ENOENT)
		problem(p, folder, 0, NULL, "%s", strerror(errno));
	if (n > FILES_MAX)
		problem(p, folder, 0, NULL, "more than %d files", FILES_MAX);
	for (int i = 0; i < n; i++) {
		size_t before = problems_count(p);
		const struct conf_node *root;

		snprintf(file, sizeof(file), "%s/%s", folder, found[i]->d_name);
		root = i < FILES_MAX ? read_file(c, file, p) : NULL;
		if (root && problems_count(p) == before)
			config_take_checks(c, root, p);
		free(found[i]);
	}
	free(found);
}

void config_read(const char *path, struct config *ret, struct problems *p)
{
	size_t before = problems_count(p);
	const struct conf_node *root = read_file(ret, path, p);

	ret->limits = default_limits;
	ret->unread = problems_count(p) != before;
	if (!ret->unread)	/* a file that is not there, or no YAML, lacks everything: one line is enough */
		config_take_agent(ret, root, p);
	read_folder(ret, path, p);
}

void config_free(struct config *c)
{
	for (size_t i = 0; i < c->files.n; i++)
		conf_free(c->files.at[i]);
	for (size_t i = 0; i < c->names.n; i++)
		free(c->names.at[i]);
	vec_free(&c->files);
	vec_free(&c->names);
	vec_free(&c->collectors);
	vec_free(&c->folders);
	vec_free(&c->checks);
}
