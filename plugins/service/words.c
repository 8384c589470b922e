/* words.c - see words.h */
#include "plugins/service/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 4096

static int refuse(char *why, const char *what, const char *of)
{
	snprintf(why, WORDS_WHY, "%s \"%.60s\"", what, of);
	return -EINVAL;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One escaped byte; *at stands behind the backslash. */
static int escape(const char **at, char *ret)
{
	static const char from[] = "rnt\\\"", to[] = "\r\n\t\\\"";
	const char *p = **at ? strchr(from, **at) : NULL;

	if (p) {
		*ret = to[p - from];
		*at += 1;
		return 0;
	}
	if (**at != 'x' || hex((*at)[1]) < 0 || hex((*at)[2]) < 0)
		return -EINVAL;
	*ret = (char)(hex((*at)[1]) << 4 | hex((*at)[2]));
	*at += 3;
	return 0;
}

/* A value is never longer than it was written, so the copy has room for it. */
static int quoted(const char **in, char **out, char *why)
{
	const char *from = *in;

	for (*in += 1; **in != '"'; ) {
		if (!**in)
			return refuse(why, "a quote is open at its end:", from);
		if (**in != '\\') {
			*(*out)++ = *(*in)++;
			continue;
		}
		*in += 1;
		if (escape(in, (*out)++) < 0)
			return refuse(why, "expected \\r \\n \\t \\\\ \\\" or \\xHH at", *in - 1);
	}
	*in += 1;
	return **in && **in != ' ' ? refuse(why, "expected a blank behind the quote, not", *in) : 0;
}

static int value(const char **in, char **out, struct word *ret, char *why)
{
	ret->value = *out;
	if (**in == '"') {
		int error = quoted(in, out, why);

		if (error)
			return error;
	} else {
		while (**in && **in != ' ')
			*(*out)++ = *(*in)++;
	}
	ret->size = (size_t)(*out - ret->value);
	return ret->size ? 0 : refuse(why, "there is no value for", ret->key);
}

static int pair(const char **in, char **out, struct words *words, char *why)
{
	struct word w = {.key = *out};
	size_t n = strcspn(*in, "= \"");
	int error;

	if (n == 0 || (*in)[n] != '=')
		return refuse(why, "expected KEY=VALUE, not", *in);
	if (words->count == WORDS_MAX)
		return refuse(why, "too much is said from here on:", *in);
	memmove(*out, *in, n);
	(*out)[n] = '\0';
	if (words_get(words, *out))
		return refuse(why, "is said twice:", *out);
	*in += n + 1;
	*out += n + 1;
	error = value(in, out, &w, why);
	if (!error)
		words->list[words->count++] = w;
	return error;
}

/* The NUL behind a value takes the place of the blank that was read over; the last one the room behind the line. */
static int split(const char *in, char *out, struct words *words, char *why)
{
	size_t n = strcspn(in, " ");
	int error = 0;

	words->name = out;
	if (n == 0 || memchr(in, '=', n) || memchr(in, '"', n))
		return refuse(why, "expected \"NAME KEY=VALUE ...\", not", in);
	memcpy(out, in, n);
	in += n;
	out += n;
	for (;;) {
		while (*in == ' ')
			in++;
		*out++ = '\0';
		if (!*in || error)
			return error;
		error = pair(&in, &out, words, why);
	}
}

int words_split(const char *line, struct words *ret, char *why)
{
	struct words words = {0};
	size_t n = strlen(line);
	int error;

	if (n > LINE_MAX_BYTES)
		return refuse(why, "is longer than 4096 bytes:", line);
	words.text = calloc(1, n + 2);
	if (!words.text)
		return -ENOMEM;
	error = split(line, words.text, &words, why);
	if (error) {
		words_free(&words);
		return error;
	}
	*ret = words;
	return 0;
}

const struct word *words_get(const struct words *words, const char *key)
{
	for (size_t i = 0; i < words->count; i++)
		if (!strcmp(words->list[i].key, key))
			return &words->list[i];
	return NULL;
}

void words_free(struct words *words)
{
	free(words->text);
	*words = (struct words){0};
}
