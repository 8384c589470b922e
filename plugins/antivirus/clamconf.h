/* clamconf.h - what Beadle needs from clamd.conf and freshclam.conf: "Key value" lines. */
#ifndef CLAMCONF_H
#define CLAMCONF_H

#include <stdbool.h>
#include <stddef.h>

#define CLAMCONF_VALUE 512

/* Reads the file's first value of each key in keys[], "" where there is none. An "Example" line, with which ClamAV's
 * own programs refuse the file, is not minded. Returns 0 or -errno. */
int clamconf_read(const char *path, const char *const keys[], char values[][CLAMCONF_VALUE], size_t n);

/* One line; false: it is not this key's. `value` is CLAMCONF_VALUE bytes, without quotes and blanks around. */
bool clamconf_line(const char *line, const char *key, char *value);
#endif
