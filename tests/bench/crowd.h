/*
 * crowd.h - many agents in one process: real TLS, real frames, one epoll loop. Connections that break are made anew and go on from what the
 * collector holds; that it holds less than it acknowledged, ends the program (R2). What a result holds follows from agent and sequence, so
 * that a reader of the store can tell whether it is the one that was sent (content.h).
 *   crowd_link.c: connections; crowd_send.c: what an agent says; crowd.c: what it hears, and the loop.
 */
#ifndef CROWD_H
#define CROWD_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CROWD_EPOCH UINT64_C(0x1122334455667788)

enum crowd_state { OFF, CONNECTING, GREETED, READY };

struct agent {
	SSL_CTX *ctx;
	SSL *tls;
	int fd;
	enum crowd_state state;
	char uuid[37];
	unsigned number;
	uint64_t next, acked;		/* sequences */
	uint32_t digest;		/* of record next - 1; 0: not known */
	unsigned in_flight;		/* batches */
	bool writing;			/* out holds what could not be written */
	uint8_t *in, *out;
	size_t in_n, in_room, out_n, out_from, out_room;
	unsigned failures;		/* in a row */
	int64_t again;			/* not to be connected before */
	int64_t due;			/* not to measure before */
};

struct crowd {
	struct sockaddr_in to;
	unsigned agents_n, results, values, window;
	unsigned every;			/* seconds from one batch of an agent to its next; 0: as soon as the window has room */
	bool idle, series;		/* idle without series: connected, no more */
	bool retry;			/* a connection that breaks is nothing to tell */
	bool spread;			/* each has an address of its own, and waits before it comes back as beadle-core does */

	struct agent *agents;
	unsigned connecting, ready;
	uint64_t acked_results, broken;
	int loop;			/* epoll */
};
extern struct crowd crowd;

__attribute__((noreturn)) void die(const char *what);

/* Makes agents and loop by what stands in `crowd`. */
void crowd_make(const char *school);
void crowd_turn(void);		/* for 20 ms at most */

/* ---- between its files ---- */
void link_begin(struct agent *);
void link_break(struct agent *, const char *why);
void link_watch(struct agent *, uint32_t events, int op);
bool link_flush(struct agent *);			/* false: it broke */
void send_hello(struct agent *);
void send_definitions(struct agent *);			/* the first batch of a connection: definitions alone */
void send_batches(struct agent *, int64_t now);		/* as many as may be */

#endif
