/* agent.yaml or a file of agent.d, as anybody may have written it; then its options by a table of all types. */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/config_file.h"
#include "agent/host/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct state {
	bool flag;
	int64_t number;
	double ratio;
	const char *text;
	struct beadle_duration wait;
	struct beadle_size size;
	struct beadle_path path;
	struct beadle_list *list;
	struct beadle_globs *globs;
	struct beadle_endpoint server;
};

static const struct beadle_option table[] = {
	BEADLE_OPTION(struct state, flag, "no", ""), BEADLE_OPTION(struct state, number, "7", ""),
	BEADLE_OPTION(struct state, ratio, "0.5", ""), BEADLE_OPTION(struct state, text, "", ""),
	BEADLE_OPTION(struct state, wait, "5s", ""), BEADLE_OPTION(struct state, size, "64KiB", ""),
	BEADLE_OPTION(struct state, path, "", ""), BEADLE_OPTION(struct state, list, "a, b", ""),
	BEADLE_OPTION(struct state, globs, "*", ""), BEADLE_OPTION(struct state, server, "time.example:123", ""),
	{0}
};

static void ignore(void *arg, const char *file, unsigned line, const char *text)
{
}

static size_t add(struct option_text *to, size_t n, const struct conf_node *o)
{
	if (n < 64 && conf_type(o) == CONF_TEXT)
		to[n++] = (struct option_text){conf_key(o), conf_value(o), conf_file(o), conf_line(o), false};
	for (size_t i = 0; conf_type(o) == CONF_LIST && n < 64 && i < conf_count(o); i++)
		if (conf_value(conf_at(o, i)))
			to[n++] = (struct option_text){conf_key(o), conf_value(conf_at(o, i)), conf_file(o), conf_line(o), true};
	return n;
}

static void fill(const struct conf_node *map)
{
	struct option_text texts[64];
	struct options options = {0};
	struct state state = {0};
	size_t n = 0;

	for (size_t i = 0; map && i < conf_count(map); i++)
		n = add(texts, n, conf_at(map, i));
	options_fill(table, texts, n, &state, &options, ignore, NULL);
	if (state.globs)
		beadle_globs_match(state.globs, "/some/name");
	options_free(&options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct problems *p = problems_new();
	struct conf *conf = conf_parse((const char *)data, n, "fuzz.yaml", p);
	struct config config = {0};

	if (conf) {
		config_take_agent(&config, conf_root(conf), p);
		config_take_checks(&config, conf_root(conf), p);
		for (size_t i = 0; i < config.checks.n; i++)
			fill(config.checks.at[i].options);
		config_free(&config);
		conf_free(conf);
	}
	problems_free(p);
	return 0;
}
