/* updates.h - what apt-get and dnf print about pending updates. Lines end with NUL and are cut up in place. */
#ifndef UPDATES_H
#define UPDATES_H

#include <stdbool.h>

struct update {
	const char *name;
	bool security;
};

/* True when an origin, "Label:version/archive", is one of security updates. */
typedef bool updates_is_security(const char *origin, void *arg);

/* "Inst libssl3 [3.0.15-1] (3.0.17-1 Debian-Security:12/oldstable-security [amd64]) []": false for any other line, and
 * for a package that is not installed yet: it comes along with an update and is none. */
bool updates_apt(char *line, updates_is_security *is_security, void *arg, struct update *ret);

/* "openssl.x86_64  1:3.0.7-28.el9  baseos" of check-update; the list ends with "Obsoleting Packages". */
bool updates_dnf(char *line, struct update *ret);

/* "RHSA-2024:1234 Important/Sec. openssl-1:3.0.7-28.el9.x86_64" of updateinfo list --security. */
bool updates_dnf_security(char *line, struct update *ret);
#endif
