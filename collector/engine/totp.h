/*
 * totp.h - one-time codes of an authenticator: RFC 6238 with what every one of them does: HMAC-SHA-1, 30 s, six digits.
 */
#ifndef TOTP_H
#define TOTP_H

#include <stdbool.h>
#include <stdint.h>

#define TOTP_SECRET 20		/* bytes: RFC 4226, 4 */
#define TOTP_TEXT 33		/* of it in base32, with the NUL */
#define TOTP_STEP_S 30

int totp_new(uint8_t ret[TOTP_SECRET]);		/* 0 or -EIO */
void totp_write(const uint8_t secret[TOTP_SECRET], char ret[TOTP_TEXT]);
int totp_read(const char *text, uint8_t ret[TOTP_SECRET]);	/* 0 or -EINVAL */

/* Of which step, counted from the epoch, is this code? Looks at the step of at_s (Unix time) and `around` to each side, nearest first; steps up
 * to `after` do not count: their codes were used. -1: of none of them. */
int64_t totp_step_of(const uint8_t secret[TOTP_SECRET], const char *code, int64_t at_s, int around, int64_t after);

#endif
