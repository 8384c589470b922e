/* What a peer shows of itself: a name, a certificate's names, a request for a certificate. */
#include <stdlib.h>
#include <string.h>

#include "lib/identity.h"
#include "lib/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Whoever gets through has a name that may stand in a path, a log line and a query. */
static void look(const struct identity *id)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";

	if (!*id->school || id->school[strspn(id->school, letters)] || !*id->name || id->name[strspn(id->name, letters)] ||
	    (id->kind == IDENTITY_AGENT && strlen(id->name) != 36))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const unsigned char *p = data;
	struct identity id;
	X509 *cert;

	if (n > 16384)
		return 0;
	if (identity_parse((const char *)data, n, &id) == 0)
		look(&id);
	cert = d2i_X509(NULL, &p, (long)n);
	if (cert && identity_of(cert, &id) == 0)
		look(&id);
	X509_free(cert);
	EVP_PKEY_free(request_key(data, n));
	return 0;
}
