/* beadle check: one plugin, once, under the same host as in production. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "cleanup.h"
#include "clock.h"
#include "command.h"
#include "grant.h"
#include "needs.h"
#include "plughost.h"
#include "program.h"
#include "round.h"
#include "text.h"
#include <beadle/plugin.h>

#define CHECK 1u

CLEANUP_FOR(struct arena *, arena_free)

struct check {
	const char *given;		/* name or path, as written */
	char name[64], module[PATH_MAX], state[PATH_MAX];
	int64_t timeout;
	bool nagios;
	uid_t uid;
	VEC(Host__Option) options;
	VEC(char *) granted;
	uint64_t capabilities;
	bool procscan;
	uint32_t descriptors;
	char grants[4096];
	struct round round;
};

static int fail(const struct check *c, const char *text)
{
	if (c->nagios)
		printf("%s UNKNOWN - %s\n", c->name, text);
	else
		fprintf(stderr, "beadle check: %s: %s\n", c->given, text);
	return c->nagios ? ROUND_UNKNOWN : EXIT_FAILED;
}

/* "disk", or "./mine.so". */
static int find_module(struct check *c)
{
	const char *slash = strrchr(c->given, '/');
	const char *file = slash ? slash + 1 : c->given;
	size_t n = strlen(file);

	if (!slash && !strchr(c->given, '.')) {
		snprintf(c->name, sizeof(c->name), "%s", c->given);
		return text_name(c->given) ? program_module(c->given, NULL, 0, c->module) : -EINVAL;
	}
	if (n > 3 && strcmp(file + n - 3, ".so") == 0)
		n -= 3;
	snprintf(c->name, sizeof(c->name), "%.*s", (int)n, file);
	/* The folder is made absolute, the file stays what it is: the host looks at it and refuses links. */
	{
		FREE char *folder = slash ? strndup(c->given, (size_t)(slash - c->given) + 1) : strdup(".");
		FREE char *real = folder ? realpath(folder, NULL) : NULL;

		if (!real)
			return -errno;
		if (snprintf(c->module, sizeof(c->module), "%s/%s", real, file) >= (int)sizeof(c->module))
			return -ENAMETOOLONG;
	}
	return 0;
}

static int add_option(struct check *c, char *text)
{
	char *equals = strchr(text, '=');
	Host__Option *o = equals ? vec_push(&c->options) : NULL;

	if (!o)
		return -EINVAL;
	*equals = 0;
	host__option__init(o);
	o->name = text;
	o->value = (ProtobufCBinaryData){.data = (uint8_t *)equals + 1, .len = strlen(equals + 1)};
	return 0;
}

/* Given more than once, an option is a list: "-o mounts=/ -o mounts=/srv". */
static void mark_lists(struct check *c)
{
	for (size_t i = 0; i < c->options.n; i++)
		for (size_t k = 0; k < c->options.n; k++)
			if (k != i && strcmp(c->options.at[i].name, c->options.at[k].name) == 0)
				c->options.at[i].item = true;
}

static int add_bound(struct check *c, const char *text, bool critical)
{
	struct bound *b = critical ? vec_push(&c->round.critical) : vec_push(&c->round.warning);

	return b ? bound_take(text, b) : -ENOMEM;
}

static int add_grant(struct check *c, const char *what)
{
	uint64_t capability = grant_capability(what);
	char buf[300], **slot;

	if (grant_extra(what))
		return grant_add(c->grants, sizeof(c->grants), what);
	slot = vec_push(&c->granted);
	if (!slot || (!capability && !grant_service(what)))
		return -EINVAL;
	c->capabilities |= capability;
	c->procscan |= strcmp(what, "procscan") == 0;
	if (grant_descriptor(what) >= 0)
		c->descriptors |= GRANT_DESCRIPTOR(grant_descriptor(what));
	*slot = strdup(grant_put(capability ? BEADLE_NEED_CAPABILITY : BEADLE_NEED_SERVICE, what, buf, sizeof(buf)));
	return *slot ? 0 : -ENOMEM;
}

