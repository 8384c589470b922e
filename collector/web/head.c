#include "head.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const methods[] = {"GET", "HEAD", "POST"};
static const char *const known[HEAD_KNOWN] = {"Host", "Content-Length", "Content-Type", "Cookie", "Origin", "X-Beadle", "Sec-Fetch-Site",
	"If-None-Match", "Last-Event-ID"};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_token(char c) { return is_digit(c) || is_letter(c) || (c && strchr("!#$%&'*+-.^_`|~", c)); }
static bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
/* RFC 3986, what may stand in a path and a query beside "/", "?" and percent signs */
static bool is_pchar(char c) { return is_digit(c) || is_letter(c) || (c && strchr("-._~!$&'()*+,;=:@", c)); }

static int refuse(int status, const char *reason, const char **why)
{
	*why = reason;
	return -status;
}

/* The next line without its CRLF: 1, and *at behind it; 0: not all there; -1: a bare CR or LF, or a NUL. */
static int next_line(const char *data, size_t n, size_t *at, struct head_text *ret)
{
	for (size_t i = *at; i < n; i++) {
		if (data[i] == 0 || data[i] == '\n')
			return -1;
		if (data[i] != '\r')
			continue;
		if (i + 1 == n)
			return 0;
		if (data[i + 1] != '\n')
			return -1;
		*ret = (struct head_text){data + *at, i - *at};
		*at = i + 2;
		return 1;
	}
	return 0;
}

static bool origin_form(struct head_text t)
{
	bool query = false;
	int arguments = 1;

	if (t.n == 0 || t.at[0] != '/' || (t.n > 1 && t.at[1] == '/'))
		return false;
	for (size_t i = 1; i < t.n; i++) {
		char c = t.at[i];

		if (query && c == '&' && ++arguments > HEAD_ARGUMENTS)
			return false;
		if (c == '?')
			query = true;
		else if (c == '%') {	/* our paths have none; an argument may, but no NUL */
			if (!query || t.n - i < 3 || !is_hex(t.at[i + 1]) || !is_hex(t.at[i + 2]) ||
			    (t.at[i + 1] == '0' && t.at[i + 2] == '0'))
				return false;
			i += 2;
		} else if (c != '/' && !is_pchar(c))
			return false;
	}
	return true;
}

static int request_line(struct head_text line, struct head *h, const char **why)
{
	const char *first = memchr(line.at, ' ', line.n);
	size_t n = first ? (size_t)(first - line.at) : 0;
	const char *second = first ? memchr(first + 1, ' ', line.n - n - 1) : NULL;
	int method = -1;

	if (!second)
		return refuse(400, "the request line is not METHOD TARGET VERSION", why);
	for (size_t i = 0; i < n; i++)
		if (!is_token(line.at[i]))
			return refuse(400, "the method is not a token", why);
	for (int i = 0; i < 3; i++)
		if (strlen(methods[i]) == n && !memcmp(line.at, methods[i], n))
			method = i;
	if (method < 0)
		return refuse(n ? 405 : 400, "the method is not GET, HEAD or POST", why);
	h->method = (enum head_method)method;
	h->target = (struct head_text){first + 1, (size_t)(second - first) - 1};
	if (h->target.n > HEAD_TARGET)
		return refuse(414, "the target is too long", why);
	if (!origin_form(h->target))
		return refuse(400, "the target is not a path of this site", why);
	n = line.n - (size_t)(second + 1 - line.at);
	if (n != 8 || memcmp(second + 1, "HTTP/1.1", 8))
		return refuse(n == 8 && !memcmp(second + 1, "HTTP/", 5) ? 505 : 400, "the version is not HTTP/1.1", why);
	return 0;
}

static bool is(struct head_text name, const char *text)
{
	return strlen(text) == name.n && !strncasecmp(name.at, text, name.n);
}

