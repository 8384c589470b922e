/* screen.h - tables for people: columns as wide as what is in them, colour only on a terminal, hostile text made
 * harmless. */
#ifndef SCREEN_H
#define SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum screen_colour { SCREEN_PLAIN, SCREEN_GOOD, SCREEN_WARN, SCREEN_BAD, SCREEN_FAINT };

bool screen_colours(void);			/* a terminal, and NO_COLOR is not set */
enum screen_colour screen_of_state(const char *state);	/* ok warning critical unknown */

struct screen_table;
struct screen_table *screen_table(const char *const *heads, size_t columns);
void screen_cell(struct screen_table *, enum screen_colour, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void screen_print(struct screen_table *);	/* and frees it */
/* One line, which may have text in it that others chose. */
void screen_line(FILE *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "3 min ago", of wall-clock nanoseconds; "-" for 0. Returns buf. */
char *screen_ago(long long wall_ns, char buf[32]);

#endif
