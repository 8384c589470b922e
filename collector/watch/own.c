#include "own.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "authority.h"
#include "clock.h"
#include "log.h"
#include "renewal.h"

#define AGAIN (6 * 3600 * NS_PER_S)	/* there are eleven months for it; a collector takes ten requests a day */

const char *own_shown(struct own *o, char buf[PATH_MAX])
{
	if (!o->keeps)
		return o->folder;
	renewal_recover(o->folder);	/* what cannot be mended is told by who reads the folder */
	o->next = !o->present_first && renewal_complete(o->folder);
	snprintf(buf, PATH_MAX, o->next ? "%s/next" : "%s", o->folder);
	return buf;
}

/* It was shown, and is good. */
static void settle(struct own *o)
{
	int r = o->next ? renewal_settle(o->folder) : 0;

	if (r < 0)
		log_error("%s: the new certificate is in use, but cannot take the old one's place: %s", o->folder, strerror(-r));
	else if (o->next)
		log_notice("the certificate was renewed, with a new key");
	else if (renewal_complete(o->folder)) {
		log_warning("the new certificate was of no use, the old one is: it is dropped, and asked for again later");
		renewal_drop(o->folder);
	}
	o->next = o->present_first = false;
}

/* False: our certificate is by another authority than the one that counts from now on. */
static bool follow(struct own *o, X509 *cert, const Wire__Authority *a)
{
	struct authority_said said = {a->root.data, a->vouched.data, a->root.len, a->vouched.len, a->alone};
	int r = authority_take(o->folder, &said, cert);

	if (r == -EKEYREJECTED)
		log_warning("the collector names another authority, for which the one that is trusted here does not vouch: it is not taken");
	else if (r < 0)
		log_error("%s: the authority that the collector names cannot be kept: %s", o->folder, strerror(-r));
	else if (r > 0)
		log_notice(a->alone ? "the school's former authority is trusted no more"
				    : "the school has another authority, for which the former one vouches");
	return r < 0 || authority_made(a->root.data, a->root.len, cert);
}

void own_worked(struct own *o, X509 *cert, const Wire__Working *w)
{
	bool early;

	if (!o->keeps)
		return;
	settle(o);
	early = w->authority && !follow(o, cert, w->authority);
	o->due = early || (w->wall && renewal_due(cert, (int64_t)w->wall / NS_PER_S));
}

void own_failed(struct own *o)
{
	o->present_first = o->next;
	o->next = o->due = false;
}

bool own_due(const struct own *o)
{
	return o->keeps && o->due && clock_boot() >= o->again;
}

bool own_request(struct own *o, Wire__Renew *renew)
{
	int r = renewal_request(o->folder, &renew->csr.data, &renew->csr.len);

	o->again = clock_boot() + AGAIN;
	if (r == 0)
		r = renewal_prove(o->folder, renew->csr.data, renew->csr.len, &renew->proof.data, &renew->proof.len);
	if (r < 0)
		log_warning("the certificate should be renewed, but %s: %s", o->folder, strerror(-r));
	return r == 0;
}

void own_renewed(struct own *o, const Wire__Renewed *answer)
{
	int r;

	if (*answer->error) {
		log_warning("the collector does not renew our certificate: %.200s", answer->error);
		return;
	}
	r = renewal_take(o->folder, "ca.pem", answer->certificate.data, answer->certificate.len);
	if (r < 0)
		log_warning("the collector's new certificate for us is refused: %s", r == -EKEYREJECTED ?
			    "it is not of our key, name and authority" : strerror(-r));
}
