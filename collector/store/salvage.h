/* salvage.h - reading past damage: what stands behind pages that cannot be read. */
#ifndef SALVAGE_H
#define SALVAGE_H

#include <sqlite3.h>
#include <stdint.h>

/* Reading rows in order came to -EBADMSG after row *at. 1: *at is now where reading may go on after; 0: nothing more can be read; or
 * -errno. table: a fixed name of ours. */
int salvage_skip(sqlite3 *, const char *table, int64_t *at);

#endif
