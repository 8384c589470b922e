/*
 * words.h - one line of an option, "NAME KEY=VALUE ...", taken apart. A value may stand in double quotes, within which
 * \r \n \t \\ \" and \xHH are bytes; outside of them it ends at a blank and a backslash is only itself.
 */
#ifndef WORDS_H
#define WORDS_H

#include <stddef.h>

#define WORDS_MAX 8
#define WORDS_WHY 160

struct word { const char *key, *value; size_t size; };	/* NUL after the value, which may hold NULs of its own */
struct words {
	const char *name;
	struct word list[WORDS_MAX];
	size_t count;
	char *text;		/* what all of the above point into */
};

/* Returns 0, -ENOMEM, or -EINVAL with one line in `why` (WORDS_WHY bytes) that says what is wrong and what was
 * expected. */
int words_split(const char *line, struct words *ret, char *why);
const struct word *words_get(const struct words *, const char *key);	/* NULL: not there */
void words_free(struct words *);
#endif
