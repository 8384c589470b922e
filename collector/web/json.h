/* json.h - the little that this process makes or changes of JSON; documents themselves pass through as they are. */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>

/* An object from arguments of a query string, one by one: whole numbers and true, false become such, the rest is text. */
struct json;
struct json *json_open(void);
bool json_add(struct json *, const char *name, const char *value);	/* false: not UTF-8, or no memory */
char *json_close(struct json *);					/* the text, the caller's; NULL: an add failed. Frees the object */

/* A text of a document's first level, the caller's; NULL: there is none. */
char *json_text(const char *text, size_t n, const char *name);

bool json_object_text(const char *text, size_t n);

/* A document without its "session", which the page must not see; *ret_session is the caller's, NULL where there was none. NULL: no object. */
char *json_take_session(const char *text, size_t n, char **ret_session);

#endif
