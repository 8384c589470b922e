/*
 * reported.h - which changes were told as events, so that each is told once while it lasts.
 *
 * The new set is written beside the old one and takes its place only when the round was handed over: after a crash in
 * between an event is told twice rather than never.
 */
#ifndef REPORTED_H
#define REPORTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugins/integrity/compare.h"

#define REPORTED_MAX 65536	/* changes; more are counted, and told when these are settled */

struct reported { uint8_t (*at)[COMPARE_ID]; size_t n, room; };

/* A file that is missing or damaged is an empty set; it holds .n times COMPARE_ID bytes of .at. */
void reported_load(struct reported *, const char *path);
bool reported_has(const struct reported *, const uint8_t id[COMPARE_ID]);	/* of a loaded set */
int reported_add(struct reported *, const uint8_t id[COMPARE_ID]);		/* -ENOSPC when full */
void reported_clear(struct reported *);

#endif
