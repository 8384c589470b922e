/* The YAML reader and its typed layer, from any bytes. */
#include <stdint.h>

#include "conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void look(const struct conf_node *map, struct problems *p, unsigned depth)
{
	const char *s;
	int64_t i;
	uint64_t u;
	double d;
	bool b;

	for (size_t k = 0; k < conf_count(map) && depth < 20; k++) {
		const struct conf_node *n = conf_at(map, k);

		look(n, p, depth + 1);
		if (!conf_key(n))
			continue;
		conf_string(map, conf_key(n), "", &s, p);
		conf_int(map, conf_key(n), 0, -5, 500, &i, p);
		conf_double(map, conf_key(n), 0, -5, 500, &d, p);
		conf_duration(map, conf_key(n), 0, 0, INT64_MAX, &i, p);
		conf_size(map, conf_key(n), 0, 0, UINT64_MAX, &u, p);
		conf_bool(map, conf_key(n), true, &b, p);
	}
	if (conf_type(map) == CONF_MAP)
		conf_done(map, p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct problems *p = problems_new();
	struct conf *c = conf_parse((const char *)data, n, "fuzz.yaml", p);

	if (c)
		look(conf_root(c), p, 0);
	conf_free(c);
	problems_free(p);
	return 0;
}
