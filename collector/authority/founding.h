/*
 * founding.h - what is made once, before a collector serves: the school's authority, the dashboard's root, the first certificates of both, and the
 * journal's key. What is there stays as it is.
 *
 * STATE/signer/    ca.key ca.pem web-root.key web-root.pem names checkpoint.key      (the signer's alone)
 * STATE/identity/  ca.pem cert.pem key.pem checkpoint.pem                            (the collector's; the last: public, the journal begins with it)
 * STATE/web/       root.pem cert.pem key.pem                                         (the dashboard's)
 */
#ifndef FOUNDING_H
#define FOUNDING_H

#include <stddef.h>

/* hosts: DNS names and IP addresses of the dashboard. 0 or -errno, and why. */
int founding_make(const char *state, const char *school, const char *collector, const char *const *hosts, size_t n, char why[256]);

/* SHA-256 of the dashboard's root certificate, "SHA256:AB:CD:...", as browsers show it. 0 or -EIO. */
#define FOUNDING_FINGERPRINT 120
int founding_fingerprint(const char *state, char ret[FOUNDING_FINGERPRINT]);

#endif
