/*
 * targets.h - what the plugin looks at, as a person writes it:
 *
 *   processes:
 *     - "nginx exe=/usr/sbin/nginx user=www-data"      all processes of that executable (and user)
 *     - "cron pidfile=/run/crond.pid"                  the process that the file names (with exe: and it runs that)
 *   endpoints:
 *     - 'web tcp=127.0.0.1:80 send="GET / HTTP/1.0\r\n\r\n" expect="HTTP/1.1 200" timeout=5s'
 *     - "database unix=/run/postgresql/.s.PGSQL.5432"
 */
#ifndef TARGETS_H
#define TARGETS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "plugins/service/words.h"

struct process {
	struct words words;
	const char *name, *exe, *pidfile, *user;	/* NULL: not said */
	uid_t uid;
	bool uid_known;
	uint32_t found;					/* by the count of this round */
};

struct endpoint {
	struct words words;
	const char *name;
	const char *path;		/* Unix socket; else: */
	char *host;
	uint16_t port;
	bool numeric;			/* the host is an address, nothing to look up */
	const char *send, *expect;	/* NULL: connecting is enough */
	size_t send_size, expect_size;
	int64_t timeout;		/* ns */
	bool unknown;			/* its name could not be looked up: neither up nor down */
	bool up;			/* of this round, as the rest */
	double response;		/* seconds to the answer, while up */
	char detail[96];
};

/* Return 0, -ENOMEM, or -EINVAL with one line in `why` (WORDS_WHY bytes). */
int target_process(const char *line, struct process *ret, char *why);
int target_endpoint(const char *line, struct endpoint *ret, char *why);
void target_free_process(struct process *);
void target_free_endpoint(struct endpoint *);
#endif
