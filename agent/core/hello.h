/* hello.h - the agent's first words: who it is, what it measures, what it still holds. */
#ifndef HELLO_H
#define HELLO_H

#include <openssl/ssl.h>

#include "agent/core/check.h"
#include "agent/core/link.h"
#include "agent/core/outbox.h"

/* The agent's id, from its own certificate. 0 or -EINVAL. */
int hello_agent(SSL_CTX *, char id[64]);

/* parted: our records have new numbers, since the collector held others under theirs. checkpoint: the highest witnessed, or "". */
int hello_send(struct link *, const char *agent, const struct checks *, struct outbox *, bool parted, const char *checkpoint);

#endif
