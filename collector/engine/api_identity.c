/* api_identity.c - identities of agents: given out, listed, revoked. The signer decides and signs; here a name is kept to one of them. */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "clock.h"
#include "io.h"
#include "log.h"

#define CA_FILE_MAX 65536

struct identity_asked { struct asked asked; struct identity_given given; };

/* ---- names ---- */

static bool make_uuid(char ret[64])
{
	unsigned char b[16];

	if (RAND_bytes(b, sizeof(b)) != 1)
		return false;
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);	/* RFC 4122, version 4 */
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(ret, 64, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5],
		 b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	return true;
}

bool api_choose(const struct asker *a, const char *host, bool replace, struct identity_given *ret)
{
	const struct identity_given *known = roster_find(a->engine->roster, host);
	bool taken = known && !known->revoked;

	if (api_hour_refused(a))
		return false;
	*ret = taken ? *known : (struct identity_given){0};
	if (taken && !replace)
		api_refuse(a, 409, "conflict", "%s has an identity already: if the server was installed anew, --replace gives it another certificate "
			   "and keeps its history; if the name shall go to another machine, beadle identity revoke %s comes first", host, host);
	else if (!taken && replace)
		api_refuse(a, 404, "not_found", known ? "the identity of %s was revoked, and stays so: leave --replace away for a new one" :
			   "%s has no identity that could be replaced: leave --replace away", host);
	else if (!taken && !make_uuid(ret->uuid))
		api_refuse(a, 503, "unavailable", "no random numbers");
	else {
		snprintf(ret->host, sizeof(ret->host), "%s", host);
		return true;
	}
	return false;
}

/* ---- new ---- */

static int request_to_der(const char *pem, unsigned char **ret)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509_REQ *request = bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;
	int n = request ? i2d_X509_REQ(request, ret) : -1;

	X509_REQ_free(request);
	BIO_free(bio);
	return n;
}

static char *to_pem(X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL, *data;

	if (bio && PEM_write_bio_X509(bio, cert) == 1) {
		long n = BIO_get_mem_data(bio, &data);

		text = strndup(data, (size_t)n);
	}
	BIO_free(bio);
	return text;
}

static void hand_out(struct identity_asked *asked, const ProtobufCBinaryData *certificate)
{
	struct engine *e = asked->asked.engine;
	X509 *cert = roster_certificate(certificate, &asked->given);
	char path[512], *pem = cert ? to_pem(cert) : NULL, *ca = NULL;
	struct store_change *change = engine_change(e);
	const struct deed deed = {asked->asked.by, asked->asked.from, roster_get(e->roster, asked->given.uuid) ? "identity.replaced" : "identity.issued"};

	snprintf(path, sizeof(path), "%s/ca.pem", e->its.identity_folder);
	if (pem && change && io_read_file(path, CA_FILE_MAX, &ca, NULL) == 0 && roster_set(e->roster, &asked->given, &deed, change) == 0) {
		expected_new(e, roster_get(e->roster, asked->given.uuid));
		log_notice("\"%s\" made an identity for \"%s\": %s, certificate %u", asked->asked.by, asked->given.host, asked->given.uuid,
			   asked->given.generation);
		api_answer_later(&asked->asked, 200, json_pack("{s:s, s:s, s:s, s:s}", "uuid", asked->given.uuid, "host", asked->given.host,
							       "certificate", pem, "ca", ca));
	} else
		api_refuse_later(&asked->asked, 503, "unavailable", "the certificate was made but cannot be handed out");
	free(pem);
	free(ca);
	X509_free(cert);
}

bool api_signer_refused(struct asked *asked, const Rooms__Signed *answer)
{
	if (answer && !*answer->error)
		return false;
	api_refuse_later(asked, answer ? 409 : 503, answer ? "conflict" : "unavailable",
			 answer ? answer->error : "the signer ended before it answered");
	return true;
}

static void issued(struct asked *asked, const Rooms__Signed *answer)
{
	if (!api_signer_refused(asked, answer))
		hand_out((struct identity_asked *)asked, &answer->certificate);
	free(asked);
}

