#define _GNU_SOURCE
#include "office.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "book.h"
#include "ca.h"
#include "cleanup.h"
#include "clock.h"
#include "identity.h"
#include "io.h"
#include "seal.h"

#define NAMES_MAX 4096
#define CERTIFICATE_MAX 8192

struct office {
	char *folder;			/* STATE/signer */
	struct roll authority;
	EVP_PKEY *web_key;
	X509 *web_root;
	char school[64], collector[64], web_names[NAMES_MAX];
	struct tokens *tokens;
	struct book *issued, *revoked;
};

static void free_key(EVP_PKEY **k) { EVP_PKEY_free(*k); }
static void free_cert(X509 **c) { X509_free(*c); }
#define KEY CLEANUP(free_key)
#define CERT CLEANUP(free_cert)

static int fail(char why[256], int error, const char *what)
{
	unsigned long e = ERR_peek_last_error();

	snprintf(why, 256, "%s: %s", what, ERR_reason_error_string(e) ? ERR_reason_error_string(e) : strerror(-error));
	ERR_clear_error();
	return error;
}

static const char *path_in(char buf[PATH_MAX], const char *folder, const char *name)
{
	snprintf(buf, PATH_MAX, "%s/%s", folder, name);
	return buf;
}

/* ---- names ---- */

static bool is_address(const char *s)
{
	unsigned char a[16];

	return inet_pton(AF_INET, s, a) == 1 || inet_pton(AF_INET6, s, a) == 1;
}

static bool is_host(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n < 254 && s[0] != '.' && s[0] != '-' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == n;
}

/* "DNS:a,IP:b" for the leaf; "critical,permitted;DNS:a,permitted;IP:b/mask" for the root that may sign nothing else: a form of name of which
 * none is permitted must be shut by itself (RFC 5280, 4.2.1.10). */
static int spell(const char *const *hosts, size_t n, bool constraint, char *buf, size_t room)
{
	size_t at = constraint ? (size_t)snprintf(buf, room, "critical") : 0, addresses = 0;

	for (size_t i = 0; i < n; i++) {
		bool address = is_address(hosts[i]);
		const char *mask = !address || !constraint ? "" : strchr(hosts[i], ':') ?
			"/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" : "/255.255.255.255";

		if (!address && !is_host(hosts[i]))
			return -EINVAL;
		addresses += address;
		at += (size_t)snprintf(buf + at, room - at, "%s%s%s%s%s", at ? "," : "", constraint ? "permitted;" : "",
				       address ? "IP:" : "DNS:", hosts[i], mask);
		if (at >= room)
			return -ENAMETOOLONG;
	}
	if (constraint)
		at += (size_t)snprintf(buf + at, room - at, "%s%s", addresses ? "" : ",excluded;IP:0.0.0.0/0.0.0.0,excluded;IP:::/::",
				       addresses < n ? "" : ",permitted;DNS:invalid");
	return !n ? -EINVAL : at >= room ? -ENAMETOOLONG : 0;
}

static int server_name(const char *school, const char *collector, char uri[256])
{
	struct identity id;

	snprintf(uri, 256, "URI:beadle://%s/collector/%s", school, collector);
	return identity_parse(uri + 4, strlen(uri + 4), &id);
}

/* ---- init ---- */

static int make_root(const char *folder, const char *key_name, const char *cert_name, const char *cn, const char *constraints)
{
	char path[PATH_MAX];
	KEY EVP_PKEY *key = NULL;
	CERT X509 *cert = NULL;
	int r;

	if (access(path_in(path, folder, cert_name), F_OK) == 0)
		return 0;
	if (!(key = ca_key_new()) || !(cert = ca_root(key, cn, constraints)))
		return -EIO;
	r = ca_write_key(path_in(path, folder, key_name), key);
	/* The certificate last: it is the mark that this root is made. */
	return r < 0 ? r : ca_write_certificates(path_in(path, folder, cert_name), &cert, 1);
}

