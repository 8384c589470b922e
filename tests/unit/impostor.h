/*
 * impostor.h - a factory of certificates, good ones and ones that are wrong in one thing each, and real handshakes in which an attacker
 * shows them to a victim, in both directions. What the library would hold the attacker back from is allowed.
 */
#ifndef IMPOSTOR_H
#define IMPOSTOR_H

#include <check.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/identity.h"
#include "tests/unit/suite.h"

#define NOW INT64_C(1800000000)		/* the verifier's clock; the library's own must not matter */
#define DAY 86400
#define UUID "0189f7e2-7d3c-7a10-8f31-2b6c1d4e5f60"
#define AGENT "beadle://twvs/agent/" UUID
#define COLLECTOR "beadle://twvs/collector/main"

enum { AGENTS, COLLECTORS };		/* whose certificate is shown */
enum issuer { OURS, SAME_NAME, SELF, LEAF, BETWEEN, DEEP };

/* What the certificate is; what is not set is right. */
struct wish {
	const char *what;
	enum issuer by;
	int from, to;			/* days from NOW; both 0: valid */
	const char *key;		/* "rsa1024" "rsa2048" "p384" "ed25519" */
	const EVP_MD *(*md)(void);
	const char *eku;		/* "none": leaves it out */
	const char *usage;		/* of the key */
	bool ca, none, late_root;
	const char *name, *second;	/* URI; the second one */
	size_t name_n;			/* of a name with a NUL in it */
	int type;			/* GEN_DNS ... instead of a URI */
	size_t bulk;			/* bytes of a further extension */
};

struct pair { X509 *cert; EVP_PKEY *key; };
extern struct pair late;		/* a root that is over */
extern char folder[2][64];		/* what an agent and a collector hold */

void set_up(void);
void tear_down(void);
void write_folder(int whose, X509 *root, char path[64]);
void remove_folder(const char *path);

SSL_CTX *bare(int server);		/* without a certificate */
SSL_CTX *impostor(const struct wish *w, int whose);
SSL_CTX *victim_for(int whose, const char *where);

struct meeting { SSL *victim, *other; bool failed; };
struct meeting meet(SSL_CTX *victim, SSL_CTX *other, int victim_is_server);
void part(struct meeting *m);
/* 0 when the victim serves the other; else why says why not. */
int judge(SSL_CTX *victim, SSL_CTX *other, int whose, struct identity *id, char why[256]);

#endif
