#include "problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "vec.h"

#define PROBLEMS_MAX 1000

struct line { char *text; unsigned line; size_t order; };

struct problems { VEC(struct line) lines; size_t count; };

struct problems *problems_new(void)
{
	return calloc(1, sizeof(struct problems));
}

void problems_free(struct problems *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->lines.n; i++)
		free(p->lines.at[i].text);
	vec_free(&p->lines);
	free(p);
}

void problem(struct problems *p, const char *file, unsigned line, const char *item, const char *format, ...)
{
	char raw[1024], text[2048];
	int n = 0;
	va_list ap;
	struct line *l;

	p->count++;
	if (p->lines.n >= PROBLEMS_MAX)
		return;
	if (file)
		n = line ? snprintf(raw, sizeof(raw), "%s:%u: ", file, line) : snprintf(raw, sizeof(raw), "%s: ", file);
	if (item && n >= 0 && (size_t)n < sizeof(raw))
		n += snprintf(raw + n, sizeof(raw) - (size_t)n, "%s: ", item);
	if (n >= 0 && (size_t)n < sizeof(raw)) {
		va_start(ap, format);
		vsnprintf(raw + n, sizeof(raw) - (size_t)n, format, ap);
		va_end(ap);
	}
	text_escape(raw, strlen(raw), text, sizeof(text));
	l = vec_push(&p->lines);
	if (l)
		*l = (struct line){strdup(text), line, p->lines.n};
}

size_t problems_count(const struct problems *p)
{
	return p->count;
}

const char *problems_get(const struct problems *p, size_t i)
{
	return i < p->lines.n ? p->lines.at[i].text : NULL;
}

/* Compares "FILE:LINE:" by name and then by number; equal places keep the order in which they were found. */
static int by_place(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	size_t n = strcspn(x->text, ":"), m = strcspn(y->text, ":");
	int c = n == m ? memcmp(x->text, y->text, n) : strcmp(x->text, y->text);

	if (c)
		return c;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

void problems_print(const struct problems *p)
{
	struct line *sorted = malloc((p->lines.n ? p->lines.n : 1) * sizeof(*sorted));
	size_t n = 0;

	if (!sorted)
		return;
	for (size_t i = 0; i < p->lines.n; i++)
		if (p->lines.at[i].text)
			sorted[n++] = p->lines.at[i];
	qsort(sorted, n, sizeof(*sorted), by_place);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, "%s\n", sorted[i].text);
	if (p->count > p->lines.n)
		fprintf(stderr, "... and %zu more\n", p->count - p->lines.n);
	free(sorted);
}
