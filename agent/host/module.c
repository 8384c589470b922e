#include "config.h"

#include "agent/host/module.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <ltdl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/host/options.h"
#include "lib/cleanup.h"
#include "lib/frame.h"
#include "lib/text.h"
#include "lib/unit.h"

#define METRICS_MAX 1024
#define NEEDS_MAX 64

struct module {
	lt_dlhandle handle;
	struct beadle_plugin plugin;	/* a copy: an older plugin's is shorter */
	size_t n_metrics;
};

__attribute__((format(printf, 3, 4))) static int refuse(char why[MODULE_WHY], int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, MODULE_WHY, format, args);
	va_end(args);
	return error;
}

static bool safe_owner(const struct stat *st, uid_t owner)
{
	return st->st_uid == 0 || st->st_uid == owner;
}

/* The folder and all above it; a sticky one such as /tmp may be shared, but not be the last. */
static int trust_folders(const char *folder, uid_t owner, char why[MODULE_WHY])
{
	char path[PATH_MAX];
	bool last = true;

	snprintf(path, sizeof(path), "%s", folder);
	for (;;) {
		struct stat st;
		char *slash;

		if (lstat(path, &st) < 0)
			return refuse(why, -errno, "%.150s: %s", path, strerror(errno));
		if (!safe_owner(&st, owner))
			return refuse(why, -EPERM,
				      "folder %.120s belongs to user %u, not to root or to the agent's user", path,
				      st.st_uid);
		if ((st.st_mode & 022) && (last || !(st.st_mode & S_ISVTX)))
			return refuse(why, -EPERM, "others may write to folder %.120s; mend it with: chmod go-w", path);
		slash = strrchr(path, '/');
		if (path[1] == 0)
			return 0;
		slash[slash == path] = 0;
		last = false;
	}
}

static int trust_name(const char *path, const char *name, char why[MODULE_WHY])
{
	const char *file = strrchr(path, '/');
	size_t n = strlen(path);

	if (*path != '/')
		return refuse(why, -EINVAL, "the module's path is not absolute");
	if (n > 3 && strcmp(path + n - 3, ".la") == 0)
		return refuse(why, -EINVAL,
			      "a .la file is a text that names other files: give the module itself (.so)");
	if (!text_name(name))
		return refuse(why, -EINVAL, "\"%.63s\" is no name for a plugin (small letters, digits and _)", name);
	if (strncmp(file + 1, name, strlen(name)) != 0 || strcmp(file + 1 + strlen(name), ".so") != 0)
		return refuse(why, -EINVAL, "the module of plugin %s must be called %s.so", name, name);
	return 0;
}

int module_trust(const char *path, const char *name, uid_t owner, char why[MODULE_WHY])
{
	char folder[PATH_MAX], real[PATH_MAX];
	CLOSE int fd = -1;
	struct stat st;
	int r = trust_name(path, name, why);

	if (r < 0)
		return r;
	if ((size_t)snprintf(folder, sizeof(folder), "%.*s/", (int)(strrchr(path, '/') - path), path) >= sizeof(folder))
		return refuse(why, -ENAMETOOLONG, "the module's path is too long");
	if (!realpath(folder, real))
		return refuse(why, -errno, "folder %.150s: %s", folder, strerror(errno));
	r = trust_folders(real, owner, why);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ELOOP)
		return refuse(why, -EPERM, "the module is a symbolic link: give the file itself");
	if (fd < 0)
		return refuse(why, -errno, "%s", strerror(errno));
	if (fstat(fd, &st) < 0)
		return refuse(why, -errno, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return refuse(why, -EPERM, "the module is not a file");
	if (!safe_owner(&st, owner))
		return refuse(why, -EPERM, "the module belongs to user %u, not to root or to the agent's user",
			      st.st_uid);
	if (st.st_mode & 022)
		return refuse(why, -EPERM, "others may write to the module; mend it with: chmod go-w");
	return TAKE_FD(fd);
}