/* A server's own folder: root, certificate with its new key. */
static int make_server(const char *signer, const char *folder, const char *key_name, const char *root_name,
		       const char *root_copy, const char *cn, const char *alt_name)
{
	char path[PATH_MAX];
	KEY EVP_PKEY *root_key = NULL;
	KEY EVP_PKEY *key = NULL;
	CERT X509 *root = NULL;
	CERT X509 *cert = NULL;
	int r;

	if (access(path_in(path, folder, "cert.pem"), F_OK) == 0)
		return 0;
	root_key = ca_read_key(path_in(path, signer, key_name));
	root = ca_read_certificate(path_in(path, signer, root_name));
	if (!root_key || !root || !(key = ca_key_new()) || !(cert = ca_issue(root_key, root, key, cn, alt_name, CA_SERVER, 0)))
		return -EIO;
	r = ca_write_certificates(path_in(path, folder, root_copy), &root, 1);
	if (r == 0)
		r = ca_write_key(path_in(path, folder, "key.pem"), key);
	return r < 0 ? r : ca_write_certificates(path_in(path, folder, "cert.pem"), &cert, 1);
}

static int write_names(const char *signer, const char *school, const char *collector, const char *web)
{
	char path[PATH_MAX], text[NAMES_MAX + 256];
	int n = snprintf(text, sizeof(text), "%s\n%s\n%s\n", school, collector, web);

	if (access(path_in(path, signer, "names"), F_OK) == 0)
		return 0;
	return io_replace_file(path, text, (size_t)n, 0600);
}

int office_init(const char *state, const char *school, const char *collector, const char *const *hosts, size_t n, char why[256])
{
	char signer[PATH_MAX], identity[PATH_MAX], web[PATH_MAX], uri[256], cn[128];
	char alt[NAMES_MAX], constraints[NAMES_MAX * 2];
	int r;

	path_in(signer, state, "signer");
	path_in(identity, state, "identity");
	path_in(web, state, "web");
	if (server_name(school, collector, uri) < 0)
		return fail(why, -EINVAL, "school and collector names are made of a-z 0-9 . - (at most 63)");
	r = spell(hosts, n, false, alt, sizeof(alt));
	if (r == 0)
		r = spell(hosts, n, true, constraints, sizeof(constraints));
	if (r < 0)
		return fail(why, r, "the dashboard's names must be host names or addresses");
	if ((r = io_make_folders(signer, 0700)) < 0 || (r = io_make_folders(identity, 0700)) < 0 ||
	    (r = io_make_folders(web, 0700)) < 0)
		return fail(why, r, state);
	snprintf(cn, sizeof(cn), "Beadle %s", school);
	if ((r = make_root(signer, "ca.key", "ca.pem", cn, NULL)) < 0)
		return fail(why, r, "certificate authority");
	snprintf(cn, sizeof(cn), "Beadle dashboard %s", school);
	if ((r = make_root(signer, "web-root.key", "web-root.pem", cn, constraints)) < 0)
		return fail(why, r, "dashboard's root");
	if ((r = make_server(signer, identity, "ca.key", "ca.pem", "ca.pem", collector, uri)) < 0)
		return fail(why, r, "collector's certificate");
	if ((r = make_server(signer, web, "web-root.key", "web-root.pem", "root.pem", hosts[0], alt)) < 0)
		return fail(why, r, "dashboard's certificate");
	if ((r = write_names(signer, school, collector, alt)) < 0)
		return fail(why, r, "names");
	if ((r = seal_init(signer, identity)) < 0)
		return fail(why, r, "checkpoint key");
	return 0;
}

int office_fingerprint(const char *state, char ret[120])
{
	char path[PATH_MAX];
	unsigned char hash[EVP_MAX_MD_SIZE];
	CERT X509 *root = NULL;
	unsigned n;
	size_t at = 7;

	snprintf(path, sizeof(path), "%s/web/root.pem", state);
	root = ca_read_certificate(path);
	if (!root || X509_digest(root, EVP_sha256(), hash, &n) != 1)
		return -EIO;
	strcpy(ret, "SHA256:");
	for (unsigned i = 0; i < n; i++)
		at += (size_t)snprintf(ret + at, 120 - at, "%s%02X", i ? ":" : "", hash[i]);
	return 0;
}

/* ---- at work ---- */

static int read_names(struct office *o)
{
	char path[PATH_MAX], *save = NULL, *school, *collector, *web;
	FREE char *text = NULL;

	if (io_read_file(path_in(path, o->folder, "names"), sizeof(o->web_names) + 200, &text, NULL) < 0)
		return -ENOENT;
	school = strtok_r(text, "\n", &save);
	collector = strtok_r(NULL, "\n", &save);
	web = strtok_r(NULL, "\n", &save);
	if (!web)
		return -EINVAL;
	snprintf(o->school, sizeof(o->school), "%s", school);
	snprintf(o->collector, sizeof(o->collector), "%s", collector);
	snprintf(o->web_names, sizeof(o->web_names), "%s", web);
	return 0;
}

