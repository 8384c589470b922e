/* renew.c - an agent asks for its next certificate: what it shows and sends goes to the engine, whose signer decides. */
#include <stdlib.h>
#include <string.h>

#include "collector/ingest/session.h"
#include "collector/ingest/worker.h"

#define CSR_MAX 4096
#define PROOF_MAX 128
#define CURRENT_MAX 8192

static ProtobufCBinaryData put(uint8_t **to, const uint8_t *from, size_t n)
{
	const ProtobufCBinaryData placed = {n, *to};

	if (n)
		memcpy(*to, from, n);
	*to += n;
	return placed;
}

enum connection_end renew_asked(struct connection *c, const Wire__Renew *renew)
{
	X509 *leaf = SSL_get0_peer_certificate(c->tls);
	unsigned char *current = NULL;
	int n = leaf ? i2d_X509(leaf, &current) : -1;
	struct renewal *r = NULL;
	uint8_t *at;

	if (n > 0 && n <= CURRENT_MAX && renew->csr.len <= CSR_MAX && renew->proof.len <= PROOF_MAX)
		r = calloc(1, sizeof(*r) + (size_t)n + renew->csr.len + renew->proof.len);
	if (!r) {
		OPENSSL_free(current);
		connection_refuse(c, "a request for a certificate is too long");
		return CONNECTION_CLOSED;
	}
	r->node.kind = MESSAGE_RENEW;
	r->from = c->self;
	r->host = c->host;
	memcpy(r->agent, c->agent, sizeof(r->agent));
	at = r->bytes;
	r->current = put(&at, current, (size_t)n);
	r->csr = put(&at, renew->csr.data, renew->csr.len);
	r->proof = put(&at, renew->proof.data, renew->proof.len);
	OPENSSL_free(current);
	queue_push(c->worker->shared->engine, &r->node);
	return CONNECTION_GOES_ON;
}
