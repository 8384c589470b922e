/*
 * accounts.h - who may log in, sessions, and the brake on guessing (SECURITY 5.12, W4, W5). Passwords are yescrypt hashes, sessions are
 * known by the SHA-256 of their token. Hashing is slow on purpose and happens elsewhere (jobs.h): accounts_hash and accounts_match may
 * run on any thread.
 */
#ifndef ACCOUNTS_H
#define ACCOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "record.h"
#include "totp.h"

#define ACCOUNTS_HASH 384	/* crypt(5): CRYPT_OUTPUT_SIZE */
#define ACCOUNTS_TOKEN 44	/* 32 random bytes in base64url, with the NUL */
#define ACCOUNTS_PASSWORD_MIN 12

struct accounts;
struct account {
	char name[64], hash[ACCOUNTS_HASH];
	unsigned roles;			/* authorise.h */
	bool must_change, disabled, has_factor;
	uint8_t factor[TOTP_SECRET];
};

struct accounts *accounts_new(void);
void accounts_free(struct accounts *);

int accounts_load(struct accounts *, const char *name, const char *json);
int accounts_load_session(struct accounts *, const char *hash, const char *account, int64_t expires, int64_t now_wall);
const struct account *accounts_get(const struct accounts *, const char *name);
const struct account *accounts_may_log_in(const struct accounts *, const char *name);	/* NULL also for one that was disabled */
const struct account *accounts_next(const struct accounts *, const struct account *before);	/* NULL: the first; behind the last */
/* Sets and adds to the change, with the deed. All sessions of the account end but the one of this token, if any. */
int accounts_set(struct accounts *, const struct account *, const char *token, const struct deed *, struct store_change *);

/* Any thread. hash: of the password, newly salted. match: false also where the hash is none. */
int accounts_hash(const char *password, char ret[ACCOUNTS_HASH]);
bool accounts_match(const char *password, const char *hash);
/* A hash that no password has, as costly as any: for names that do not exist. */
const char *accounts_nobody(void);
int accounts_one_time(char ret[32]);		/* a password to be read aloud */

/* Counts a try before it is made: false, and the seconds to wait, after 5 in a minute for one name from one address, or after 30 of the
 * address that did not succeed. told: it was false in this window before. */
bool accounts_may_try(struct accounts *, const char *name, const char *address, int64_t now_boot, int *ret_wait_s, bool *ret_told);
void accounts_succeeded(struct accounts *, const char *name, const char *address);

/* A new session; the token goes to the browser and is kept nowhere. */
int accounts_log_in(struct accounts *, const char *name, int64_t now_wall, int64_t now_boot, struct store_change *, char ret[ACCOUNTS_TOKEN]);
/* The account of a living session, 12 h in all; NULL: log in. stale: for 30 minutes the person did nothing, or the collector was restarted
 * meanwhile: it may only look. Looking is no act, since pages look by themselves; accounts_acted is told of acts. */
const struct account *accounts_session(struct accounts *, const char *token, int64_t now_boot, bool *ret_stale);
void accounts_acted(struct accounts *, const char *token, int64_t now_boot);
void accounts_log_out(struct accounts *, const char *token, struct store_change *);

#endif
