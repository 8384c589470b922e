/*
 * message.h - what goes through the queues of the collector's threads. A message has one owner at a time: whoever took it hands
 * it on or frees it. Memory of decoded wire messages lies in the message's own arena.
 *
 * One agent's connection, in order:
 *   ingest --hello--> store (numbers, sequences held) --hello--> engine (registers, assigns) --hello--> ingest: Welcome
 *   ingest --series-> store (numbers)                 --series-> engine (registers)          --series-> ingest goes on reading
 *   ingest --batch--> store (commit) --ack--> ingest: Ack;  --batch--> engine (judges, frees)
 *   ingest --gone---> store          --gone-> engine (frees)
 * So the engine knows a name before the first value that uses it, and values in the order in which they became durable.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <netinet/in.h>
#include <stdbool.h>

#include "arena.h"
#include "collector/audit/checkpoint.h"
#include "collector/batch.h"
#include "collector/store/change_queue.h"
#include "collector/store/store.h"
#include "proto/beadle.pb-c.h"
#include "token.h"

struct visitor;

enum message_kind {
	MESSAGE_BATCH,		/* struct batch: ingest -> store -> engine */
	MESSAGE_HELLO, MESSAGE_SERIES, MESSAGE_GONE,
	MESSAGE_CHANGE,		/* struct store_change: engine -> store -> engine, whose `done` is then called */
	MESSAGE_ACK,		/* store -> ingest */
	MESSAGE_SOCKET,		/* accepted: ingest -> ingest */
	MESSAGE_CLOSE,		/* store or engine -> ingest */
	MESSAGE_SEND,		/* engine -> ingest: a frame for an agent */
	MESSAGE_STANDING,	/* engine -> each ingest thread: look which connections still count (standing.h) */
	MESSAGE_RENEW,		/* ingest -> engine: an agent asks for its next certificate; MESSAGE_SEND is the answer */
	MESSAGE_CHECKPOINT,	/* engine -> each ingest thread: the journal's last one, for agents to witness */
	MESSAGE_AUTHORITY,	/* engine -> each ingest thread: the school's authority has changed, for agents to follow */
	MESSAGE_CONTEXT,	/* engine -> each ingest thread: the collector's own certificate was renewed */
	MESSAGE_CLOCK,		/* ingest -> engine */
	MESSAGE_TROUBLE,	/* ingest or store -> engine */
	MESSAGE_ENROL,		/* enrol -> engine: a server with a token asks for its first certificate; MESSAGE_SEND is the answer */
	MESSAGE_DOOR,		/* engine -> enrol: the door for that was opened or shut */
	MESSAGE_PROBE,		/* ingest -> engine: somebody asks whether all of this works; MESSAGE_SEND is the answer */
	MESSAGE_EXPECTED,	/* engine -> store -> engine: a host gets its number before its agent says hello */
	MESSAGE_STOP,
};

struct hello {
	struct node node;
	struct reference from;
	char address[INET6_ADDRSTRLEN];
	struct arena *arena;
	const Wire__Hello *hello;
	int64_t offset;		/* the agent's wall clock less ours when it came, ns */
	int64_t told;		/* reckoning.h; 0: nothing */
	uint32_t generation;	/* of its certificate */
	/* by the store: */
	int error;		/* not 0: nothing below counts, the connection ends */
	uint32_t host;
	char name[128];		/* given with its identity; without one, what it calls itself */
	uint32_t *checks;	/* for each of hello->checks */
	uint64_t *held;		/* for each of hello->spools, */
	uint64_t *lost;		/* for each of hello->past: the first that is lost (store_lost) */
	uint32_t *digests;	/* and the digest of that record; 0: not known */
	/* by the engine, in the arena; may be NULL: */
	Wire__Assignment *assignment;
	bool slow_down;
};

struct expected {
	struct node node;
	char uuid[64], name[128];
	/* by the store: */
	int error;
	uint32_t host;
};

#define SERIES_LABELS_MAX 16	/* of one series; ingest refuses more */

struct series {
	struct node node;
	struct reference from;
	struct arena *arena;
	const Wire__Batch *batch;	/* its definitions, and records that wait for them */
	uint32_t host;
	uint32_t *checks;		/* collector's number, for each of batch->series */
	const uint32_t *digests;	/* of its records */
	size_t bytes;			/* of its frame */
	/* by the store: */
	int error;
	uint32_t *numbers;		/* for each of batch->series */
};

struct gone { struct node node; struct reference from; uint32_t host; };
struct ack { struct node node; struct reference from; uint32_t batches; size_t bytes; uint64_t epoch, through; };
struct closing { struct node node; struct reference from; char why[160]; };
struct sending { struct node node; struct reference from; size_t n; uint8_t frame[]; };
/* current: the certificate that the agent showed, DER; csr, proof: as in wire.Renew. They lie in bytes[]. */
struct renewal {
	struct node node;
	struct reference from;
	uint32_t host;		/* 0: of a watcher, who has said no Hello */
	char agent[64];
	ProtobufCBinaryData current, csr, proof;
	uint8_t bytes[];
};
/* As in wire.Enrol, and the connection's exporter. */
struct enrolling {
	struct node node;
	struct reference from;
	char address[INET6_ADDRSTRLEN], host[TOKEN_HOST_MAX + 1];
	uint8_t token[TOKEN_ID], exporter[TOKEN_HASH], proof[TOKEN_HASH];
	size_t n;
	uint8_t csr[];
};
/* own: as in wire.Probe; the rest is known of the connection. */
struct probing {
	struct node node;
	struct reference from;
	bool own;
	uint32_t generation;
	char agent[64], address[INET6_ADDRSTRLEN];
};
struct door { struct node node; bool open; };
struct checkpoint_told { struct node node; char line[CHECKPOINT_LINE]; };
/* As in wire.Authority; they lie in bytes[]. */
struct authority_told { struct node node; ProtobufCBinaryData root, vouched; bool alone; uint64_t spread; uint8_t bytes[]; };
struct context { struct node node; struct ssl_ctx_st *tls; };	/* with a reference of its own */
struct arrival { struct node node; int fd; struct visitor *visitor; struct sockaddr_storage address; };	/* ingest/gate.h */
struct clock_report { struct node node; uint32_t host; int64_t offset, told; bool held; };	/* as in hello; held: as in wire.Heartbeat */

enum trouble_kind {
	TROUBLE_IMPOSTOR,	/* a valid certificate, and another's id: `host` is 0, `agent` the certificate's */
	TROUBLE_TWINS,		/* two machines take over from each other with one certificate */
	TROUBLE_DISK_FULL, TROUBLE_DISK_FREE,	/* the collector's own disk (R6) */
	TROUBLE_DAMAGED,	/* results that were stored cannot be read (R8) */
	TROUBLE_STORE,		/* a write failed; the store was opened anew */
	TROUBLE_RETIRED,	/* results of old days were deleted */
	TROUBLE_PARTED,		/* one number, two records (R3): `host`, or where that is 0 `agent` */
};
struct trouble { struct node node; enum trouble_kind trouble; uint32_t host; char agent[64]; char text[256]; };

/* MESSAGE_SEND: the message as a frame; NULL: no memory. */
struct sending *message_sending(const struct reference *to, const ProtobufCMessage *);
/* Frees what a queue held when a thread ends, whatever it is; batches give their bytes back. */
void message_free(struct node *, struct budget *in_flight);
void message_free_list(struct node *, struct budget *in_flight);
void message_tell(struct queue *engine, enum trouble_kind, uint32_t host, const char *agent, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

#endif