static void ask(const struct asker *a, const struct identity_given *given, Rooms__Sign *sign,
		void (*signed_)(struct asked *, const Rooms__Signed *))
{
	struct identity_asked *asked = calloc(1, sizeof(*asked));

	if (asked)
		asked->given = *given;
	signing_ask_for(a, (struct asked *)asked, sign, signed_);
}

void api_identity_new(const struct asker *a, const json_t *arguments)
{
	Rooms__Sign sign = ROOMS__SIGN__INIT;
	Rooms__IssueAgent issue = ROOMS__ISSUE_AGENT__INIT;
	struct identity_given given;
	const char *host, *csr;
	unsigned char *der = NULL;
	int n;

	if (!api_text(a, arguments, "host", NULL, 253, &host) || !api_text(a, arguments, "csr", NULL, 16384, &csr))
		return;
	n = request_to_der(csr, &der);
	if (n <= 0 || !*host)
		api_refuse(a, 400, "bad_request", "expected a host name and a PKCS#10 request in PEM");
	else if (api_choose(a, host, json_is_true(json_object_get(arguments, "replace")), &given)) {
		issue.uuid = given.uuid;
		issue.host = given.host;
		issue.csr = (ProtobufCBinaryData){(size_t)n, der};
		sign.request_case = ROOMS__SIGN__REQUEST_ISSUE_AGENT;
		sign.issue_agent = &issue;
		ask(a, &given, &sign, issued);
	}
	OPENSSL_free(der);
}

/* ---- list ---- */

static json_t *document(struct engine *e, const struct identity_given *i)
{
	const struct host *h = registry_find_host(&e->registry, i->uuid);

	return json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:b, s:o}", "uuid", i->uuid, "host", document_bytes(i->host), "issued_at",
			 (json_int_t)i->issued, "not_after_at", (json_int_t)i->not_after, "generation", (json_int_t)i->generation,
			 "revoked_at", (json_int_t)i->revoked, "connected", h && h->connections, "address",
			 h && h->address ? json_string(h->address) : json_null());
}

void api_identity_list(const struct asker *a, const json_t *arguments)
{
	const struct identity_given *i = NULL;
	json_t *list = json_array();

	while ((i = roster_next(a->engine->roster, i)))
		json_array_append_new(list, document(a->engine, i));
	api_answer(a, 200, json_pack("{s:o}", "identities", list));
}

/* ---- revoke: for good; nothing takes it back ---- */

static void revoked(struct asked *asked, const Rooms__Signed *answer)
{
	struct identity_asked *i = (struct identity_asked *)asked;
	struct engine *e = asked->engine;

	if (!api_signer_refused(asked, answer)) {
		log_notice("\"%s\" revoked the identity of \"%s\": %s", asked->by, i->given.host, i->given.uuid);
		if (signing_revoked(e, i->given.uuid, &(struct deed){asked->by, asked->from, "identity.revoked"}) == 0 && revoked_add(e, i->given.uuid) == 0)
			api_answer_later(asked, 200, document(e, roster_get(e->roster, i->given.uuid)));
		else
			api_refuse_later(asked, 503, "unavailable", "it is revoked at the signer, but not kept here yet: restart the collector");
	}
	free(asked);
}

void api_identity_revoke(const struct asker *a, const json_t *arguments)
{
	Rooms__Sign sign = ROOMS__SIGN__INIT;
	Rooms__Revoke revoke = ROOMS__REVOKE__INIT;
	struct identity_given given = {0};
	const struct identity_given *known;
	const struct host *h;
	const char *host;

	if (!api_text(a, arguments, "host", NULL, 253, &host))
		return;
	known = roster_find(a->engine->roster, host);
	h = known ? NULL : registry_find_host(&a->engine->registry, host);
	if (known)
		given = *known;
	else if (h) {		/* it was given its certificate by another collector of this authority */
		snprintf(given.uuid, sizeof(given.uuid), "%s", h->uuid);
		snprintf(given.host, sizeof(given.host), "%s", h->name);
	} else {
		api_refuse(a, 404, "not_found", "no identity is called that: beadle identity list");
		return;
	}
	revoke.uuid = given.uuid;
	sign.request_case = ROOMS__SIGN__REQUEST_REVOKE;
	sign.revoke = &revoke;
	ask(a, &given, &sign, revoked);
}
