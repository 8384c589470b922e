/* support.h - which release this is, and until when it is supported: os-release(5) and distro-info-data's tables. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <stddef.h>
#include <stdint.h>

struct release { char id[64], version[64], series[64], name[128], support_end[16]; };

enum support { SUPPORT_STANDARD, SUPPORT_LTS, SUPPORT_EXTENDED };

/* Fills in what the file says. 0 or -errno. */
int support_release(const char *path, struct release *ret);

/* The first moment without support, in seconds since 1970. LTS takes in what costs nothing more (Debian LTS), extended
 * what has to be bought (ELTS, ESM). Returns 0, -ENODATA when nobody says, or -errno of the table: -ENOENT where there is none. */
int support_until(const char *tables, const struct release *, enum support, int64_t *ret);
#endif
