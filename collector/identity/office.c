#include "office.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "collector/authority/ca.h"
#include "identity.h"
#include "io.h"
#include "pem.h"
#include "request.h"

#define CERTIFICATE_MAX 8192

int office_open(const char *state, struct office *o, char why[256])
{
	int r;

	*o = (struct office){0};
	io_path(o->folder, state, "signer");
	r = roll_open(o->folder, &o->authority);
	o->web_key = pem_read_key(o->folder, "web-root.key");
	o->web_root = pem_read_certificate(o->folder, "web-root.pem");
	if (r < 0 || !o->web_key || !o->web_root || names_read(o->folder, &o->names) < 0) {
		snprintf(why, 256, "%.150s: no certificate authority that can be read; beadle-collector init makes one", o->folder);
		return -ENOENT;
	}
	o->tokens = tokens_open(o->folder);
	r = o->tokens ? book_open(o->folder, "issued", 2, &o->issued) : -ENOMEM;
	if (r == 0)
		r = book_open(o->folder, "revoked", 1, &o->revoked);
	if (r < 0)
		return ca_failed(why, r, "the signer's books");
	r = seal_open(o->folder, &o->seal);
	if (r < 0)
		snprintf(why, 256, "%.180s: checkpoint: %s", o->folder, strerror(-r));
	return r;
}

void office_close(struct office *o)
{
	roll_clear(&o->authority);
	EVP_PKEY_free(o->web_key);
	X509_free(o->web_root);
	tokens_close(o->tokens);
	book_close(o->issued);
	book_close(o->revoked);
	seal_close(o->seal);
	*o = (struct office){0};
}

int office_roll(struct office *o, bool finish, char why[256])
{
	int r = finish ? roll_finish(o->folder, &o->authority) : roll_begin(o->folder, &o->authority);

	if (r == -EBUSY || r == -ENOENT)
		snprintf(why, 256, r == -EBUSY ? "the last roll-over is not finished: beadle authority finish" : "no roll-over was begun");
	return r == 0 || r == -EBUSY || r == -ENOENT ? r : ca_failed(why, r, "authority");
}

/* ---- what is given out ---- */

static EVP_PKEY *key_of(const uint8_t *csr, size_t n, char why[256])
{
	EVP_PKEY *key = request_key(csr, n);

	if (!key)
		ca_failed(why, -EINVAL, "the request is not a P-256 key signed by itself");
	return key;
}

/* Nothing is handed out that is not in the book. */
static int hand_out(struct office *o, X509 *cert, const char *name, const char *host, X509 **ret, char why[256])
{
	char line[512];
	int r;

	if (!cert)
		return ca_failed(why, -EIO, "the certificate could not be made");
	snprintf(line, sizeof(line), "%lld %s %.*s\n", (long long)(clock_wall() / NS_PER_S), name, (int)strcspn(host, "\r\n"), host);
	r = book_add(o->issued, line);
	if (r == 0)
		*ret = cert;
	else
		X509_free(cert);
	return r < 0 ? ca_failed(why, r, "the list of issued certificates could not be written") : 0;
}

static int issue(struct office *o, const char *uuid, const char *host, EVP_PKEY *subject, X509 **ret, char why[256])
{
	char name[CA_NAME];

	if (ca_name(o->names.school, "agent", uuid, name) < 0 || strlen(host) > TOKEN_HOST_MAX)
		return ca_failed(why, -EINVAL, "not an agent's UUID and host");
	if (book_count(o->revoked, uuid))
		return ca_failed(why, -EACCES, "this agent was revoked");
	return hand_out(o, ca_issue(o->authority.key, o->authority.root, subject, uuid, name, CA_CLIENT, book_count(o->issued, uuid) + 1),
			uuid, host, ret, why);
}

int office_issue_agent(struct office *o, const char *uuid, const char *host, const uint8_t *csr, size_t n, X509 **ret, char why[256])
{
	KEY *subject = key_of(csr, n, why);

	return subject ? issue(o, uuid, host, subject, ret, why) : -EINVAL;
}

/* The token first, durably: whatever happens then, the same key may ask again, and no other one. */
int office_enrol(struct office *o, const struct token_use *u, X509 **ret, char why[256])
{
	KEY *subject = NULL;
	const struct token_entry *e;
	uint8_t hash[TOKEN_HASH];
	int r = tokens_check(o->tokens, u, why);

	if (r < 0)
		return r;
	subject = key_of(u->csr, u->csr_n, why);
	if (!subject || token_hash_key(subject, hash) < 0)
		return -EINVAL;
	r = tokens_take(o->tokens, u->id, hash, &e, why);
	return r ? r : issue(o, e->uuid, e->host, subject, ret, why);
}

/* A certificate that we made, of one of ours, that is good now: its name. */
static bool is_ours(const struct office *o, X509 *cert, struct identity *ret)
{
	return cert && roll_made(&o->authority, cert) && identity_of(cert, ret) == 0 && ret->kind == IDENTITY_AGENT &&
	       !strcmp(ret->school, o->names.school) && X509_cmp_current_time(X509_get0_notBefore(cert)) < 0 &&
	       X509_cmp_current_time(X509_get0_notAfter(cert)) > 0;
}

int office_renew_agent(struct office *o, const struct office_renewal *a, X509 **ret, char why[256])
{
	const uint8_t *p = a->current;
	CERT *current = a->current_n <= CERTIFICATE_MAX ? d2i_X509(NULL, &p, (long)a->current_n) : NULL;
	struct identity id;

	if (!is_ours(o, current, &id))
		return ca_failed(why, -EACCES, "the certificate to be renewed is not one of ours that is good now");
	if (!request_is_proven(current, a->csr, a->csr_n, a->proof, a->proof_n))
		return ca_failed(why, -EACCES, "the request is not signed by the key that it would replace");
	return office_issue_agent(o, id.name, a->host, a->csr, a->csr_n, ret, why);
}

int office_renew(struct office *o, const char *role, const uint8_t *csr, size_t n, X509 **ret, char why[256])
{
	KEY *subject = key_of(csr, n, why);
	X509 *cert = NULL;
	char name[CA_NAME];

	if (!subject)
		return -EINVAL;
	if (!strcmp(role, "collector") && ca_name(o->names.school, "collector", o->names.collector, name) == 0)
		cert = ca_issue(o->authority.key, o->authority.root, subject, o->names.collector, name, CA_SERVER, 0);
	else if (!strcmp(role, "web"))
		cert = ca_issue(o->web_key, o->web_root, subject, "Beadle dashboard", o->names.web, CA_SERVER, 0);
	else
		return ca_failed(why, -EINVAL, "the role is neither collector nor web");
	return hand_out(o, cert, role, "-", ret, why);
}

int office_revoke(struct office *o, const char *uuid, char why[256])
{
	char name[CA_NAME], line[128];
	int r = 0;

	if (ca_name(o->names.school, "agent", uuid, name) < 0)
		return ca_failed(why, -EINVAL, "not an agent's UUID");
	snprintf(line, sizeof(line), "%s %lld\n", uuid, (long long)(clock_wall() / NS_PER_S));
	if (!book_count(o->revoked, uuid))
		r = book_add(o->revoked, line);
	return r < 0 ? ca_failed(why, r, "the list of revoked agents could not be written") : 0;
}

int office_revoked(struct office *o, char **ret, char why[256])
{
	int r = book_text(o->revoked, ret);

	return r < 0 ? ca_failed(why, r, "the list of revoked agents cannot be read") : 0;
}
