/* session.h - what an agent's frames mean, and the answers to it. */
#ifndef SESSION_H
#define SESSION_H

#include "collector/ingest/connection.h"

#define SESSION_WINDOW_BATCHES 8u
#define SESSION_WINDOW_BYTES (4u * 1024 * 1024)

/* May the next frame be looked at, or does the agent wait for store, engine, or its own acknowledgements? */
bool session_can_read(struct connection *);
/* One whole frame of n bytes. */
enum connection_end session_frame(struct connection *, const uint8_t *frame, size_t n);
/* renew.c */
enum connection_end renew_asked(struct connection *, const Wire__Renew *);
/* Answers from the store and the engine; the messages are freed. */
enum connection_end session_welcome(struct connection *, struct hello *);
enum connection_end session_series(struct connection *, struct series *);
enum connection_end session_ack(struct connection *, const struct ack *);
enum connection_end session_send(struct connection *, const struct sending *);	/* by the engine; the message stays the caller's */
enum connection_end session_heartbeat(struct connection *);

#endif