static int take(struct check *c, int option, char *text)
{
	int64_t n;

	switch (option) {
	case 'o':
		return add_option(c, text);
	case 'w':
		return add_bound(c, text, false);
	case 'c':
		return add_bound(c, text, true);
	case 'g':
		return add_grant(c, text);
	case 'n':
		c->nagios = true;
		return 0;
	case 't':
		return text_duration(text, &c->timeout);
	case 'u':
		if (text_int(text, &n) < 0 || n < 1 || n > INT_MAX)
			return -EINVAL;
		c->uid = (uid_t)n;
		return 0;
	case 's':
		if (mkdir(text, 0700) < 0 && errno != EEXIST)
			return -errno;
		return realpath(text, c->state) ? 0 : -errno;
	default:
		return -EINVAL;
	}
}

static int parse_arguments(struct check *c, int argc, char **argv)
{
	static const struct option options[] = {{"option", required_argument, NULL, 'o'},
		{"warning", required_argument, NULL, 'w'}, {"critical", required_argument, NULL, 'c'},
		{"nagios", no_argument, NULL, 'n'}, {"state", required_argument, NULL, 's'},
		{"timeout", required_argument, NULL, 't'}, {"grant", required_argument, NULL, 'g'},
		{"user", required_argument, NULL, 'u'}, {0}};
	int o;

	while ((o = getopt_long(argc, argv, "o:w:c:", options, NULL)) != -1) {
		if (o == '?')
			return command_usage("check", "not understood");
		if (take(c, o, optarg) < 0)
			return command_usage("check", "\"%s\" is not right here", optarg);
	}
	if (optind != argc - 1)
		return command_usage("check", "one plugin is wanted: its name, or the path of its module");
	c->given = argv[optind];
	mark_lists(c);
	return EXIT_DONE;
}

/* Configure and Run, in one go: the host answers with Problems, or with the Round. */
static int ask(struct check *c, struct plughost *host)
{
	Host__ToHost m = HOST__TO_HOST__INIT;
	Host__Configure configure = HOST__CONFIGURE__INIT;
	Host__Run run = HOST__RUN__INIT;
	FREE Host__Option **options = calloc(c->options.n + 1, sizeof(*options));
	int r;

	if (!options)
		return -ENOMEM;
	for (size_t i = 0; i < c->options.n; i++)
		options[i] = &c->options.at[i];
	configure.check = run.check = CHECK;
	configure.name = c->name;
	configure.n_options = c->options.n;
	configure.options = options;
	configure.n_granted = c->granted.n;
	configure.granted = c->granted.at;
	m.message_case = HOST__TO_HOST__MESSAGE_CONFIGURE;
	m.configure = &configure;
	r = plughost_send(host, &m);
	run.run = 1;
	m.message_case = HOST__TO_HOST__MESSAGE_RUN;
	m.run = &run;
	return r < 0 ? r : plughost_send(host, &m);
}

static int told_problem(const struct check *c, const Host__Problem *p)
{
	char text[1024];

	return fail(c, text_escape(p->text.data, p->text.len, text, sizeof(text)));
}

static int check_bounds(struct check *c, struct bound *bounds, size_t n)
{
	const Wire__Plugin *plugin = c->round.inventory->plugin;

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < plugin->n_metrics && strcmp(plugin->metrics[k]->name, bounds[i].metric) != 0)
			k++;
		if (k == plugin->n_metrics)
			return command_usage("check", "%s has no metric %s", c->name, bounds[i].metric);
		if (bound_parse(&bounds[i], plugin->metrics[k]->unit) < 0)
			return command_usage("check", "%s: \"%s\" is no bound in %s", bounds[i].metric, bounds[i].text,
					     plugin->metrics[k]->unit);
	}
	return EXIT_DONE;
}

static int print(const struct check *c)
{
	int state = c->nagios ? round_print_nagios(&c->round)
		  : command_json ? round_print_json(&c->round) : round_print_text(&c->round);

	if (c->nagios)
		return state;
	return state == ROUND_OK ? EXIT_DONE : EXIT_FAILED;
}

/* Reads on until the Round. Problems are all told before it: a Configure that failed is followed by a Round that says
 * so. */
