/* fingerprint.h - a number that changes when files do: by inode, size and times, not by content. Not against malice. */
#ifndef FINGERPRINT_H
#define FINGERPRINT_H

#include <stdint.h>

/* a file that is missing counts as such */
void fingerprint_file(uint64_t *sum, const char *root, const char *path);
void fingerprint_folder(uint64_t *sum, const char *root, const char *path);	/* the files in it, in whatever order */
#endif
