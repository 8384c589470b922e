/* words.h - the mails of a watcher, in Chinese or English. */
#ifndef WATCH_WORDS_H
#define WATCH_WORDS_H

#include <stdbool.h>

#include "watch.h"

struct words { char id[120], subject[400], text[2048]; };

/* to: whom; it goes into the id alone. here: this machine's name. */
void words_of(const struct telling *, const char *to, const char *here, bool chinese, struct words *ret);

#endif
