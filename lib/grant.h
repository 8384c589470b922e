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

/* A list of them as one text, one a line. grant_add: each once; -ENOSPC when the room is full, -EINVAL: a line break in it. */
int grant_add(char *list, size_t room, const char *grant);
/* Takes the next of a list apart: its kind (0: none of ours) and `what`; -1 at the end. Begin with *at = list. */
int grant_next(const char **at, char *what, size_t room);

/* What an administrator may open beyond what a plugin declares: "read:/srv/clamav", "program:/usr/local/bin/x". */
bool grant_extra(const char *grant);

/* Capabilities that a plugin may ever hold: its bit (1 << CAP_*), or 0 for any other name (SECURITY 5.6). */
uint64_t grant_capability(const char *name);
uint64_t grant_capabilities(void);	/* all of them */

/* Services whose whole work is to open what takes privilege only to open: this fixed list, which lib/descriptor.h knows how to. */
enum grant_descriptors { GRANT_FANOTIFY, GRANT_FANOTIFY_FILESYSTEM, GRANT_ICMP, GRANT_ICMP6, GRANT_DESCRIPTORS };
#define GRANT_DESCRIPTOR(which) (1u << (which))

int grant_descriptor(const char *name);			/* -1 for any other name */
const char *grant_descriptor_name(unsigned which);	/* "fanotify"; NULL beyond the list */
bool grant_service(const char *name);			/* one of these, or "procscan" */
#define GRANT_SERVICES "procscan, fanotify, fanotify_filesystem, icmp, icmp6"

#endif
