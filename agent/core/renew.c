#include "config.h"

#include "agent/core/renew.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "lib/authority.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/renewal.h"

#define AGAIN (6 * 3600 * NS_PER_S)	/* there are eleven months for it */
#define SPREAD_MOST (3600 * NS_PER_S)

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

/* Not all agents of a school at one moment. */
static int64_t moment_within(uint64_t spread)
{
	uint32_t r = 0;

	if (spread > (uint64_t)SPREAD_MOST)
		spread = (uint64_t)SPREAD_MOST;
	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		r = 0;
	return (int64_t)((double)spread * r / UINT32_MAX);
}

void renew_authority(struct renew *r, const char *identity, struct link *link, const Wire__Authority *a, int64_t now)
{
	X509 *own = SSL_get_certificate(link_ssl(link));
	struct authority_said said;
	int e;

	if (!a || !own)
		return;
	said = (struct authority_said){a->root.data, a->vouched.data, a->root.len, a->vouched.len, a->alone};
	e = authority_take(identity, &said, own);
	if (e == -EKEYREJECTED)
		log_warning("the collector names another authority, for which the one that is trusted here does not vouch: it is not taken");
	else if (e < 0)
		log_error("%s: the authority that the collector names cannot be kept: %s", identity, strerror(-e));
	else if (e > 0)
		log_notice(a->alone ? "the school's former authority is trusted no more" : "the school has another authority, for which the former one vouches");
	if (e < 0)
		return;
	if (authority_made(a->root.data, a->root.len, own))
		r->early = false;
	else if (!r->early) {
		r->early = true;
		r->again = now + moment_within(a->spread_ns);
	}
}

void renew_consider(struct renew *r, const char *identity, struct link *link, int64_t stated, int64_t now)
{
	Wire__Envelope e = WIRE__ENVELOPE__INIT;
	Wire__Renew renew = WIRE__RENEW__INIT;
	X509 *own = SSL_get_certificate(link_ssl(link));
	int error;

	if (r->asked || now < r->again || !own || (!r->early && !renewal_due(own, stated / NS_PER_S)))
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