static int listen_to(struct check *c, struct plughost *host, struct arena *arena, bool *ret_ended)
{
	int64_t deadline = clock_boot() + c->timeout;
	Host__FromHost *m;
	int problems = 0, result = EXIT_FAILED, r;

	while ((r = plughost_receive(host, deadline, arena, &m)) > 0) {
		if (m->message_case == HOST__FROM_HOST__MESSAGE_PROBLEM) {
			result = told_problem(c, m->problem);
			problems++;
		} else if (m->message_case == HOST__FROM_HOST__MESSAGE_INVENTORY && m->inventory->plugin) {
			c->round.inventory = m->inventory;
			r = check_bounds(c, c->round.warning.at, c->round.warning.n);
			r = r ? r : check_bounds(c, c->round.critical.at, c->round.critical.n);
			if (r)
				return r;
		} else if (m->message_case == HOST__FROM_HOST__MESSAGE_EVENTS) {
			const Host__Events **slot = vec_push(&c->round.events);

			if (slot)
				*slot = m->events;
		} else if (m->message_case == HOST__FROM_HOST__MESSAGE_ROUND && c->round.inventory) {
			c->round.round = m->round;
			return problems ? result : print(c);
		}
	}
	if (r == -ETIMEDOUT)
		return fail(c, "it has not answered in time (--timeout)");
	*ret_ended = problems == 0;
	return result;
}

static void each_value(void *arg, const char *name, needs_value *value, void *to)
{
	const struct check *c = arg;

	for (size_t i = 0; i < c->options.n; i++)
		if (strcmp(c->options.at[i].name, name) == 0)
			value(to, (const char *)c->options.at[i].value.data);
}

static void take_grant(void *arg, const char *grant)
{
	struct check *c = arg;

	if (grant_add(c->grants, sizeof(c->grants), grant) < 0)
		fprintf(stderr, "beadle check: not granted, too many or too long paths: %s\n", grant);
}

/* What the plugin declares is asked of a host without any grant: no code of a module runs with more than it declares. What goes
 * wrong there goes wrong again, and is told then. */
static void learn_needs(struct check *c, struct plughost_options o, struct arena *arena)
{
	struct plughost host;
	Host__FromHost *m;

	o.state = NULL;
	o.capabilities = 0;
	o.procscan = 0;
	o.descriptors = 0;
	if (plughost_start(&o, &host) == 0 && plughost_receive(&host, clock_boot() + c->timeout, arena, &m) > 0 &&
	    m->message_case == HOST__FROM_HOST__MESSAGE_INVENTORY)
		needs_each(m->inventory, each_value, c, take_grant, c);
	plughost_end(&host);
}

static int run(struct check *c)
{
	struct plughost_options o = {.name = c->name,
				     .module = c->module,
				     .state = c->state[0] ? c->state : NULL,
				     .uid = c->uid,
				     .gid = c->uid,
				     .capabilities = c->capabilities,
				     .procscan = c->procscan,
				     .descriptors = c->descriptors};
	CLEANUP(arena_free_p) struct arena *arena = arena_new(64u << 20);
	struct plughost host;
	bool ended = false;
	char words[64], text[128];
	int status, result;
	int r = arena ? 0 : -ENOMEM;

	if (r == 0) {
		learn_needs(c, o, arena);
		o.grants = c->grants;
		r = plughost_start(&o, &host);
	}
	if (r < 0) {
		snprintf(text, sizeof(text), "beadle-host cannot be started: %s", strerror(-r));
		return fail(c, text);
	}
	r = ask(c, &host);
	result = r < 0 && r != -EPIPE ? fail(c, strerror(-r)) : listen_to(c, &host, arena, &ended);
	status = plughost_end(&host);
	if (!ended)
		return result;
	snprintf(text, sizeof(text), "the plugin's process %s", plughost_words(status, words));
	return fail(c, text);
}

int command_check(int argc, char **argv)
{
	struct check c = {.timeout = 60 * NS_PER_S};
	int r = parse_arguments(&c, argc, argv);

	if (r == EXIT_DONE) {
		r = find_module(&c);
		r = r < 0 ? fail(&c, r == -ENOENT ? "no such plugin" : strerror(-r)) : run(&c);
	}
	for (size_t i = 0; i < c.granted.n; i++)
		free(c.granted.at[i]);
	vec_free(&c.granted);
	vec_free(&c.options);
	vec_free(&c.round.warning);
	vec_free(&c.round.critical);
	vec_free(&c.round.events);
	return r;
}
