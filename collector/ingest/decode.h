/*
 * decode.h - what an agent's messages may hold, and a wire.Batch into the collector's flat one. All of it is hostile: nothing is
 * used before it was looked at (SECURITY 5.4, N2, N3). `why` is for the log and the peer.
 */
#ifndef DECODE_H
#define DECODE_H

#include "collector/batch.h"
#include "collector/ingest/numbers.h"
#include "proto/beadle.pb-c.h"

#define DECODE_VALUES_MAX 10000u	/* of a batch, and as many records */
#define DECODE_LABEL_MAX 4096u
#define DECODE_EVENT_MAX (64u * 1024)
#define DECODE_OUTPUT_MAX 4096u
#define DECODE_SPOOLS_MAX 256u
#define DECODE_PLUGINS_MAX 256u
#define DECODE_METRICS_MAX 1024u	/* of one plugin */
#define DECODE_FACTS_MAX 64u
#define DECODE_SERIES_MAX 50000u	/* of one connection */
#define DECODE_SEQUENCE_MAX (UINT64_C(1) << 62)

struct arena;

/* NULL, or what is wrong. */
const char *decode_check_hello(const Wire__Hello *);
const char *decode_check_series(const Wire__Batch *);		/* its definitions */

/* digests: of its records, or NULL; checks and series: the connection's. 0 and *ret (node.kind, host, from and received are the
 * caller's); -EBADMSG and *ret_why; -ENOMEM. */
int decode_batch(const Wire__Batch *, const uint32_t *digests, const struct numbers *checks, const struct numbers *series,
		 struct batch **ret, const char **ret_why);

#endif
