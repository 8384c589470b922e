/* reading.h - what the files of the reader share; for them alone. */
#ifndef READING_H
#define READING_H

#include <stdatomic.h>

#include "clock.h"
#include "collector/store/inside.h"
#include "collector/store/reader.h"

struct store_reader {
	char folder[STORE_PATH - 64];
	int64_t time, deadline;		/* 0: as long as it takes */
	atomic_bool ended;		/* copy.c: no more copies */
};

void reading_limit(struct store_reader *, sqlite3 *);	/* from now: interrupts what runs longer than its time */
bool reading_is_awaited(void);		/* the store is to be opened anew: what takes long ends now */

/* Files are open for the length of a call: no second one by the same thread meanwhile. */
int reading_open(const char *path, sqlite3 **ret);
int reading_main(struct store_reader *, sqlite3 **ret);
void reading_close(sqlite3 **);		/* NULL is fine */
#define FILES CLEANUP(reading_close)

#endif
