/*
 * head.h - the head of a request, by the grammar of RFC 9110 and RFC 9112 and not a byte more (SECURITY 5.11, W6): CRLF only, origin form only,
 * one Content-Length, no Transfer-Encoding, no folding, no NUL and no %00, everything of bounded size. What the site does not use is checked, and
 * left behind: head_write spells the request anew for the server behind us.
 */
#ifndef HEAD_H
#define HEAD_H

#include <stddef.h>

#define HEAD_MAX 8192			/* bytes of a head */
#define HEAD_FIELDS 64			/* lines of it */
#define HEAD_TARGET 2048
#define HEAD_ARGUMENTS 16		/* in a query string */
#define HEAD_OWN_COOKIE "__Host-beadle"
#define HEAD_BODY (64u * 1024)
#define HEAD_WRITTEN (HEAD_MAX + 256)	/* room for head_write */

enum head_method { HEAD_GET, HEAD_HEAD, HEAD_POST };
enum head_field {
	HEAD_HOST, HEAD_LENGTH, HEAD_TYPE, HEAD_COOKIE, HEAD_ORIGIN, HEAD_BEADLE, HEAD_SITE, HEAD_IF_NONE_MATCH, HEAD_LAST_EVENT, HEAD_KNOWN
};

struct head_text { const char *at; size_t n; };		/* at NULL: not there; points into the data */
struct head {
	enum head_method method;
	struct head_text target, field[HEAD_KNOWN];	/* of cookies only our own, as "name=value" */
	size_t body;					/* bytes that follow */
};

/* The head's size with its empty line; 0: it is not all there yet; or -status (400 and its like) and why in words. */
int head_parse(const char *data, size_t n, struct head *ret, const char **why);

/* The same request with what we know of it alone, "Connection: close" and nothing else. Returns its size. */
size_t head_write(const struct head *, char buf[HEAD_WRITTEN]);

#endif
