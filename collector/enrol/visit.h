/* visit.h - one server at the door: its handshake, its one request, the one answer. For the files of enrol/ alone. */
#ifndef VISIT_H
#define VISIT_H

#include <event2/event.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "collector/ingest/gate.h"
#include "collector/message.h"

#define VISITS 640			/* ten times what is usual */

struct visit;

struct enrol {
	struct queue *queue, *engine;
	struct event_base *loop;
	struct event *queued, *accepting, *every_second;
	SSL_CTX *tls;			/* for the next visits */
	struct gate *gate;
	int door;
	int64_t patience;
	pthread_t thread;
	bool running;
	unsigned lines;			/* logged in this second */
	struct { struct visit *visit; uint32_t generation; } slots[VISITS];
};

/* Takes fd and visitor over. */
void visit_new(struct enrol *, int fd, struct visitor *, const struct sockaddr *);
void visit_answer(struct visit *, const uint8_t *frame, size_t n);
void visit_look_after(struct visit *, int64_t now);
void visit_end(struct visit *);

#endif
