/*
 * link.h - one TLS connection to a collector: frames in, frames out, nothing of what they mean. Each direction holds one buffer, which goes
 * when it is empty: a quiet connection costs little.
 */
#ifndef LINK_H
#define LINK_H

#include <openssl/ssl.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "agent/core/loop.h"

struct link;

struct link_calls {
	/* The handshake is done, and whatever the library finds wrong was refused; the owner judges the peer with link_ssl. */
	void (*ready)(void *arg);
	void (*frame)(void *arg, const uint8_t *frame, size_t n);	/* may close the link */
	void (*room)(void *arg);					/* all that was to be sent is gone */
	void (*closed)(void *arg, const char *why);			/* not after link_free */
	void *arg;
};

/* Connects to the address; takes nothing. NULL and errno. */
struct link *link_new(struct loop *, SSL_CTX *, const struct sockaddr *, unsigned n, const struct link_calls *);
void link_free(struct link *);		/* NULL is fine; also from within a callback */
SSL *link_ssl(struct link *);

bool link_busy(const struct link *);	/* something still waits to be sent */
int link_send(struct link *, const ProtobufCMessage *);
/* Takes over a buffer from malloc: n whole bytes of frames beginning at `from`. */
void link_give(struct link *, uint8_t *buf, size_t from, size_t n);
int64_t link_begun(const struct link *);	/* since when a frame is coming in, and not whole; LOOP_NEVER: none is */

#endif
