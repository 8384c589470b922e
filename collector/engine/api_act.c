/* api_act.c - what a person does to an incident, and new identities. */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "api.h"
#include "clock.h"
#include "io.h"

#define NOTE_MAX 4000
#define CA_FILE_MAX 65536

static void answer_incident(const struct asker *a, uint64_t id, int error)
{
	const struct incident *i = incident_get(a->engine->incidents, id);

	if (error == -ENOENT)
		api_refuse(a, 404, "not_found", "no open incident %llu", (unsigned long long)id);
	else if (error == -EBUSY)
		api_refuse(a, 409, "conflict", "a finding of incident %llu is still bad: it can be closed once all have recovered",
			   (unsigned long long)id);
	else if (error == -EINVAL)
		api_refuse(a, 400, "bad_request", "note is missing: it goes into the record");
	else if (error < 0)
		api_refuse(a, 503, "unavailable", "%s", strerror(-error));
	else
		api_answer(a, 200, i ? document_incident(a->engine, i, false)
				     : json_pack("{s:I, s:s}", "id", (json_int_t)id, "state", "closed"));
}

static bool id_and_note(const struct asker *a, const json_t *arguments, const char *dflt, int64_t *ret_id, const char **ret_note)
{
	return api_number(a, arguments, "id", 0, 1, INT64_MAX, ret_id) && api_text(a, arguments, "note", dflt, NOTE_MAX, ret_note);
}

void api_ack(const struct asker *a, const json_t *arguments)
{
	int64_t id, duration;
	const char *note;

	if (!id_and_note(a, arguments, "", &id, &note) ||
	    !api_number(a, arguments, "for_ns", 4 * 3600 * NS_PER_S, 60 * NS_PER_S, 7 * 86400 * NS_PER_S, &duration))
		return;
	answer_incident(a, (uint64_t)id, incident_ack(a->engine->incidents, (uint64_t)id, a->name, note, duration, clock_wall(),
						      clock_boot()));
}

void api_handle(const struct asker *a, const json_t *arguments)
{
	const char *note;
	int64_t id;

	if (id_and_note(a, arguments, NULL, &id, &note))
		answer_incident(a, (uint64_t)id, incident_handle(a->engine->incidents, (uint64_t)id, a->name, note, clock_wall()));
}

void api_close(const struct asker *a, const json_t *arguments)
{
	const char *note;
	int64_t id;

	if (id_and_note(a, arguments, NULL, &id, &note))
		answer_incident(a, (uint64_t)id, incident_close(a->engine->incidents, (uint64_t)id, a->name, note, clock_wall()));
}

/* ---- identities: the signer decides and signs; here is only passed on ---- */

struct identity_asked { struct asked asked; char uuid[37], host[254]; };

static bool make_uuid(char ret[37])
{
	unsigned char b[16];

	if (RAND_bytes(b, sizeof(b)) != 1)
		return false;
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);	/* RFC 4122, version 4 */
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(ret, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5],
		 b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	return true;
}

static int request_to_der(const char *pem, unsigned char **ret)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509_REQ *request = bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;
	int n = request ? i2d_X509_REQ(request, ret) : -1;

	X509_REQ_free(request);
	BIO_free(bio);
	return n;
}

void api_identity_new(const struct asker *a, const json_t *arguments)
{
	Rooms__Message m = ROOMS__MESSAGE__INIT;
	Rooms__Sign sign = ROOMS__SIGN__INIT;
	Rooms__IssueAgent issue = ROOMS__ISSUE_AGENT__INIT;
	struct identity_asked *asked;
	const char *host, *csr;
	unsigned char *der = NULL;
	int n;

	if (!api_text(a, arguments, "host", NULL, 253, &host) || !api_text(a, arguments, "csr", NULL, 16384, &csr))
		return;
	n = request_to_der(csr, &der);
	asked = calloc(1, sizeof(*asked));
	if (n <= 0 || !*host || !asked || !make_uuid(asked->uuid) || !a->engine->signer) {
		if (!a->engine->signer)
			api_refuse(a, 503, "unavailable", "the signer does not run");
		else
			api_refuse(a, 400, "bad_request", "expected a host name and a PKCS#10 request in PEM");
		OPENSSL_free(der);
		free(asked);
		return;
	}
	strcpy(asked->host, host);
	asked->asked.number = sign.id = ++a->engine->signs;
	api_later(&asked->asked, a);
	issue.uuid = asked->uuid;
	issue.host = asked->host;
	issue.csr = (ProtobufCBinaryData){(size_t)n, der};
	sign.request_case = ROOMS__SIGN__REQUEST_ISSUE_AGENT;
	sign.issue_agent = &issue;
	m.message_case = ROOMS__MESSAGE__MESSAGE_SIGN;
	m.sign = &sign;
	pipe_send(a->engine->signer, &m);
	OPENSSL_free(der);
}

static char *to_pem(const ProtobufCBinaryData *der)
{
	const unsigned char *p = der->data;
	X509 *cert = d2i_X509(NULL, &p, (long)der->len);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL, *data;

	if (cert && bio && PEM_write_bio_X509(bio, cert) == 1) {
		long n = BIO_get_mem_data(bio, &data);

		text = strndup(data, (size_t)n);
	}
	X509_free(cert);
	BIO_free(bio);
	return text;
}

static void hand_out(struct engine *e, struct identity_asked *asked, const ProtobufCBinaryData *certificate)
{
	char path[512], *pem = to_pem(certificate), *ca = NULL;
	struct store_change *change = engine_change(e);

	snprintf(path, sizeof(path), "%s/ca.pem", e->its.identity_folder);
	if (pem && change && io_read_file(path, CA_FILE_MAX, &ca, NULL) == 0) {
		change_given_name(change, asked->uuid, asked->host);
		api_answer_later(&asked->asked, 200, json_pack("{s:s, s:s, s:s, s:s}", "uuid", asked->uuid, "host", asked->host,
							       "certificate", pem, "ca", ca));
	} else
		api_refuse_later(&asked->asked, 503, "unavailable", "the certificate was made but cannot be handed out");
	engine_flush(e);
	free(pem);
	free(ca);
}

void api_signed(struct engine *e, const Rooms__Signed *answer)
{
	struct asked *asked;

	DL_FOREACH(e->asked, asked)
		if (asked->number && asked->number == answer->id)
			break;
	if (!asked)
		return;
	if (*answer->error)
		api_refuse_later(asked, 409, "conflict", answer->error);
	else
		hand_out(e, (struct identity_asked *)asked, &answer->certificate);
	free(asked);
}

void api_signer_gone(struct engine *e)
{
	struct asked *asked, *safe;

	DL_FOREACH_SAFE(e->asked, asked, safe)
		if (asked->number) {
			api_refuse_later(asked, 503, "unavailable", "the signer ended before it answered");
			free(asked);
		}
}