int office_open(const char *state, struct office **ret, char why[256])
{
	char path[PATH_MAX];
	struct office *o = calloc(1, sizeof(*o));
	int r;

	if (!o || asprintf(&o->folder, "%s/signer", state) < 0) {
		free(o);
		return fail(why, -ENOMEM, "signer");
	}
	r = roll_open(o->folder, &o->authority);
	o->web_key = ca_read_key(path_in(path, o->folder, "web-root.key"));
	o->web_root = ca_read_certificate(path_in(path, o->folder, "web-root.pem"));
	if (r < 0 || !o->web_key || !o->web_root || read_names(o) < 0) {
		snprintf(why, 256, "%s: no certificate authority that can be read; beadle-collector init makes one", o->folder);
		office_close(o);
		return -ENOENT;
	}
	o->tokens = tokens_open(o->folder);
	r = o->tokens ? book_open(o->folder, "issued", 2, &o->issued) : -ENOMEM;
	if (r == 0)
		r = book_open(o->folder, "revoked", 1, &o->revoked);
	if (r < 0) {
		office_close(o);
		return fail(why, r, "the signer's books");
	}
	*ret = o;
	return 0;
}

void office_close(struct office *o)
{
	if (!o)
		return;
	roll_clear(&o->authority);
	EVP_PKEY_free(o->web_key);
	X509_free(o->web_root);
	tokens_close(o->tokens);
	book_close(o->issued);
	book_close(o->revoked);
	free(o->folder);
	free(o);
}

/* ---- what is given out ---- */

static bool agent_name(const struct office *o, const char *uuid, char uri[256])
{
	struct identity id;

	snprintf(uri, 256, "URI:beadle://%s/agent/%s", o->school, uuid);
	return identity_parse(uri + 4, strlen(uri + 4), &id) == 0;
}

static int hand_out(struct office *o, X509 *cert, const char *name, const char *host, uint8_t **ret_der, size_t *ret_n,
		    char why[256])
{
	char line[512];
	uint8_t *der = NULL;
	int n = cert ? i2d_X509(cert, &der) : -1, r;

	if (n <= 0)
		return fail(why, -EIO, "the certificate could not be made");
	snprintf(line, sizeof(line), "%lld %s %.*s\n", (long long)(clock_wall() / NS_PER_S), name,
		 (int)strcspn(host, "\r\n"), host);
	r = book_add(o->issued, line);
	if (r < 0) {
		OPENSSL_free(der);
		return fail(why, r, "the list of issued certificates could not be written");
	}
	*ret_der = der;
	*ret_n = (size_t)n;
	return 0;
}

int office_issue_agent(struct office *o, const char *uuid, const char *host, const uint8_t *csr, size_t n, uint8_t **ret_der,
		       size_t *ret_n, char why[256])
{
	KEY EVP_PKEY *subject = ca_key_of_request(csr, n);
	CERT X509 *cert = NULL;
	char uri[256];

	if (!agent_name(o, uuid, uri) || strlen(host) > 253)
		return fail(why, -EINVAL, "not an agent's UUID and host");
	if (!subject)
		return fail(why, -EINVAL, "the request is not a P-256 key signed by itself");
	if (book_count(o->revoked, uuid))
		return fail(why, -EACCES, "this agent was revoked");
	cert = ca_issue(o->authority.key, o->authority.root, subject, uuid, uri, CA_CLIENT, book_count(o->issued, uuid) + 1);
	return hand_out(o, cert, uuid, host, ret_der, ret_n, why);
}

struct tokens *office_tokens(struct office *o)
{
	return o->tokens;
}

int office_pin(const struct office *o, uint8_t ret[TOKEN_HASH])
{
	return token_pin(o->authority.root, ret);
}

const struct roll *office_authority(const struct office *o)
{
	return &o->authority;
}

int office_roll(struct office *o, bool finish, char why[256])
{
	int r = finish ? roll_finish(o->folder, &o->authority) : roll_begin(o->folder, &o->authority);

	if (r == -EBUSY || r == -ENOENT)
		snprintf(why, 256, r == -EBUSY ? "the last roll-over is not finished: beadle authority finish" : "no roll-over was begun");
	return r == 0 || r == -EBUSY || r == -ENOENT ? r : fail(why, r, "authority");
}

