/*
 * dictionary.h - names become numbers: of checks, and of series, which are (check, metric, labels). A number lasts as long as the state
 * directory. The file is append-only; a name is durable before the first record that uses it is (dictionary_sync).
 */
#ifndef DICTIONARY_H
#define DICTIONARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DICTIONARY_CHECKS 1024u		/* ever */
#define DICTIONARY_SERIES 40000u	/* in all: what one connection may define (SECURITY N6) */
#define DICTIONARY_OF_CHECK 10000u

struct dictionary;

int dictionary_open(const char *folder, struct dictionary **ret);
void dictionary_free(struct dictionary *);

/* The number of a check, made when it is new. 0: no room (-ENOSPC) or no memory; *ret is touched on success only. */
int dictionary_check(struct dictionary *, const char *name, const char *plugin, uint32_t *ret);
bool dictionary_check_name(const struct dictionary *, uint32_t check, const char **ret_name, const char **ret_plugin);
uint32_t dictionary_checks(const struct dictionary *);	/* the highest number; 0: none */

/* The number of a series. `key` is the packed wire.Series without its id. 0, -ENOSPC, or -ENOMEM. */
int dictionary_series(struct dictionary *, uint32_t check, const void *key, size_t n, uint32_t *ret);
/* The key of a number; false: unknown. */
bool dictionary_key(const struct dictionary *, uint32_t series, const void **ret, size_t *ret_n);
uint32_t dictionary_highest(const struct dictionary *);

/* Makes all that was handed out durable. After an error: again, later; the file is then written anew. */
int dictionary_sync(struct dictionary *);

#endif
