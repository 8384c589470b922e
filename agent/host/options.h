/*
 * options.h - options as a person wrote them, checked against the plugin's own table and written into its state struct.
 * Uses no function of the plugin. All errors are told, each once.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <beadle/plugin.h>

#include "lib/vec.h"

/* One text of one option; the members of a list come as several of one name with `item` set. */
struct option_text { const char *name, *value, *file; unsigned line; bool item; };

/* Owns what the filled state points to. */
struct options { VEC(void *) owned; };

/* Called for each error: `text` is "option: value: reason", without file and line. */
typedef void options_wrong(void *arg, const char *file, unsigned line, const char *text);

/* Fills `state` (zeroed, of the plugin's state_size) from the texts and the defaults. Returns the number of errors;
 * then state is not to be used. Or -ENOMEM. Free `options` either way. */
int options_fill(const struct beadle_option *table, const struct option_text *texts, size_t n, void *state,
		 struct options *options, options_wrong *wrong, void *arg);
void options_free(struct options *);

/* Is the table itself sound for a state of that size? NULL, or the reason in words in why[]. */
const char *options_unsound(const struct beadle_option *table, size_t state_size, char why[160]);

const char *options_type_name(enum beadle_type);	/* "duration (90s, 15min, 24h, 7d)": for messages and help */

#endif
