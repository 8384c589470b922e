/*
 * site.h - what browsers get: our files, the API, the live stream. libmicrohttpd serves what the door lets through; this says what. The collector
 * proper decides who may do what: here a question is only refused for its form (no session, not sent by our own page), never allowed.
 */
#ifndef SITE_H
#define SITE_H

#include <sys/socket.h>

struct event_base;
struct asks;
struct files;
struct site;
struct stream;

struct site *site_new(struct event_base *, const struct files *, struct stream *);	/* NULL: libmicrohttpd cannot start */
void site_use(struct site *, struct asks *);		/* before the first connection */
void site_free(struct site *);				/* before stream and asks */

/* A connection from the door; its type fits door_new. Takes fd over. */
int site_pass(void *site, int fd, const struct sockaddr *, socklen_t);

#endif
