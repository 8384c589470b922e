#include "config.h"

#include "agent/config/plugins.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config/options.h"
#include "installed.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/io.h"
#include "lib/plughost.h"
#include "lib/program.h"
#include "lib/text.h"

#define ARENA_CEILING (64u << 20)
#define DEADLINE (20 * NS_PER_S)	/* of a module that only has to be loaded */
#define MODULE_MAX (64u << 20)

/* ---- what goes out ---- */

static int send_configure(struct plughost *host, uint32_t number, const struct check *check, struct arena *arena, struct problems *p)
{
	Host__ToHost m = HOST__TO_HOST__INIT;
	Host__Configure configure = HOST__CONFIGURE__INIT;

	options_check(check->options, p);
	configure.options = options_of(check->options, arena, &configure.n_options);
	if (!configure.options)
		return -ENOMEM;
	configure.check = number;
	configure.name = (char *)check->name;
	configure.only_asked = true;
	m.message_case = HOST__TO_HOST__MESSAGE_CONFIGURE;
	m.configure = &configure;
	return plughost_send(host, &m);
}

static int send_stop(struct plughost *host)
{
	Host__ToHost m = HOST__TO_HOST__INIT;
	Host__Stop stop = HOST__STOP__INIT;

	m.message_case = HOST__TO_HOST__MESSAGE_STOP;
	m.stop = &stop;
	return plughost_send(host, &m);
}

/* ---- what comes back ---- */

static void tell(const Host__Problem *told, const struct check *const *checks, size_t n, const char *file,
		 unsigned line, struct problems *p)
{
	const struct check *check = told->check && told->check <= n ? checks[told->check - 1] : NULL;
	char text[1024];

	text_escape(told->text.data, told->text.len, text, sizeof(text));
	if (told->file && *told->file)
		problem(p, told->file, told->line, check ? check->name : NULL, "%s", text);
	else if (check)
		problem(p, check->file, check->line, check->name, "%s", text);
	else
		problem(p, file, line, NULL, "%s", text);
}

Host__Inventory *plugins_inventory(const struct plugin_record *record, const struct check *const *checks, size_t n,
				   const char *file, unsigned line, struct arena *arena, struct problems *p)
{
	struct plughost_options o = {.name = record->name,
				     .module = record->module,
				     .uid = record->uid,
				     .gid = record->gid,
				     .memory = record->memory};
	int64_t deadline = clock_boot() + DEADLINE;
	size_t before = problems_count(p);
	Host__Inventory *inventory = NULL;
	struct plughost host;
	Host__FromHost *m;
	char words[64];
	int status, r = plughost_start(&o, &host);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = send_configure(&host, (uint32_t)i + 1, checks[i], arena, p);
	if (r == 0)
		r = send_stop(&host);
	if (r == 0 || r == -EPIPE || r == -ECONNRESET)	/* it has ended early, and perhaps said why */
		while ((r = plughost_receive(&host, deadline, arena, &m)) > 0) {
			if (m->message_case == HOST__FROM_HOST__MESSAGE_INVENTORY && m->inventory->plugin)
				inventory = m->inventory;
			else if (m->message_case == HOST__FROM_HOST__MESSAGE_PROBLEM)
				tell(m->problem, checks, n, file, line, p);
		}
	status = plughost_end(&host);
	if (r == 0 && status == 0 && inventory)
		return inventory;
	if (problems_count(p) == before)
		problem(p, file, line, NULL, "plugin %s (%s): %s", record->name, record->module,
			r == -ETIMEDOUT ? "does not come back from being loaded"
			: r < 0 ? strerror(-r) : plughost_words(status, words));
	return NULL;
}

/* ---- all of them ---- */

static void hash_module(struct plugin *plugin, struct arena *arena)
{
	unsigned char *digest = arena_take(arena, 32);
	FREE char *content = NULL;
	size_t n;

	if (digest && io_read_file(plugin->record.module, MODULE_MAX, &content, &n) == 0 &&
	    EVP_Digest(content, n, digest, NULL, EVP_sha256(), NULL) == 1)
		plugin->inventory->plugin->sha256 = (ProtobufCBinaryData){.data = digest, .len = 32};
}

/* The file that is asked now is the one that hosts will load, or none is. */
static int find_module(struct plugin_record *r, const struct config *c)
{
	char path[PROGRAM_PATH];
	struct stat st;
	int error = program_module(r->name, c->folders.at, c->folders.n, path);

	if (error < 0)
		return error;
	if (strlen(path) >= sizeof(r->module))
		return -ENAMETOOLONG;
	if (stat(path, &st) < 0)
		return -errno;
	strcpy(r->module, path);
	r->module_inode = st.st_ino;
	r->module_size = (uint64_t)st.st_size;
	r->module_changed = st.st_ctim.tv_sec * NS_PER_S + st.st_ctim.tv_nsec;
	return 0;
}

