/* query.h - asks one server a few times by SNTP, and keeps the answer with the shortest way. */
#ifndef QUERY_H
#define QUERY_H

#include <stdint.h>
#include <sys/socket.h>

#include "plugins/clock/sntp.h"

#define QUERY_SAMPLES_MAX 16
#define QUERY_ADDRESSES 8

struct query_addresses { struct sockaddr_storage at[QUERY_ADDRESSES]; socklen_t size[QUERY_ADDRESSES]; unsigned n; };

struct query_result {
	struct sntp_reply best;
	unsigned good;			/* answers used */
	double jitter;			/* s: root mean square of the others' offsets from the best one's */
	unsigned address;		/* which one answered */
	enum sntp_verdict refused;	/* why the last answer was not used; SNTP_GOOD: there was none */
};

/* All addresses of a name; the system's resolver decides how long that takes. 0 or -errno. */
int query_resolve(const char *host, uint16_t port, struct query_addresses *ret);

/* "192.0.2.1" */
void query_name(const struct query_addresses *, unsigned i, char *buffer, size_t room);

/* Asks the addresses in turn until one gives good answers. `wait` ns for each answer. 0; -ETIMEDOUT: no answer;
 * -EPROTO: none that can be used (see refused, and best.kiss); or -errno. */
int query_ask(const struct query_addresses *, unsigned samples, int64_t wait, struct query_result *ret);

#endif
