/*
 * walls.h - what stands around a host before a byte of its module is read (SECURITY 5.6, P3, P6, P7): its own session,
 * no descriptors but its own, limits, its own user without capabilities but the granted, no new privileges, death with
 * its parent, and of files and system calls only what it was granted (granted.h).
 */
#ifndef WALLS_H
#define WALLS_H

#include "agent/template.h"

#define WALLS_WHY 256

/* The private directory: made, and given to the record's user. While still privileged. */
int walls_state(const struct plugin_record *, char why[WALLS_WHY]);

/* stdin from nowhere, stdout and stderr into *ret_printed, which holds a page and then refuses. */
int walls_stdio(int *ret_printed, char why[WALLS_WHY]);

/* Puts up all the rest, in their order. 0, or -errno with the reason in words; then the process must end. */
int walls_close(const struct plugin_record *, char why[WALLS_WHY]);

#endif
