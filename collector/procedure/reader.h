/* reader.h - what procedure.c and rulebook.c share while a procedure is read. Nobody else includes it. */
#ifndef READER_H
#define READER_H

#include "lib/vec.h"
#include "procedure.h"

struct procedure_memory { VEC(void *) blocks; };

struct reader { struct procedure *p; const struct inventory *inventory; struct problems *problems; };

/* Zeroed, lives as long as the procedure; NULL: told as a problem. */
void *reader_keep(struct reader *, size_t n, size_t size);
/* The items "title" and "clause". */
void reader_title(struct reader *, const struct conf_node *, const char **ret_zh, const char **ret_en);
const char *reader_clause(struct reader *, const struct conf_node *);
/* A text item that must be one of the names; told with the nearest. NULL: it is not (told) or absent (told). */
const char *reader_one_of(struct reader *, const struct conf_node *, const char *key, const char *const *names,
			  size_t n, const char *of_what);

void rulebook_read(struct reader *, const struct conf_node *rules);	/* the map of rules */

#endif
