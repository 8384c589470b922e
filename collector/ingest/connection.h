/*
 * connection.h - one agent's connection: TLS over a nonblocking socket, frames in and out, and what is known of the peer. It
 * belongs to one ingest thread. What is done with its frames is session.c's.
 */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>

#include "authority.h"
#include "collector/ingest/credit.h"
#include "collector/ingest/gate.h"
#include "collector/ingest/numbers.h"
#include "collector/message.h"
#include "log.h"

struct worker;

enum connection_state {
	CONNECTION_HANDSHAKE,	/* TLS; a visitor of the gate */
	CONNECTION_HELLO,	/* the certificate is good; Hello is awaited */
	CONNECTION_PROBED,	/* a watcher has asked; the answer is the end */
	CONNECTION_WELCOME,	/* store and engine look at the Hello */
	CONNECTION_OPEN,
	CONNECTION_SERIES,	/* store and engine look at new series; nothing is read */
};

/* Bytes not yet used: at[from..n). */
struct bytes { uint8_t *at; size_t from, n, room; };

struct connection {
	struct worker *worker;
	struct reference self;
	enum connection_state state;
	int fd;
	SSL *tls;
	struct visitor *visitor;
	struct event readable, writable;
	bool reading, writing;		/* which events are set */
	char address[INET6_ADDRSTRLEN];
	char agent[64];			/* by the certificate */
	uint32_t generation;		/* of the certificate, */
	char authority[AUTHORITY_ID];	/* and who made it */
	unsigned standing;		/* version by which it last counted (standing.h) */
	unsigned named;			/* of the worker's authorities, the one that it was told of */
	uint32_t host;
	struct bytes in, out;
	struct numbers checks, series;
	uint32_t unacked;		/* batches */
	size_t unacked_bytes;
	struct credit credit;
	int64_t began, heard, sent;	/* boot clock */
	int64_t frame_since;		/* a frame has begun and is not whole; 0: none */
};

/* What happened to the connection: closed means that it was freed and may not be touched. */
enum connection_end { CONNECTION_GOES_ON, CONNECTION_CLOSED };

/* Takes fd and visitor over. NULL: no memory, both are let go of. */
struct connection *connection_new(struct worker *, int fd, struct visitor *, const struct sockaddr *, struct reference self);
/* Frees it. `why` is logged, with who it was; NULL: not worth a line. */
void connection_close(struct connection *, enum log_level, const char *why, ...) __attribute__((format(printf, 3, 4)));
/* Tells the peer the reason, as far as that goes without waiting, logs it and closes. */
void connection_refuse(struct connection *, const char *why);

/* Ends it when its certificate counts no more. Asked before anything is taken from the agent or acknowledged to it. */
enum connection_end connection_counts(struct connection *);

/* The handshake, reading, or writing can go on. */
enum connection_end connection_handshake(struct connection *);
enum connection_end connection_read(struct connection *);
enum connection_end connection_flush(struct connection *);
/* Packs and sends, or keeps until it can be sent. */
enum connection_end connection_send(struct connection *, const Wire__Envelope *);
enum connection_end connection_send_frame(struct connection *, const uint8_t *frame, size_t n);
/* Frames that came are to be looked at again, and more read: what held it up has gone. */
enum connection_end connection_resume(struct connection *);

#endif