static int field(struct head_text line, struct head *h, const char **why)
{
	const char *colon = memchr(line.at, ':', line.n);
	struct head_text name = {line.at, colon ? (size_t)(colon - line.at) : 0}, value;

	if (name.n == 0)
		return refuse(400, "a line of the head has no name", why);
	for (size_t i = 0; i < name.n; i++)	/* folding and a blank before the colon end here */
		if (!is_token(name.at[i]))
			return refuse(400, "a name in the head is not a token", why);
	value = (struct head_text){colon + 1, line.n - name.n - 1};
	while (value.n && (value.at[0] == ' ' || value.at[0] == '\t'))
		value.at++, value.n--;
	while (value.n && (value.at[value.n - 1] == ' ' || value.at[value.n - 1] == '\t'))
		value.n--;
	for (size_t i = 0; i < value.n; i++)
		if (value.at[i] != '\t' && (value.at[i] < ' ' || value.at[i] > '~'))
			return refuse(400, "a value in the head has a character that must not be there", why);
	if (is(name, "Transfer-Encoding"))
		return refuse(400, "Transfer-Encoding is not taken", why);
	if (is(name, "Expect"))
		return refuse(417, "Expect is not taken", why);
	for (int i = 0; i < HEAD_KNOWN; i++) {
		if (!is(name, known[i]))
			continue;
		if (h->field[i].at)
			return refuse(400, "a line of the head is there twice", why);
		h->field[i] = value;
	}
	return 0;
}

/* Browsers send those of every site on this host: how many there are is nobody's business behind us. */
static struct head_text own_cookie(struct head_text all)
{
	static const char own[] = HEAD_OWN_COOKIE "=";

	while (all.n) {
		const char *end = memchr(all.at, ';', all.n);
		struct head_text one = {all.at, end ? (size_t)(end - all.at) : all.n};

		if (one.n >= sizeof(own) - 1 && !memcmp(one.at, own, sizeof(own) - 1))
			return one;
		all = (struct head_text){one.at + one.n, all.n - one.n};
		while (all.n && (*all.at == ';' || *all.at == ' '))
			all.at++, all.n--;
	}
	return (struct head_text){0};
}

static int finish(struct head *h, const char **why)
{
	struct head_text host = h->field[HEAD_HOST], length = h->field[HEAD_LENGTH];

	h->field[HEAD_COOKIE] = own_cookie(h->field[HEAD_COOKIE]);
	if (!host.at || host.n == 0 || host.n > 255)
		return refuse(400, "there must be one Host", why);
	for (size_t i = 0; i < host.n; i++)
		if (!is_digit(host.at[i]) && !is_letter(host.at[i]) && !strchr(".-:[]", host.at[i]))
			return refuse(400, "Host is not a name and a port", why);
	for (size_t i = 0; i < length.n; i++)
		if (!is_digit(length.at[i]))
			return refuse(400, "Content-Length is not a number", why);
	if (length.at && length.n == 0)
		return refuse(400, "Content-Length is not a number", why);
	if (length.n > 7)
		return refuse(413, "the body is too large", why);
	for (size_t i = 0; i < length.n; i++)
		h->body = h->body * 10 + (size_t)(length.at[i] - '0');
	if (h->body > HEAD_BODY)
		return refuse(413, "the body is too large", why);
	if (h->method != HEAD_POST && h->body)
		return refuse(400, "a body where none belongs", why);
	if (h->method == HEAD_POST && !length.at)
		return refuse(411, "Content-Length is missing", why);
	return 0;
}

int head_parse(const char *data, size_t n, struct head *ret, const char **why)
{
	struct head h = {0};
	struct head_text line;
	size_t at = 0;
	int lines = 0, r;

	while ((r = next_line(data, n < HEAD_MAX ? n : HEAD_MAX, &at, &line)) > 0) {
		if (lines > 0 && line.n == 0) {
			r = finish(&h, why);
			if (r == 0)
				*ret = h;
			return r < 0 ? r : (int)at;
		}
		if (lines > HEAD_FIELDS)
			return refuse(431, "the head has too many lines", why);
		r = lines++ == 0 ? request_line(line, &h, why) : field(line, &h, why);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return refuse(400, "lines must end with CRLF, and nothing else may look like an end", why);
	return n >= HEAD_MAX ? refuse(431, "the head is too large", why) : 0;
}

size_t head_write(const struct head *h, char buf[HEAD_WRITTEN])
{
	size_t at = (size_t)snprintf(buf, HEAD_WRITTEN, "%s %.*s HTTP/1.1\r\nConnection: close\r\n", methods[h->method], (int)h->target.n,
				     h->target.at);

	for (int i = 0; i < HEAD_KNOWN; i++)
		if (h->field[i].at)
			at += (size_t)snprintf(buf + at, HEAD_WRITTEN - at, "%s: %.*s\r\n", known[i], (int)h->field[i].n, h->field[i].at);
	return at + (size_t)snprintf(buf + at, HEAD_WRITTEN - at, "\r\n");
}
