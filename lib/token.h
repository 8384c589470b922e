/*
 * token.h - what lets one server enrol itself once (SECURITY 5.9): text that a person carries from the collector to that server. It says where
 * the door is, which authority's key must stand behind it, and has a secret that never travels: the server proves that it knows it, for this
 * one connection and this one request. 0 or -errno.
 */
#ifndef TOKEN_H
#define TOKEN_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOKEN_ID 8
#define TOKEN_SECRET 16
#define TOKEN_HASH 32			/* SHA-256: pin, key, exporter, proof */
#define TOKEN_ADDRESSES 512
#define TOKEN_HOURS 24			/* a token's life; at most: */
#define TOKEN_HOURS_MAX 168
#define TOKEN_HOST_MAX 253
#define TOKEN_CSR_MAX 4096
#define TOKEN_REQUEST_MAX 8192u	/* wire.Enrol, as a frame's body */
#define TOKEN_ANSWER_MAX 32768u		/* wire.Enrolled */
#define TOKEN_FINGERPRINT 20		/* "a1b2-c3d4-e5f6-0718" */

struct token {
	int64_t made;			/* by the collector's clock, wall, s: no certificate is judged by an earlier time */
	unsigned hours;
	uint8_t id[TOKEN_ID], secret[TOKEN_SECRET];
	uint8_t pin[TOKEN_HASH];	/* SHA-256 of the authority's SubjectPublicKeyInfo */
	char addresses[TOKEN_ADDRESSES];	/* "HOST:PORT", several with a space between */
};

/* The caller frees; NULL: no memory, or it cannot be written. */
char *token_write(const struct token *);
/* -EINVAL: no token; -EBADMSG: a token with a slip in it, or cut off; -EPROTONOSUPPORT: of a later version. */
int token_read(const char *text, struct token *ret);
void token_spell_id(const uint8_t id[TOKEN_ID], char ret[2 * TOKEN_ID + 1]);
int token_parse_id(const char *text, uint8_t ret[TOKEN_ID]);

/* What the signer keeps of the secret. */
int token_key(const uint8_t secret[TOKEN_SECRET], uint8_t ret[TOKEN_HASH]);
int token_pin(X509 *, uint8_t ret[TOKEN_HASH]);
/* Both ends of one connection get the same, and those of no other one. */
int token_export(SSL *, uint8_t ret[TOKEN_HASH]);
/* -EMSGSIZE: host or csr are longer than they may be. */
int token_prove(const uint8_t key[TOKEN_HASH], const uint8_t exporter[TOKEN_HASH], const char *host, const uint8_t *csr, size_t n,
		uint8_t ret[TOKEN_HASH]);
/* Of a public key; and for people to compare: 64 bits of it. */
int token_hash_key(EVP_PKEY *, uint8_t ret[TOKEN_HASH]);
void token_fingerprint(const uint8_t hash[TOKEN_HASH], char ret[TOKEN_FINGERPRINT]);
/* "web1" is "WEB1" and "web1.school.example", which is not "web1.another.example". */
bool token_same_host(const char *a, const char *b);

#endif
