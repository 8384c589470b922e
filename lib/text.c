#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAIL_ADDRESS_MAX 254	/* RFC 5321 4.5.3.1.3, without the brackets */

int text_int(const char *s, int64_t *ret)
{
	bool negative = *s == '-';
	uint64_t n = 0, max = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;

	if (*s == '-' || *s == '+')
		s++;
	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		if (n > (max - (uint64_t)(*s - '0')) / 10)
			return -ERANGE;
		n = n * 10 + (uint64_t)(*s - '0');
	}
	*ret = negative ? (int64_t)(0 - n) : (int64_t)n;
	return 0;
}

/* Reads [-]digits[.digits][e[-]digits] and leaves *end behind it. strtod(3) would ask the locale for its point, so programs
 * here never call setlocale(LC_NUMERIC), and what strtod takes beyond this (hex, inf, nan, blanks) is refused first. */
static int number(const char *s, double *ret, const char **end)
{
	const char *p = s + (*s == '-' || *s == '+');
	size_t digits = strspn(p, "0123456789");
	char *stop;
	double d;

	if (!digits && !(p[0] == '.' && p[1] >= '0' && p[1] <= '9'))
		return -EINVAL;
	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		return -EINVAL;
	d = strtod(s, &stop);
	if (!isfinite(d))
		return -ERANGE;
	*ret = d;
	*end = stop;
	return 0;
}

int text_double(const char *s, double *ret)
{
	const char *end;
	double d;
	int r = number(s, &d, &end);

	if (r < 0)
		return r;
	if (*end)
		return -EINVAL;
	*ret = d;
	return 0;
}

int text_bool(const char *s, bool *ret)
{
	static const char *const words[] = {"no", "false", "off", "yes", "true", "on"};

	for (int i = 0; i < 6; i++)
		if (!strcmp(s, words[i])) {
			*ret = i >= 3;
			return 0;
		}
	return -EINVAL;
}

struct factor { const char *name; double times; };

/* A number with one of the suffixes; 0 needs none. */
static int scaled(const char *s, const struct factor *factors, double max, double *ret)
{
	const char *end;
	double d;
	int r = number(s, &d, &end);

	if (r < 0)
		return r;
	while (*end == ' ')
		end++;
	if (d < 0)
		return -ERANGE;
	if (d == 0 && !*end) {
		*ret = 0;
		return 0;
	}
	for (; factors->name; factors++)
		if (!strcmp(end, factors->name)) {
			if (d * factors->times > max)
				return -ERANGE;
			*ret = d * factors->times;
			return 0;
		}
	return -EINVAL;
}

int text_duration(const char *s, int64_t *ret_ns)
{
	static const struct factor factors[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"min", 60e9},
		{"h", 3600e9}, {"d", 86400e9}, {"w", 604800e9}, {NULL, 0}};
	double d;
	int r = scaled(s, factors, 9.2e18, &d);

	if (r == 0)
		*ret_ns = (int64_t)d;
	return r;
}

int text_size(const char *s, uint64_t *ret_bytes)
{
	static const struct factor factors[] = {{"B", 1}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
		{"KiB", 1024.}, {"MiB", 1048576.}, {"GiB", 1073741824.}, {"TiB", 1099511627776.}, {NULL, 0}};
	double d;
	int r = scaled(s, factors, 1.8e19, &d);

	if (r == 0)
		*ret_bytes = (uint64_t)d;
	return r;
}

/* At most one decimal, and none where it would be 0. */
static char *short_number(double d, const char *unit, char *buf, size_t room)
{
	bool whole = fabs(d - round(d)) < 0.05 || fabs(d) >= 100;

	snprintf(buf, room, "%.*f%s", whole ? 0 : 1, d, unit);
	return buf;
}

char *text_put_duration(int64_t ns, char buf[24])
{
	static const struct factor factors[] = {{" d", 86400e9}, {" h", 3600e9}, {" min", 60e9}, {" s", 1e9}, {" ms", 1e6},
		{" us", 1e3}};
	double d = fabs((double)ns);

	for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++)
		/* 36 h says more than 1.5 d */
		if (d >= factors[i].times * (i == 0 ? 2 : 1))
			return short_number((double)ns / factors[i].times, factors[i].name, buf, 24);
	return ns ? short_number((double)ns, " ns", buf, 24) : strcpy(buf, "0 s");
}

