/*
 * enrolment.h - one call at a collector's door with a token (SECURITY 5.9): TLS 1.3, the authority held against the token's pin, and only then a
 * request with its proof. What comes back is a stranger's until it has been looked at, and bounded.
 */
#ifndef ENROLMENT_H
#define ENROLMENT_H

#include "answer.h"

struct enrolment { const struct token *token; const char *host; const uint8_t *csr; size_t csr_n; };

/* Tries the token's addresses in order. 0; or -errno, with one line for people in why; -ECONNREFUSED: the door is shut. Whatever is wrong with
 * who answers, -EACCES, ends the search. */
int enrolment_ask(const struct enrolment *, struct enrolment_answer *ret, char why[512]);

#endif
