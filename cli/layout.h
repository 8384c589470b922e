/* layout.h - a backup's file (archive.h, sealed.h) read into a folder. What goes wrong is said here; then EXIT_FAILED (command.h). */
#ifndef LAYOUT_H
#define LAYOUT_H

#include <jansson.h>
#include <stdbool.h>

#include "archive.h"
#include "asked.h"
#include "sealed.h"

struct layout {
	const char *file, *into;		/* the backup; the folder, which is there and empty */
	char passphrase[ASKED_ROOM];		/* before layout_read */
	char sha256[65];			/* these are known after it: of the whole file */
	json_t *about;				/* backup.json */
	struct member store;			/* of its folder: whose it is */
	uint8_t key[SEALED_KEY];
	bool opened;				/* something: it is the right key */
};

int layout_check(struct layout *);		/* is it whole, as its manifest says? Nothing is written */
int layout_read(struct layout *);		/* each file opened, with its owner and mode, and on disk; its folders are not synced yet */
void layout_close(struct layout *);		/* wipes the passphrase and the key */

int layout_give(int fd, const struct member *);		/* owner and mode: 0 or -errno */
int layout_folders_of(const char *path);		/* makes those above it: 0 or -errno */

#endif
