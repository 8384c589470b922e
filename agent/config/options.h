/* options.h - a check's options, from the file's tree to what its host is given: one Host__Option a text. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "lib/arena.h"
#include "lib/conf.h"
#include "proto/host.pb-c.h"

/* Tells each that is neither a text nor a list of texts, and the first of too many. `options` may be NULL: none. */
void options_check(const struct conf_node *options, struct problems *);

/* All that are texts, in order; they live in the arena, and their texts in the file's tree. NULL: no memory. */
Host__Option **options_of(const struct conf_node *options, struct arena *, size_t *ret_n);

#endif
