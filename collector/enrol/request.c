#include "collector/enrol/request.h"

#include <stdlib.h>
#include <string.h>

#include "frame.h"
#include "text.h"

static bool is_good(const Wire__Enrol *e)
{
	return e->token.len == TOKEN_ID && e->proof.len == TOKEN_HASH && e->csr.len && e->csr.len <= TOKEN_CSR_MAX &&
	       *e->host && strlen(e->host) <= TOKEN_HOST_MAX && text_utf8(e->host, strlen(e->host));
}

static struct enrolling *copy(const Wire__Enrol *e)
{
	struct enrolling *q = calloc(1, sizeof(*q) + e->csr.len);

	if (!q)
		return NULL;
	q->node.kind = MESSAGE_ENROL;
	strcpy(q->host, e->host);
	memcpy(q->token, e->token.data, TOKEN_ID);
	memcpy(q->proof, e->proof.data, TOKEN_HASH);
	memcpy(q->csr, e->csr.data, e->csr.len);
	q->n = e->csr.len;
	return q;
}

struct enrolling *request_read(const uint8_t *frame, size_t n)
{
	struct arena *arena = arena_new(frame_ceiling(n));
	const Wire__Enrol *e = arena ? (const Wire__Enrol *)frame_unpack(&wire__enrol__descriptor, frame, n, arena) : NULL;
	struct enrolling *q = e && is_good(e) ? copy(e) : NULL;

	arena_free(arena);
	return q;
}