char *text_put_size(double bytes, char buf[24])
{
	static const char *const units[] = {" B", " KiB", " MiB", " GiB", " TiB", " PiB"};
	size_t i = 0;

	for (; fabs(bytes) >= 1024 && i < 5; i++)
		bytes /= 1024;
	return short_number(bytes, units[i], buf, 24);
}

bool text_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return *s >= 'a' && *s <= 'z' && !s[n] && n <= 63;
}

/* Length of the well-formed sequence at s (RFC 3629 section 4), 0 if there is none. */
static size_t sequence(const unsigned char *s, size_t n, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t want = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 :
		      s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
	uint32_t c;

	if (!want || want > n)
		return 0;
	c = want == 1 ? s[0] : s[0] & (0xffu >> (want + 1));
	for (size_t i = 1; i < want; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[want] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		return 0;
	*ret = c;
	return want;
}

bool text_mail_address(const char *s)
{
	static const char atom[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~.";
	static const char host[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	size_t local = strspn(s, atom), domain = s[local] == '@' ? strspn(s + local + 1, host) : 0;

	return local > 0 && local <= 64 && domain > 0 && !s[local + 1 + domain] && local + 1 + domain <= MAIL_ADDRESS_MAX &&
	       s[0] != '.' && s[local - 1] != '.' && s[local + 1] != '.' && s[local + 1] != '-' && !strstr(s, "..") &&
	       s[0] != '-';	/* no option, whatever programs it meets */
}

bool text_utf8(const void *s, size_t n)
{
	const unsigned char *p = s;
	uint32_t c;

	while (n) {
		size_t k = sequence(p, n, &c);

		if (!k)
			return false;
		p += k;
		n -= k;
	}
	return true;
}

bool text_address(const char *s)
{
	const char *colon = strrchr(s, ':');
	int64_t port;

	if (!colon || colon == s || text_int(colon + 1, &port) < 0 || port < 1 || port > 65535)
		return false;
	if (*s == '[')
		return colon[-1] == ']' && colon - s > 3;
	return !memchr(s, ':', (size_t)(colon - s)) && strcspn(s, " \t/@") == strlen(s);
}

/* What could move a terminal's cursor or turn the reading direction (UAX 9), or split a line. */
static bool harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

char *text_escape(const void *s, size_t n, char *buf, size_t room)
{
	const unsigned char *p = s ? s : (const void *)"", *end = p + n;
	size_t at = 0, fits = 0;	/* fits: where "..." could still begin */
	uint32_t c;

	if (!room)
		return buf;
	while (p < end) {
		size_t k = sequence(p, (size_t)(end - p), &c);
		bool plain = k && !harmful(c);
		size_t bytes = k ? k : 1, need = plain ? bytes : bytes * 4;

		if (at + need + 1 > room) {
			snprintf(buf + fits, room - fits, "...");
			return buf;
		}
		for (size_t i = 0; i < bytes; i++) {
			if (plain)
				buf[at++] = (char)p[i];
			else
				at += (size_t)snprintf(buf + at, room - at, "\\x%02x", p[i]);
		}
		if (at + 4 <= room)
			fits = at;
		p += bytes;
	}
	buf[at] = 0;
	return buf;
}

/* Edit distance with neighbours swapped counted as one (optimal string alignment); above 63 bytes: far. */
static size_t distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), rows[3][65];

	if (n > 63 || m > 63)
		return 64;
	for (size_t j = 0; j <= m; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *row = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = up[j - 1] + (a[i - 1] != b[j - 1]);

			if (up[j] + 1 < best)
				best = up[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && up2[j - 2] + 1 < best)
				best = up2[j - 2] + 1;
			row[j] = best;
		}
	}
	return rows[n % 3][m];
}

const char *text_nearest(const char *name, const char *const *candidates, size_t n)
{
	size_t best = strlen(name) / 3 + 2;	/* further away is no misspelling */
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(name, candidates[i]);

		if (d < best) {
			best = d;
			found = candidates[i];
		}
	}
	return found;
}

static const char digits[] = "0123456789abcdef";

void text_hex(const void *bytes, size_t n, char *ret)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = digits[b[i] >> 4];
		ret[2 * i + 1] = digits[b[i] & 15];
	}
	ret[2 * n] = 0;
}

bool text_unhex(const char *text, size_t n, void *ret)
{
	uint8_t *b = ret;

	if (strlen(text) != 2 * n || strspn(text, digits) != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++)
		b[i] = (uint8_t)((strchr(digits, text[2 * i]) - digits) << 4 | (strchr(digits, text[2 * i + 1]) - digits));
	return true;
}
