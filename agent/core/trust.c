#include "config.h"

#include "agent/core/trust.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/identity.h"
#include "lib/io.h"

#define WRITE_EVERY INT64_C(3600)	/* s: a floor that is an hour low does no harm, and the disk may sleep */

struct trust {
	char path[PATH_MAX];
	int64_t floor, written;		/* seconds */
	int64_t not_after;		/* of the collector that is trusted at present */
};

struct trust *trust_open(const char *state)
{
	struct trust *t = calloc(1, sizeof(*t));
	FREE char *text = NULL;
	int64_t floor;

	if (!t)
		return NULL;
	snprintf(t->path, sizeof(t->path), "%s/time", state);
	if (io_read_file(t->path, 64, &text, NULL) == 0 && sscanf(text, "%" SCNd64, &floor) == 1 && floor > 0)
		t->floor = t->written = floor;
	return t;
}

void trust_free(struct trust *t)
{
	free(t);
}

static int64_t seconds(const ASN1_TIME *at)
{
	struct tm tm;

	return at && ASN1_TIME_to_tm(at, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static void raise_floor(struct trust *t, int64_t stated)
{
	char text[32];
	int n, r;

	if (stated <= t->floor || stated > t->not_after)
		return;
	t->floor = stated;
	if (stated < t->written + WRITE_EVERY)
		return;
	n = snprintf(text, sizeof(text), "%" PRId64 "\n", stated);
	r = io_replace_file(t->path, text, (size_t)n, 0600);
	if (r == 0)
		t->written = stated;
}

int trust_peer(struct trust *t, SSL *ssl, char why[256])
{
	X509 *leaf = SSL_get0_peer_certificate(ssl);
	int64_t begin = leaf ? seconds(X509_get0_notBefore(leaf)) : 0;
	struct identity id;

	return identity_verify(ssl, IDENTITY_COLLECTOR, t->floor > begin ? t->floor : begin + 1, &id, why);
}

int trust_stated(struct trust *t, SSL *ssl, int64_t stated_ns, char why[256])
{
	int64_t stated = stated_ns / NS_PER_S;
	X509 *leaf = SSL_get0_peer_certificate(ssl);
	struct identity id;

	t->not_after = leaf ? seconds(X509_get0_notAfter(leaf)) : 0;
	if (identity_verify(ssl, IDENTITY_COLLECTOR, t->floor > stated ? t->floor : stated, &id, why) < 0)
		return -EACCES;
	raise_floor(t, stated);
	return 0;
}

void trust_heard(struct trust *t, int64_t stated_ns)
{
	raise_floor(t, stated_ns / NS_PER_S);
}
