/* answer.h - what a collector answers to a request to enrol: a stranger's bytes, until they have been looked at. */
#ifndef ANSWER_H
#define ANSWER_H

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/beadle.pb-c.h"
#include "token.h"

struct enrolment_answer {
	Wire__Enrolment outcome;
	char text[512], host[4 * TOKEN_HOST_MAX];	/* why not; the name that the administrator gave: one harmless line each */
	int64_t wall;					/* the collector's clock, ns */
	unsigned port;					/* where agents connect, */
	char agents[300];				/* and with the collector's name: by the caller */
	char uuid[64];
	X509 *certificate;				/* enrolled: an agent's, of that school */
	X509 *authority;				/* which made the collector's: by the caller */
	X509 *next, *vouched;				/* another has taken its place, it is said (authority.h); NULL: none has */
};

/* A whole frame with its head. 0 or -EBADMSG; to be cleared in either case. */
int answer_read(const uint8_t *frame, size_t n, const char *school, struct enrolment_answer *ret);
void answer_clear(struct enrolment_answer *);

#endif
