/* sender.h - sends notices through libcurl, several at once, each channel with its own few places, so that a slow one holds nobody up. */
#ifndef SENDER_H
#define SENDER_H

#include <curl/curl.h>

#include "channels.h"
#include "queue.h"

struct sender;

/* Told of each end, inside sender_look: error NULL is success; final: trying again is of no use. */
typedef void sender_told(struct queued *, const char *error, bool final, void *arg);

struct sender *sender_new(const struct channels *, sender_told *, void *arg);
void sender_free(struct sender *);			/* breaks off what is under way */

/* 0: it is under way; -EAGAIN: no place now; -EINVAL: it can never be sent, why in words. */
int sender_start(struct sender *, struct queued *, char why[256]);
bool sender_has_place(const struct sender *, const Rooms__Notice *);

CURLM *sender_multi(struct sender *);			/* for curl_multi_poll */
void sender_look(struct sender *);			/* moves all on, tells of those that ended */

#endif
