/* requests.h - the answers to rooms.Sign: what each asks of office, tokens and seal, and what of it goes back. */
#ifndef REQUESTS_H
#define REQUESTS_H

#include "arena.h"
#include "office.h"
#include "proto/rooms.pb-c.h"

/* Fills *out; what it points to is the arena's, which forgets it with the request. Refused: a line in *out's error, and -errno. */
int requests_answer(struct office *, const Rooms__Sign *, struct arena *, Rooms__Signed *out);

#endif
