#include "config.h"

#include "agent/core/renew.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/renewal.h"

#define AGAIN (6 * 3600 * NS_PER_S)	/* there are eleven months for it */

const char *renew_folder(struct renew *r, const char *identity, char buf[PATH_MAX])
{
	renewal_recover(identity);	/* what cannot be mended is told by who reads the folder */
	r->next = !r->present_first && renewal_complete(identity);
	snprintf(buf, PATH_MAX, r->next ? "%s/next" : "%s", identity);
	return buf;
}

void renew_welcomed(struct renew *r, const char *identity)
{
	int e;

	r->present_first = false;
	if (r->next) {
		e = renewal_settle(identity);
		if (e < 0)
			log_error("%s: the new certificate is in use, but cannot take the old one's place: %s", identity, strerror(-e));
		else
			log_notice("the certificate was renewed, with a new key");
		r->next = false;
	} else if (renewal_complete(identity)) {
		log_warning("the new certificate was of no use, the old one is: it is dropped, and asked for again later");
		renewal_drop(identity);
	}
}

void renew_failed(struct renew *r)
{
	r->present_first = r->next;
}

void renew_closed(struct renew *r)
{
	r->next = r->asked = false;
}

void renew_consider(struct renew *r, const char *identity, struct link *link, int64_t stated, int64_t now)
{
	Wire__Envelope e = WIRE__ENVELOPE__INIT;
	Wire__Renew renew = WIRE__RENEW__INIT;
	X509 *own = SSL_get_certificate(link_ssl(link));
	int error;

	if (r->asked || now < r->again || !own || !renewal_due(own, stated / NS_PER_S))
		return;
	r->again = now + AGAIN;
	error = renewal_request(identity, &renew.csr.data, &renew.csr.len);
	if (error == 0)
		error = renewal_prove(identity, renew.csr.data, renew.csr.len, &renew.proof.data, &renew.proof.len);
	e.message_case = WIRE__ENVELOPE__MESSAGE_RENEW;
	e.renew = &renew;
	if (error == 0)
		error = link_send(link, &e.base);
	if (error < 0)
		log_warning("the certificate should be renewed, but %s: %s", identity, strerror(-error));
	r->asked = error == 0;
	OPENSSL_free(renew.csr.data);
	OPENSSL_free(renew.proof.data);
}

bool renew_answered(struct renew *r, const char *identity, const Wire__Renewed *answer)
{
	int e;

	r->asked = false;
	if (*answer->error) {
		log_warning("the collector does not renew our certificate: %.200s", answer->error);
		return false;
	}
	e = renewal_take(identity, "ca.pem", answer->certificate.data, answer->certificate.len);
	if (e < 0)
		log_warning("the collector's new certificate for us is refused: %s", e == -EKEYREJECTED ?
			    "it is not of our key, name and authority" : strerror(-e));
	return e == 0;
}
