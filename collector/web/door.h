/*
 * door.h - the terminator (SECURITY 5.11): takes browsers' connections, TLS 1.3, and lets a request through only when its head is right and
 * its body is all there, each within a total deadline. Then the request, spelt anew, goes over a socket pair to the server behind us
 * (`pass`), whose answer goes back as it is. One request a connection; what comes after it is not read.
 *
 * Limits (N7): DOOR_SLOTS connections, DOOR_PER_ADDRESS of one IPv4 address or IPv6 /64. When full, the oldest that has not said a whole
 * request makes room, of the address that has most; without one, the oldest reader of the address that has most, for whoever has less.
 */
#ifndef DOOR_H
#define DOOR_H

#include <event2/util.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#define DOOR_SLOTS 256
#define DOOR_PER_ADDRESS 64
#define DOOR_HEAD_S 10		/* from accept to the end of the head, handshake and all */
#define DOOR_BODY_S 10
#define DOOR_ANSWER_S 60	/* the whole answer, unless it is the live stream */
#define DOOR_STALL_S 30		/* without a byte taken */

struct event_base;
struct door;

/* A folder with cert.pem, key.pem and, when there is one, root.pem. NULL and why. */
SSL_CTX *door_context(const char *folder, char why[256]);

/* pass takes over the descriptor. Takes ctx and the listening descriptor over. NULL: no memory. */
struct door *door_new(struct event_base *, SSL_CTX *, evutil_socket_t listener,
		      int (*pass)(void *arg, evutil_socket_t, const struct sockaddr *, socklen_t), void *arg);
void door_free(struct door *);
void door_use(struct door *, SSL_CTX *);	/* for those who come from now on; takes it over */

#endif