static const char *metrics_unsound(const struct beadle_metric *const *metrics, size_t *ret_n, char why[160])
{
	size_t n = 0;

	for (; metrics && metrics[n]; n++) {
		const struct beadle_metric *m = metrics[n];

		if (n == METRICS_MAX)
			return snprintf(why, 160, "more than %d metrics", METRICS_MAX), why;
		if (!m->name || !text_name(m->name))
			return snprintf(why, 160, "\"%.63s\" is no name for a metric", m->name ? m->name : ""), why;
		if (!m->unit)
			return snprintf(why, 160, "metric %s has no unit", m->name), why;
		if (!unit_known(m->unit))
			return snprintf(why, 160, "metric %s: \"%.40s\" is no base unit", m->name, m->unit), why;
		if (m->kind > BEADLE_STATE)
			return snprintf(why, 160, "metric %s is of unknown kind %d", m->name, (int)m->kind), why;
		for (size_t i = 0; i < n; i++)
			if (strcmp(metrics[i]->name, m->name) == 0)
				return snprintf(why, 160, "metric %s stands twice in the table", m->name), why;
	}
	*ret_n = n;
	return NULL;
}

static int check_plugin(struct module *m, const struct beadle_plugin *p, const char *name, char why[MODULE_WHY])
{
	size_t size;
	char unsound[160];

	if (p->abi > BEADLE_ABI)
		return refuse(why, -ENOTSUP, "made for a newer Beadle: its interface is %u, this one's %d", p->abi,
			      BEADLE_ABI);
	if (p->abi == 0 || p->size < offsetof(struct beadle_plugin, watch) + sizeof(p->watch))
		return refuse(why, -ENOTSUP, "malformed: interface %u of %u bytes", p->abi, p->size);
	size = p->size < sizeof(m->plugin) ? p->size : sizeof(m->plugin);
	memcpy(&m->plugin, p, size);
	if (!p->name || strcmp(p->name, name) != 0)
		return refuse(why, -EINVAL, "malformed: it calls itself \"%.63s\"", p->name ? p->name : "");
	if (!p->collect)
		return refuse(why, -EINVAL, "malformed: it has no collect function");
	if (p->state_size > 1 << 20)
		return refuse(why, -EINVAL, "malformed: a state of %zu bytes", p->state_size);
	if (p->watch && (!p->watch->fd || !p->watch->ready))
		return refuse(why, -EINVAL, "malformed: a watcher without its functions");
	if (options_unsound(p->options, p->state_size, unsound) || metrics_unsound(p->metrics, &m->n_metrics, unsound))
		return refuse(why, -EINVAL, "malformed: %s", unsound);
	return 0;
}

/* What the system's loader says: libltdl calls each failure "file not found". */
static const char *load_error(const char *path)
{
	void *handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
	const char *text = handle ? "libltdl cannot load it" : dlerror();
	size_t n = strlen(path);

	if (handle)
		dlclose(handle);
	return strncmp(text, path, n) == 0 && strncmp(text + n, ": ", 2) == 0 ? text + n + 2 : text;
}

