/* compare.h - what differs between an object as approved and as found. */
#ifndef COMPARE_H
#define COMPARE_H

#include <stddef.h>
#include <stdint.h>

#include "plugins/integrity/object.h"

enum {
	COMPARE_TYPE = 1,	/* a file became a link, ... */
	COMPARE_CONTENT = 2,
	COMPARE_OWNER = 4,
	COMPARE_MODE = 8,	/* permissions */
	COMPARE_SETUID = 16,	/* setuid, setgid, sticky */
	COMPARE_CAPABILITIES = 32,
	COMPARE_LINK = 64,	/* target of a symbolic link */
	COMPARE_DEVICE = 128,
};

#define COMPARE_WORDS_MAX 80
#define COMPARE_ID 16

/* Mask of the above; 0: the same. Size and times alone are no difference where the content is known; content that could
 * not be read, or that kept changing when it was approved, is not compared. */
unsigned compare_objects(const struct object *before, const struct object *after);

/* "content, mode" */
const char *compare_words(unsigned differences, char buffer[COMPARE_WORDS_MAX]);

/* A number of this very change, the same whenever it is found again. Either may be NULL: added, removed.
 * 0 or -errno. */
int compare_id(const struct object *before, const struct object *after, uint8_t ret[COMPARE_ID]);

#endif