static void tell_missing(const struct config *c, const struct check *check, int error, struct problems *p)
{
	const char *where = c->folders.n ? "the folders under \"plugins:\"" : PLUGINDIR, *nearest;
	char buf[64];

	if (error != -ENOENT)
		return problem(p, check->file, check->line, check->name, "plugin %s: %s", check->plugin,
			       strerror(-error));
	nearest = program_nearest_module(check->plugin, c->folders.at, c->folders.n, buf);
	if (nearest)
		problem(p, check->file, check->line, check->name, "plugin %s: no %s.so in %s; did you mean \"%s\"?",
			check->plugin, check->plugin, where, nearest);
	else
		problem(p, check->file, check->line, check->name, "plugin %s: no %s.so in %s", check->plugin,
			check->plugin, where);
}

static int make_record(struct plugin_record *r, const struct config *c, const struct check *check, int index,
		       struct problems *p)
{
	int error;

	r->index = (uint32_t)index;
	if (geteuid() == 0)
		r->uid = r->gid = (uint32_t)(c->first_user + index);
	snprintf(r->name, sizeof(r->name), "%s", check->plugin);
	error = find_module(r, c);
	if (error < 0)
		tell_missing(c, check, error, p);
	if (error == 0 &&
	    snprintf(r->state, sizeof(r->state), "%s/plugins/%s", c->state, check->plugin) >= (int)sizeof(r->state))
		error = -ENAMETOOLONG;
	return error;
}

/* The largest of what its checks ask for: they share the process. */
static void add_limits(struct plugin_record *r, const struct limits *l)
{
	r->memory = l->memory > r->memory ? l->memory : r->memory;
	r->file_size = l->file_size > r->file_size ? l->file_size : r->file_size;
	r->processes = l->processes > r->processes ? (uint32_t)l->processes : r->processes;
	r->files = l->files > r->files ? (uint32_t)l->files : r->files;
}

static void ask_one(struct plugins *all, const struct config *c, const char *name, int index, struct problems *p)
{
	FREE const struct check **checks = calloc(c->checks.n, sizeof(*checks));
	struct plugin *plugin = calloc(1, sizeof(*plugin));
	size_t n = 0;

	for (size_t i = 0; checks && i < c->checks.n; i++)
		if (strcmp(c->checks.at[i].plugin, name) == 0)
			checks[n++] = &c->checks.at[i];
	if (!plugin || !n) {
		free(plugin);
		return;
	}
	all->at[index] = plugin;
	if (make_record(&plugin->record, c, checks[0], index, p) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		add_limits(&plugin->record, &checks[i]->limits);
	plugin->inventory =
		plugins_inventory(&plugin->record, checks, n, checks[0]->file, checks[0]->line, all->arena, p);
	if (!plugin->inventory)
		return;
	hash_module(plugin, all->arena);
	for (size_t i = 0; i < n; i++)
		grants_of(checks[i], plugin->inventory, &plugin->record, NULL, NULL, p);
}

void plugins_ask(struct plugins *all, const struct config *c, bool dry, struct problems *p)
{
	struct registry registry = {0};
	int r = c->state ? registry_read(c->state, &registry) : 0;

	all->arena = arena_new(ARENA_CEILING);
	if (r < 0 || !all->arena)
		problem(p, c->state, 0, "plugins.index", "%s",
			r == -EBADMSG ? "damaged: a plugin's name a line is expected" : strerror(r ? -r : ENOMEM));
	for (size_t i = 0; all->arena && !c->unread && i < c->checks.n; i++) {
		const struct check *check = &c->checks.at[i];
		int index = registry_index(&registry, check->plugin);

		if (index < 0)
			problem(p, check->file, check->line, check->name, "more than %d plugins", PLUGINS_MAX);
		else if (!all->at[index])
			ask_one(all, c, check->plugin, index, p);
	}
	if (!dry && problems_count(p) == 0) {
		r = registry_write(c->state, &registry);
		if (r < 0)
			problem(p, c->state, 0, "plugins.index", "%s", strerror(-r));
	}
	registry_free(&registry);
}

struct plugin *plugins_find(const struct plugins *all, const char *name)
{
	for (size_t i = 0; i < PLUGINS_MAX; i++)
		if (all->at[i] && strcmp(all->at[i]->record.name, name) == 0)
			return all->at[i];
	return NULL;
}

void plugins_free(struct plugins *all)
{
	for (size_t i = 0; i < PLUGINS_MAX; i++)
		free(all->at[i]);
	if (all->arena)
		arena_free(all->arena);
	*all = (struct plugins){0};
}