int module_open(int fd, const char *name, struct module **ret, char why[MODULE_WHY])
{
	char path[32], symbol[128];
	struct module *m = calloc(1, sizeof(*m));
	const struct beadle_plugin *plugin;
	int r;

	if (!m)
		return refuse(why, -ENOMEM, "out of memory");
	/* What was checked is what is loaded, though its folder be closed to this user or its name be another's. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	snprintf(symbol, sizeof(symbol), "%s_LTX_beadle_plugin", name);
	if (lt_dlinit() != 0) {
		free(m);
		return refuse(why, -EIO, "libltdl: %s", lt_dlerror());
	}
	m->handle = lt_dlopen(path);
	if (!m->handle) {
		r = refuse(why, -ENOEXEC, "cannot be loaded: %.200s", load_error(path));
		module_close(m);
		return r;
	}
	plugin = lt_dlsym(m->handle, symbol);
	r = plugin ? check_plugin(m, plugin, name, why)
		   : refuse(why, -ENOEXEC, "not a plugin: it has no symbol %s (BEADLE_PLUGIN(%s, ...))", symbol, name);
	if (r < 0)
		module_close(m);
	else
		*ret = m;
	return r;
}

void module_close(struct module *m)
{
	if (!m)
		return;
	if (m->handle)
		lt_dlclose(m->handle);
	lt_dlexit();
	free(m);
}

const struct beadle_plugin *module_plugin(const struct module *m)
{
	return &m->plugin;
}

int module_metric(const struct module *m, const struct beadle_metric *metric)
{
	for (size_t i = 0; i < m->n_metrics; i++)
		if (m->plugin.metrics[i] == metric)
			return (int)i;
	return -ENOENT;
}

int module_needs(const struct module *m, enum beadle_need_kind kind, const char *what)
{
	for (const struct beadle_need *n = m->plugin.needs; n && n->kind; n++)
		if (n->kind == kind && n->what && strcmp(n->what, what) == 0)
			return 1;
	return 0;
}

static Wire__Metric *tell_metric(const struct beadle_metric *m, Wire__Metric *to)
{
	wire__metric__init(to);
	to->name = (char *)m->name;
	to->unit = (char *)m->unit;
	to->help = (char *)(m->help ? m->help : "");
	to->kind = (Wire__Kind)m->kind;
	return to;
}

static Host__Need *tell_need(const struct beadle_need *n, Host__Need *to)
{
	host__need__init(to);
	to->kind = n->kind;
	to->what = (char *)(n->what ? n->what : "");
	to->why = (char *)(n->why ? n->why : "");
	return to;
}

static Host__Default *tell_default(const struct beadle_option *o, Host__Default *to)
{
	host__default__init(to);
	to->option = (char *)o->name;
	to->value = (char *)(o->dflt ? o->dflt : "");
	to->path = o->type == BEADLE_PATH;
	return to;
}

static size_t count_options(const struct beadle_option *options)
{
	size_t n = 0;

	while (options && options[n].name)
		n++;
	return n;
}

static size_t count_needs(const struct beadle_need *needs)
{
	size_t n = 0;

	while (needs && needs[n].kind && n < NEEDS_MAX)
		n++;
	return n;
}

int module_tell(const struct module *m, int socket)
{
	Host__FromHost message = HOST__FROM_HOST__INIT;
	Host__Inventory inventory = HOST__INVENTORY__INIT;
	Wire__Plugin plugin = WIRE__PLUGIN__INIT;
	size_t n_needs = count_needs(m->plugin.needs), n_options = count_options(m->plugin.options);
	FREE char **options = calloc(n_options + 1, sizeof(*options));
	FREE Host__Default *defaults = calloc(n_options + 1, sizeof(*defaults));
	FREE Host__Default **defaults_at = calloc(n_options + 1, sizeof(*defaults_at));
	FREE Wire__Metric *metrics = calloc(m->n_metrics + 1, sizeof(*metrics));
	FREE Wire__Metric **metrics_at = calloc(m->n_metrics + 1, sizeof(*metrics_at));
	FREE Host__Need *needs = calloc(n_needs + 1, sizeof(*needs));
	FREE Host__Need **needs_at = calloc(n_needs + 1, sizeof(*needs_at));

	if (!options || !defaults || !defaults_at || !metrics || !metrics_at || !needs || !needs_at)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_metrics; i++)
		metrics_at[i] = tell_metric(m->plugin.metrics[i], &metrics[i]);
	for (size_t i = 0; i < n_needs; i++)
		needs_at[i] = tell_need(&m->plugin.needs[i], &needs[i]);
	for (size_t i = 0; i < n_options; i++) {
		options[i] = (char *)m->plugin.options[i].name;
		defaults_at[i] = tell_default(&m->plugin.options[i], &defaults[i]);
	}
	plugin.name = (char *)m->plugin.name;
	plugin.version = (char *)(m->plugin.version ? m->plugin.version : "");
	plugin.n_metrics = m->n_metrics;
	plugin.metrics = metrics_at;
	inventory.plugin = &plugin;
	inventory.watches = m->plugin.watch != NULL;
	inventory.n_needs = n_needs;
	inventory.needs = needs_at;
	inventory.n_options = n_options;
	inventory.options = options;
	inventory.n_defaults = n_options;
	inventory.defaults = defaults_at;
	message.message_case = HOST__FROM_HOST__MESSAGE_INVENTORY;
	message.inventory = &inventory;
	return frame_write(socket, &message.base);
}
