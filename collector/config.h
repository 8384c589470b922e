/*
 * config.h - collector.yaml as the collector proper reads it: what intake and store need stands here; the engine reads its own
 * keys from `root`. Every limit moves between a thirtieth and ten times its default, and none can be switched off.
 *
 *     state: /var/lib/beadle/collector
 *     retention: 400d
 *     login-details: 400d                                              (without it they are kept)
 *     limits: {threads: 2, in_flight: 256MiB, reserve: 64MiB, greeting: 10s, frame: 30s, silence: 90s, heartbeat: 30s,
 *              strangers: 256, strangers_of_one: 32, checkpoint_entries: 100, checkpoint_age: 5min}
 */
#ifndef COLLECTOR_CONFIG_H
#define COLLECTOR_CONFIG_H

#include "collector/ingest/ingest.h"
#include "conf.h"

struct collector_config {
	struct conf *conf;
	const struct conf_node *root;
	const char *state;
	char store[256], identity[256];		/* folders below it */
	unsigned retention_days;
	int64_t login_details;			/* ns; 0: kept */
	uint64_t in_flight, reserve;
	size_t checkpoint_entries;		/* of the journal: so many, or the oldest so old, and the signer signs */
	int64_t checkpoint_age;
	struct ingest_setup ingest;		/* without tls and budget */
};

/* What is wrong goes to the problems; other readers of `root` follow, and conf_done is the caller's. */
struct collector_config *config_read(const char *file, struct problems *);	/* NULL: no memory */
void config_free(struct collector_config *);

#endif
