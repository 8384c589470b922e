/*
 * identity.h - who is at the other end: TLS contexts and the one function that decides (SECURITY 5.7, I1, I2).
 * TLS 1.3 only, mutual, ALPN beadle/1, no tickets, no resumption, no early data. The library's own callback never turns a failure
 * into a success; the decision is made once, after the handshake, from the whole chain.
 */
#ifndef IDENTITY_H
#define IDENTITY_H

#include <openssl/ssl.h>
#include <stdint.h>

#include "authority.h"

enum identity_kind { IDENTITY_AGENT, IDENTITY_COLLECTOR };

/* beadle://SCHOOL/agent/UUID or beadle://SCHOOL/collector/NAME, taken apart. generation: which of its certificates this is, 1 the first;
 * our signer writes it into the serial number (0x40, 3 bytes of it, 12 random ones). 0: not told.
 * authority: by which it was verified (authority.h); "" when it was only read. */
struct identity { enum identity_kind kind; char school[64]; char name[64]; uint32_t generation; char authority[AUTHORITY_ID]; };

#define IDENTITY_SERIAL 16		/* bytes of such a serial number */
#define IDENTITY_SERIAL_MARK 0x40

/* A folder with ca.pem, cert.pem and key.pem (mode 0600 or less). server: expects agents, else the collector. A server's may have cross.pem, its
 * authority's certificate by the former one, for those who trust only that. NULL with a reason in words in why[]. */
SSL_CTX *identity_context(const char *folder, int server, char why[256]);

/* For enrolment, ALPN beadle-enrol/1. The collector's side: the same folder, its authority is shown, and nobody is asked for a certificate. The
 * server's: whoever does not show the authority with that key (SHA-256 of its SubjectPublicKeyInfo), and a certificate that this one made, gets
 * nothing but the beginning of a handshake. The pin must outlive the context. */
SSL_CTX *identity_enrolment(const char *folder, char why[256]);
SSL_CTX *identity_pinned(const uint8_t pin[32], char why[256]);

/* Why a handshake failed, in words: what the library found wrong with the peer, or its own error. */
void identity_why(SSL *, char why[256]);

/* Takes a URI apart; 0 or -EINVAL. Lower-case UUID for agents, [a-z0-9.-] for collectors and schools. */
int identity_parse(const char *uri, size_t n, struct identity *ret);

/* Whom a certificate names: 0; -ENOENT: not exactly one name, -EINVAL: not one of ours. */
int identity_of(X509 *, struct identity *ret);

/* After the handshake, of a connection with a certificate of our own: the peer must be of the same school. 0 and *ret_id; or -EACCES and the reason in words. `now` is wall time in seconds: the agent hands
 * the later of its time floor and the collector's word, the collector its own clock, or ANY_TIME while that is suspect (SECURITY 5.8). */
#define IDENTITY_ANY_TIME INT64_MIN
int identity_verify(SSL *, enum identity_kind expected, int64_t now, struct identity *ret_id, char why[256]);

/* When the peer's certificate begins, wall, s: a clock that is behind that is wrong. 0: there is none. */
int64_t identity_begin(SSL *);

/* The same of the collector at the other end of identity_pinned, whose school is not known before. made: when the token was made (wall, s): its
 * certificate is judged by the later of that and its own beginning, never by this machine's clock. */
int identity_verify_pinned(SSL *, int64_t made, struct identity *ret_id, char why[256]);

#endif
