/* names.h - what a school, its collector and its dashboard are called, fixed when all is founded: STATE/signer/names, a line each. 0 or -errno. */
#ifndef NAMES_H
#define NAMES_H

#include <stdbool.h>
#include <stddef.h>

#define NAMES_WEB 4096
struct names { char school[64], collector[64], web[NAMES_WEB]; };	/* web: the dashboard's, as ca.h has alternative names */

/* Host names and addresses as alternative names, "DNS:a,IP:b"; or, as the constraint of the root that may sign nothing else,
 * "critical,permitted;DNS:a,permitted;IP:b/mask": a form of name of which none is permitted must be shut by itself (RFC 5280, 4.2.1.10).
 * -EINVAL: one is neither; -ENAMETOOLONG. */
int names_spell(const char *const *hosts, size_t n, bool constraint, char *buf, size_t room);

int names_write(const char *signer_folder, const struct names *);	/* unless they are there */
int names_read(const char *signer_folder, struct names *ret);

#endif
