/*
 * grant.h - what the local configuration grants to a plugin, as text between our programs: "service:procscan",
 * "capability:cap_dac_read_search", "read:/etc/shadow". The kind's name is that of enum beadle_need_kind.
 */
#ifndef GRANT_H
#define GRANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

const char *grant_kind(int kind);	/* "capability" of BEADLE_NEED_CAPABILITY, ...; NULL for none */
char *grant_put(int kind, const char *what, char *buf, size_t room);
bool grant_is(const char *grant, int kind, const char *what);

/* Capabilities that a plugin may ever hold: its bit (1 << CAP_*), or 0 for any other name (SECURITY 5.6). */
uint64_t grant_capability(const char *name);
uint64_t grant_capabilities(void);	/* all of them */

#endif
