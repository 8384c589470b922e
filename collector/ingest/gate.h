/*
 * gate.h - peers that are not yet known: how many there may be (SECURITY N1). 32 of one IPv4 address or IPv6 /64, 256 in all, of
 * which a quarter is kept for addresses from which an agent was let in before. When full, the oldest stranger of the
 * address that has most makes room: its socket is shut down, and its own thread finds that. It has a second before it makes room for one
 * that has as many. All threads share one gate.
 */
#ifndef GATE_H
#define GATE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct gate;
struct visitor;

struct gate *gate_new(size_t of_one, size_t in_all);
void gate_free(struct gate *);
/* NULL: refused, close it. The descriptor is open until gate_leave. */
struct visitor *gate_enter(struct gate *, const struct sockaddr *, int fd);
/* Before the descriptor is closed, or when the peer is known; then its address counts as one of ours. NULL is fine. */
void gate_leave(struct gate *, struct visitor *, bool known);
bool gate_was_put_out(struct gate *, const struct visitor *);
size_t gate_count(struct gate *);
void gate_name(const struct sockaddr *, char buf[INET6_ADDRSTRLEN]);	/* IPv4 as IPv4, whatever it came by */

#endif
