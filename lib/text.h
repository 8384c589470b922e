/* text.h - text of people and of strangers: parsing without a locale, escaping, nearest names. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whole text or -EINVAL / -ERANGE; *ret is touched on success only. */
int text_int(const char *s, int64_t *ret);
int text_double(const char *s, double *ret);		/* finite only; '.' is the point */
int text_bool(const char *s, bool *ret);		/* yes no true false on off */
int text_duration(const char *s, int64_t *ret_ns);	/* 500ms 90s 15min 24h 7d 2w; 0 alone */
int text_size(const char *s, uint64_t *ret_bytes);	/* 64KiB 1GiB 500MB 0 */

/* "24h", "15min", "1.5s" and "3.2 GiB": short, for people. Return buf. */
char *text_put_duration(int64_t ns, char buf[24]);
char *text_put_size(double bytes, char buf[24]);

bool text_name(const char *s);				/* [a-z][a-z0-9_]*, at most 63 bytes */
bool text_utf8(const void *s, size_t n);		/* well-formed, by RFC 3629 */
/* local@domain in plain ASCII, without quoting, comments or routes; at most 254 bytes (RFC 5321 4.5.3.1.3, without brackets). */
bool text_mail_address(const char *s);

/* Two small digits a byte and a NUL: ret has room for 2 * n + 1. */
void text_hex(const void *, size_t n, char *ret);
bool text_unhex(const char *digits, size_t n, void *ret);	/* n bytes, of exactly 2n such digits and nothing behind; false: it is not that */
bool text_address(const char *s);			/* "host:port" or "[::1]:port" */

/* Makes one harmless line of any bytes: control characters, bidirectional controls and what is not UTF-8 become \xNN. At most
 * room bytes with the NUL; cut text ends in "...". Returns buf. */
char *text_escape(const void *s, size_t n, char *buf, size_t room);

/* The candidate that a misspelt name probably meant, or NULL. */
const char *text_nearest(const char *name, const char *const *candidates, size_t n);

#endif
