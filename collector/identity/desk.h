/* desk.h - the signer's answers about tokens: the requests of rooms.Sign that make, list, end, approve and use them. */
#ifndef DESK_H
#define DESK_H

#include "office.h"
#include "proto/rooms.pb-c.h"
#include "seal.h"

/* What an answer points to, until it is sent; from {0}. */
struct desk {
	uint8_t secret[TOKEN_SECRET], pin[TOKEN_HASH];
	Rooms__Token *tokens, **list;
	char (*fingerprints)[TOKEN_FINGERPRINT];
	struct seal_change change;
	Rooms__KeyChange key_change;
};
void desk_clear(struct desk *);

bool desk_knows(Rooms__Sign__RequestCase);
/* 0 with the answer in *out, and *ret_der as office_enrol; or -errno and why. */
int desk_answer(struct office *, const Rooms__Sign *, struct desk *, Rooms__Signed *out, uint8_t **ret_der, size_t *ret_n, char why[256]);

#endif