/* The token first, durably: whatever happens then, the same key may ask again, and no other one. */
int office_enrol(struct office *o, const struct token_use *u, uint8_t **ret_der, size_t *ret_n, char why[256])
{
	KEY EVP_PKEY *subject = NULL;
	const struct token_entry *e;
	uint8_t hash[TOKEN_HASH];
	char uuid[37], host[TOKEN_HOST_MAX + 1];
	int r = tokens_check(o->tokens, u, why);

	if (r < 0)
		return r;
	subject = ca_key_of_request(u->csr, u->csr_n);
	if (!subject || token_hash_key(subject, hash) < 0)
		return fail(why, -EINVAL, "the request is not a P-256 key signed by itself");
	r = tokens_take(o->tokens, u->id, hash, why);
	e = r == 0 ? tokens_find(o->tokens, u->id) : NULL;
	if (!e)
		return r;
	strcpy(uuid, e->uuid);
	strcpy(host, e->host);
	return office_issue_agent(o, uuid, host, u->csr, u->csr_n, ret_der, ret_n, why);
}

static bool is_made_here(const struct roll *a, X509 *cert)
{
	return X509_verify(cert, X509_get0_pubkey(a->root)) == 1 ||
	       (a->former && !a->over && X509_verify(cert, X509_get0_pubkey(a->former)) == 1);
}

/* A certificate that we made, of one of ours, that is good now: its name. */
static bool is_ours(struct office *o, X509 *cert, struct identity *ret)
{
	return cert && is_made_here(&o->authority, cert) && identity_of(cert, ret) == 0 && ret->kind == IDENTITY_AGENT &&
	       !strcmp(ret->school, o->school) && X509_cmp_current_time(X509_get0_notBefore(cert)) < 0 &&
	       X509_cmp_current_time(X509_get0_notAfter(cert)) > 0;
}

static bool is_signed(X509 *by, const uint8_t *data, size_t n, const uint8_t *proof, size_t proof_n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, X509_get0_pubkey(by)) == 1 &&
		  EVP_DigestVerify(ctx, proof, proof_n, data, n) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

int office_renew_agent(struct office *o, const struct office_renewal *a, uint8_t **ret_der, size_t *ret_n, char why[256])
{
	const uint8_t *p = a->current;
	CERT X509 *current = a->current_n <= CERTIFICATE_MAX ? d2i_X509(NULL, &p, (long)a->current_n) : NULL;
	struct identity id;

	if (!is_ours(o, current, &id))
		return fail(why, -EACCES, "the certificate to be renewed is not one of ours that is good now");
	if (!is_signed(current, a->csr, a->csr_n, a->proof, a->proof_n))
		return fail(why, -EACCES, "the request is not signed by the key that it would replace");
	return office_issue_agent(o, id.name, a->host, a->csr, a->csr_n, ret_der, ret_n, why);
}

int office_renew(struct office *o, const char *role, const uint8_t *csr, size_t n, uint8_t **ret_der, size_t *ret_n, char why[256])
{
	KEY EVP_PKEY *subject = ca_key_of_request(csr, n);
	CERT X509 *cert = NULL;
	char uri[256];

	if (!subject)
		return fail(why, -EINVAL, "the request is not a P-256 key signed by itself");
	if (!strcmp(role, "collector") && server_name(o->school, o->collector, uri) == 0)
		cert = ca_issue(o->authority.key, o->authority.root, subject, o->collector, uri, CA_SERVER, 0);
	else if (!strcmp(role, "web"))
		cert = ca_issue(o->web_key, o->web_root, subject, "Beadle dashboard", o->web_names, CA_SERVER, 0);
	else
		return fail(why, -EINVAL, "the role is neither collector nor web");
	return hand_out(o, cert, role, "-", ret_der, ret_n, why);
}

int office_revoke(struct office *o, const char *uuid, char why[256])
{
	char uri[256], line[128];
	int r = 0;

	if (!agent_name(o, uuid, uri))
		return fail(why, -EINVAL, "not an agent's UUID");
	if (!book_count(o->revoked, uuid)) {
		snprintf(line, sizeof(line), "%s %lld\n", uuid, (long long)(clock_wall() / NS_PER_S));
		r = book_add(o->revoked, line);
	}
	return r < 0 ? fail(why, r, "the list of revoked agents could not be written") : 0;
}

int office_revoked(struct office *o, char **ret, char why[256])
{
	int r = book_text(o->revoked, ret);

	return r < 0 ? fail(why, r, "the list of revoked agents cannot be read") : 0;
}
