#include "screen.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "text.h"
#include "vec.h"

struct cell { char *text; enum screen_colour colour; int width; };
struct screen_table { const char *const *heads; size_t columns; VEC(struct cell) cells; };

bool screen_colours(void)
{
	return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
}

enum screen_colour screen_of_state(const char *state)
{
	if (!strcmp(state, "ok"))
		return SCREEN_GOOD;
	if (!strcmp(state, "warning"))
		return SCREEN_WARN;
	return !strcmp(state, "critical") ? SCREEN_BAD : SCREEN_FAINT;
}

struct screen_table *screen_table(const char *const *heads, size_t columns)
{
	struct screen_table *t = calloc(1, sizeof(*t));

	if (!t)
		abort();	/* a command for a person; there is nothing to go on with */
	t->heads = heads;
	t->columns = columns;
	return t;
}

/* Columns on a terminal: CJK and full-width forms take two (UAX 11). The text is UTF-8 by now. */
static int width_of(const char *s)
{
	int width = 0;

	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		if ((*p & 0xc0) == 0x80)
			continue;
		width++;
		if (*p >= 0xe3 && *p <= 0xed && !(*p == 0xe3 && p[1] < 0x80))
			width++;
		else if (*p == 0xe2 && p[1] >= 0xba)
			width++;
		else if (*p == 0xef && ((p[1] >= 0xa4 && p[1] <= 0xab) || (p[1] >= 0xbc && p[1] <= 0xbd)))
			width++;
		else if (*p == 0xf0 && p[1] >= 0xa0)
			width++;
	}
	return width;
}

static char *harmless(const char *format, va_list ap)
{
	FREE char *raw = NULL;
	char *text;

	if (vasprintf(&raw, format, ap) < 0 || !(text = malloc(4 * strlen(raw) + 1)))
		abort();
	return text_escape(raw, strlen(raw), text, 4 * strlen(raw) + 1);
}

void screen_line(FILE *out, const char *format, ...)
{
	FREE char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = harmless(format, ap);
	va_end(ap);
	fprintf(out, "%s\n", text);
}

void screen_cell(struct screen_table *t, enum screen_colour colour, const char *format, ...)
{
	struct cell *c = vec_push(&t->cells);
	va_list ap;

	if (!c)
		abort();
	va_start(ap, format);
	c->text = harmless(format, ap);
	va_end(ap);
	c->colour = colour;
	c->width = width_of(c->text);
}

static void print_cell(const char *text, int width, int column, enum screen_colour colour, bool last)
{
	static const char *const codes[] = {"", "\033[32m", "\033[33m", "\033[31m", "\033[2m"};
	bool coloured = colour != SCREEN_PLAIN && screen_colours();

	printf("%s%s%s%*s", coloured ? codes[colour] : "", text, coloured ? "\033[0m" : "",
	       last ? 0 : column - width + 2, "");
}

void screen_print(struct screen_table *t)
{
	int *widths = calloc(t->columns, sizeof(*widths));

	if (!widths)
		abort();
	for (size_t i = 0; i < t->columns; i++)
		widths[i] = width_of(t->heads[i]);
	for (size_t i = 0; i < t->cells.n; i++)
		if (t->cells.at[i].width > widths[i % t->columns])
			widths[i % t->columns] = t->cells.at[i].width;
	for (size_t i = 0; i < t->columns; i++)
		print_cell(t->heads[i], width_of(t->heads[i]), widths[i], SCREEN_FAINT, i + 1 == t->columns);
	putchar('\n');
	for (size_t i = 0; i < t->cells.n; i++) {
		const struct cell *c = &t->cells.at[i];
		bool last = (i + 1) % t->columns == 0;

		print_cell(c->text, c->width, widths[i % t->columns], c->colour, last);
		if (last)
			putchar('\n');
		free(c->text);
	}
	vec_free(&t->cells);
	free(widths);
	free(t);
}

char *screen_ago(long long wall_ns, char buf[32])
{
	char duration[24];
	int64_t passed = clock_wall() - wall_ns;

	if (wall_ns == 0)
		strcpy(buf, "-");
	else if (passed < NS_PER_S)
		strcpy(buf, "now");
	else
		snprintf(buf, 32, "%s ago", text_put_duration(passed, duration));
	return buf;
}
