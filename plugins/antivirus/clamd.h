/* clamd.h - what a running clamd says of itself, by its VERSION command on its Unix or TCP socket. */
#ifndef CLAMD_H
#define CLAMD_H

#include <stdbool.h>
#include <stdint.h>

struct clamd {
	char engine[64];	/* "1.4.3" */
	bool dated;		/* it has loaded a daily database: */
	uint32_t version;
	int64_t built;		/* seconds since 1970 */
};

/* "ClamAV 1.4.3/27400/Tue Jul  1 08:30:00 2025", or without the last two. Returns 0 or -EBADMSG. */
int clamd_parse(const char *reply, struct clamd *ret);

/* Returns 0 or -errno: -ECONNREFUSED or -ENOENT: nobody is there, -ETIMEDOUT: it does not answer in time. */
int clamd_ask_unix(const char *path, int64_t timeout_ns, struct clamd *ret);
/* numeric, or localhost */
int clamd_ask_tcp(const char *address, const char *port, int64_t timeout_ns, struct clamd *ret);
#endif
