/*
 * factors.h - second factors at work: no code counts twice, wrong ones are braked, and a new one waits here until it was shown to be held
 * (RFC 6238, 5.2; SECURITY 5.12). In memory alone: what was shown before a restart counts as used after it.
 */
#ifndef FACTORS_H
#define FACTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "totp.h"

struct factors;

struct factors *factors_new(int64_t now_wall);
void factors_free(struct factors *);

/* none: nothing is offered. braked: 10 wrong ones in 15 minutes, of who knows the password. */
enum factor_verdict { FACTOR_GOOD, FACTOR_WRONG, FACTOR_BRAKED, FACTOR_NONE };

/* Is this the code of now, or of the step before or behind? ret_off_s: of a wrong one, how far the other's clock would have to be off for it
 * to be right, up to 10 minutes; 0: it is no code. No memory: braked. */
enum factor_verdict factors_check(struct factors *, const char *name, const uint8_t secret[TOTP_SECRET], const char *code, int64_t now_wall,
				  int64_t now_boot, int *ret_off_s);

/* A new secret for this account, for 10 minutes. 0, -EIO or -ENOMEM. */
int factors_offer(struct factors *, const char *name, int64_t now_boot, uint8_t ret[TOTP_SECRET]);
/* Is this a code of the one that was offered, while it is? Then that is the account's, and no longer offered. */
enum factor_verdict factors_confirm(struct factors *, const char *name, const char *code, int64_t now_wall, int64_t now_boot,
				    uint8_t ret[TOTP_SECRET], int *ret_off_s);

#endif
