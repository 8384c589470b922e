#include "founding.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ca.h"
#include "io.h"
#include "names.h"
#include "pem.h"

static bool is_there(const char *folder, const char *name)
{
	char path[PATH_MAX];

	return access(io_path(path, folder, name), F_OK) == 0;
}

/* ---- roots and first certificates ---- */

/* The certificate last: it is the mark that this root is made. */
static int make_root(const char *folder, const char *key_name, const char *cert_name, const char *cn, const char *constraints)
{
	KEY *key = NULL;
	CERT *cert = NULL;
	int r;

	if (is_there(folder, cert_name))
		return 0;
	if (!(key = ca_key_new()) || !(cert = ca_root(key, cn, constraints)))
		return -EIO;
	r = pem_write_key(folder, key_name, key);
	return r < 0 ? r : pem_write_certificates(folder, cert_name, &cert, 1);
}

struct server { const char *folder, *key_name, *root_name, *root_copy, *common_name, *alt_name; };

/* A server's own folder: root, certificate with its new key. */
static int make_server(const char *signer, const struct server *s)
{
	KEY *root_key = NULL;
	KEY *key = NULL;
	CERT *root = NULL;
	CERT *cert = NULL;
	int r;

	if (is_there(s->folder, "cert.pem"))
		return 0;
	root_key = pem_read_key(signer, s->key_name);
	root = pem_read_certificate(signer, s->root_name);
	if (!root_key || !root || !(key = ca_key_new()) ||
	    !(cert = ca_issue(root_key, root, key, s->common_name, s->alt_name, CA_SERVER, 0)))
		return -EIO;
	r = pem_write_certificates(s->folder, s->root_copy, &root, 1);
	if (r == 0)
		r = pem_write_key(s->folder, "key.pem", key);
	return r < 0 ? r : pem_write_certificates(s->folder, "cert.pem", &cert, 1);
}

/* The public half last: it is the mark that both are made. */
static int make_journal_key(const char *signer, const char *identity)
{
	KEY *key = NULL;
	int r = 0;

	if (is_there(identity, "checkpoint.pem"))
		return 0;
	key = pem_read_key(signer, "checkpoint.key");
	if (!key) {
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		r = key ? pem_write_key(signer, "checkpoint.key", key) : -EIO;
	}
	return r < 0 ? r : pem_write_public_key(identity, "checkpoint.pem", key);
}

/* ---- all of it ---- */

static int name_all(const char *school, const char *collector, const char *const *hosts, size_t n, struct names *ret, char uri[CA_NAME],
		    char constraints[2 * NAMES_WEB], char why[256])
{
	int r;

	if (ca_name(school, "collector", collector, uri) < 0)
		return ca_failed(why, -EINVAL, "school and collector names are made of a-z 0-9 . - (at most 63)");
	snprintf(ret->school, sizeof(ret->school), "%s", school);
	snprintf(ret->collector, sizeof(ret->collector), "%s", collector);
	r = names_spell(hosts, n, false, ret->web, sizeof(ret->web));
	if (r == 0)
		r = names_spell(hosts, n, true, constraints, 2 * NAMES_WEB);
	return r < 0 ? ca_failed(why, r, "the dashboard's names must be host names or addresses") : 0;
}

static int make_folders(const char *state, char signer[PATH_MAX], char identity[PATH_MAX], char web[PATH_MAX])
{
	int r = io_make_folders(io_path(signer, state, "signer"), 0700);

	if (r == 0)
		r = io_make_folders(io_path(identity, state, "identity"), 0700);
	return r < 0 ? r : io_make_folders(io_path(web, state, "web"), 0700);
}

int founding_make(const char *state, const char *school, const char *collector, const char *const *hosts, size_t n, char why[256])
{
	char signer[PATH_MAX], identity[PATH_MAX], web[PATH_MAX], uri[CA_NAME], cn[128], constraints[2 * NAMES_WEB];
	struct names names;
	int r = name_all(school, collector, hosts, n, &names, uri, constraints, why);

	if (r < 0)
		return r;
	if ((r = make_folders(state, signer, identity, web)) < 0)
		return ca_failed(why, r, state);
	snprintf(cn, sizeof(cn), "Beadle %s", school);
	if ((r = make_root(signer, "ca.key", "ca.pem", cn, NULL)) < 0)
		return ca_failed(why, r, "certificate authority");
	snprintf(cn, sizeof(cn), "Beadle dashboard %s", school);
	if ((r = make_root(signer, "web-root.key", "web-root.pem", cn, constraints)) < 0)
		return ca_failed(why, r, "dashboard's root");
	if ((r = make_server(signer, &(struct server){identity, "ca.key", "ca.pem", "ca.pem", collector, uri})) < 0)
		return ca_failed(why, r, "collector's certificate");
	if ((r = make_server(signer, &(struct server){web, "web-root.key", "web-root.pem", "root.pem", hosts[0], names.web})) < 0)
		return ca_failed(why, r, "dashboard's certificate");
	if ((r = names_write(signer, &names)) < 0)
		return ca_failed(why, r, "names");
	r = make_journal_key(signer, identity);
	return r < 0 ? ca_failed(why, r, "checkpoint key") : 0;
}

int founding_fingerprint(const char *state, char ret[FOUNDING_FINGERPRINT])
{
	CERT *root = pem_read_certificate(state, "web/root.pem");
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned n;
	size_t at = 7;

	if (!root || X509_digest(root, EVP_sha256(), hash, &n) != 1)
		return -EIO;
	strcpy(ret, "SHA256:");
	for (unsigned i = 0; i < n; i++)
		at += (size_t)snprintf(ret + at, FOUNDING_FINGERPRINT - at, "%s%02X", i ? ":" : "", hash[i]);
	return 0;
}
