#include "token.h"

#include <errno.h>
#include <openssl/hmac.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base64.h"
#include "cleanup.h"
#include "crc32c.h"
#include "text.h"

#define PREFIX "beadle1_"		/* whoever searches for secrets that leaked finds it */
#define VERSION 1
#define HEAD (1 + 4 + 1 + TOKEN_ID + TOKEN_SECRET + TOKEN_HASH)
#define TAIL 4				/* check digits */

static void put32(uint8_t *to, uint32_t n)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(n >> (24 - 8 * i));
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* ---- the text ---- */

/* Version, made, hours, id, secret, pin, addresses, check digits. */
char *token_write(const struct token *t)
{
	uint8_t bytes[HEAD + TOKEN_ADDRESSES + TAIL], *to = bytes + 6;
	size_t n = strlen(t->addresses);
	FREE char *body = NULL;
	char *text = NULL;

	if (t->made < 0 || t->made > UINT32_MAX || t->hours < 1 || t->hours > TOKEN_HOURS_MAX || !n)
		return NULL;
	bytes[0] = VERSION;
	put32(bytes + 1, (uint32_t)t->made);
	bytes[5] = (uint8_t)t->hours;
	memcpy(to, t->id, TOKEN_ID);
	memcpy(to + TOKEN_ID, t->secret, TOKEN_SECRET);
	memcpy(to + TOKEN_ID + TOKEN_SECRET, t->pin, TOKEN_HASH);
	memcpy(bytes + HEAD, t->addresses, n);
	put32(bytes + HEAD + n, crc32c(0, bytes, HEAD + n));
	body = base64_write(bytes, HEAD + n + TAIL);
	if (body && asprintf(&text, PREFIX "%s", body) < 0)
		text = NULL;
	if (body)
		OPENSSL_cleanse(body, strlen(body));
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return text;
}

static bool is_address(uint8_t c)
{
	return c > ' ' && c < 0x7f;
}

static int parse(const uint8_t *bytes, size_t n, struct token *t)
{
	size_t left = n - HEAD - TAIL;
	const uint8_t *from = bytes + 6;

	if (left < 1 || left >= TOKEN_ADDRESSES || bytes[5] < 1 || bytes[5] > TOKEN_HOURS_MAX)
		return -EBADMSG;
	t->made = get32(bytes + 1);
	t->hours = bytes[5];
	memcpy(t->id, from, TOKEN_ID);
	memcpy(t->secret, from + TOKEN_ID, TOKEN_SECRET);
	memcpy(t->pin, from + TOKEN_ID + TOKEN_SECRET, TOKEN_HASH);
	for (size_t i = 0; i < left; i++)
		if (!is_address(bytes[HEAD + i]) && (bytes[HEAD + i] != ' ' || i == 0 || i + 1 == left || bytes[HEAD + i - 1] == ' '))
			return -EBADMSG;
	memcpy(t->addresses, bytes + HEAD, left);
	t->addresses[left] = 0;
	return 0;
}

int token_read(const char *text, struct token *ret)
{
	FREE uint8_t *bytes = NULL;
	struct token t = {0};
	size_t n = 0;
	int r;

	if (strncmp(text, PREFIX, sizeof(PREFIX) - 1))
		return strncmp(text, "beadle", 6) ? -EINVAL : -EBADMSG;
	if (strlen(text) > 2 * (HEAD + TOKEN_ADDRESSES + TAIL))
		return -EBADMSG;
	r = base64_read(text + sizeof(PREFIX) - 1, &bytes, &n);
	if (r < 0)
		return r == -ENOMEM ? r : -EBADMSG;
	if (n < HEAD + TAIL + 1 || get32(bytes + n - TAIL) != crc32c(0, bytes, n - TAIL))
		r = -EBADMSG;
	else
		r = bytes[0] != VERSION ? -EPROTONOSUPPORT : parse(bytes, n, &t);
	OPENSSL_cleanse(bytes, n);
	if (r == 0)
		*ret = t;
	OPENSSL_cleanse(&t, sizeof(t));
	return r;
}

void token_spell_id(const uint8_t id[TOKEN_ID], char ret[2 * TOKEN_ID + 1])
{
	text_hex(id, TOKEN_ID, ret);
}

int token_parse_id(const char *text, uint8_t ret[TOKEN_ID])
{
	return text_unhex(text, TOKEN_ID, ret) ? 0 : -EINVAL;
}

/* ---- the proof ---- */

static int hmac(const uint8_t *key, size_t key_n, const uint8_t *data, size_t n, uint8_t ret[TOKEN_HASH])
{
	unsigned k = 0;

	return HMAC(EVP_sha256(), key, (int)key_n, data, n, ret, &k) && k == TOKEN_HASH ? 0 : -EIO;
}

int token_key(const uint8_t secret[TOKEN_SECRET], uint8_t ret[TOKEN_HASH])
{
	static const uint8_t purpose[] = "beadle enrolment 1";

	return hmac(secret, TOKEN_SECRET, purpose, sizeof(purpose), ret);
}

int token_export(SSL *ssl, uint8_t ret[TOKEN_HASH])
{
	static const char label[] = "EXPORTER-beadle-enrol";

	return SSL_export_keying_material(ssl, ret, TOKEN_HASH, label, sizeof(label) - 1, NULL, 0, 0) == 1 ? 0 : -EIO;
}

/* The host with its NUL: what stands behind it cannot be read as part of it. */
int token_prove(const uint8_t key[TOKEN_HASH], const uint8_t exporter[TOKEN_HASH], const char *host, const uint8_t *csr, size_t n,
		uint8_t ret[TOKEN_HASH])
{
	uint8_t data[TOKEN_HASH + TOKEN_HOST_MAX + 1 + TOKEN_CSR_MAX];
	size_t host_n = strlen(host) + 1;

	if (host_n > TOKEN_HOST_MAX + 1 || n > TOKEN_CSR_MAX)
		return -EMSGSIZE;
	memcpy(data, exporter, TOKEN_HASH);
	memcpy(data + TOKEN_HASH, host, host_n);
	if (n)
		memcpy(data + TOKEN_HASH + host_n, csr, n);
	return hmac(key, TOKEN_HASH, data, TOKEN_HASH + host_n + n, ret);
}

/* ---- keys and names ---- */

static int hash_of(X509_PUBKEY *key, uint8_t ret[TOKEN_HASH])
{
	uint8_t *der = NULL;
	int n = key ? i2d_X509_PUBKEY(key, &der) : -1, r = -EIO;

	if (n > 0 && EVP_Digest(der, (size_t)n, ret, NULL, EVP_sha256(), NULL) == 1)
		r = 0;
	OPENSSL_free(der);
	return r;
}

int token_pin(X509 *cert, uint8_t ret[TOKEN_HASH])
{
	return hash_of(X509_get_X509_PUBKEY(cert), ret);
}

int token_hash_key(EVP_PKEY *key, uint8_t ret[TOKEN_HASH])
{
	X509_PUBKEY *spki = NULL;
	int r = X509_PUBKEY_set(&spki, key) == 1 ? hash_of(spki, ret) : -EIO;

	X509_PUBKEY_free(spki);
	return r;
}

void token_fingerprint(const uint8_t h[TOKEN_HASH], char ret[TOKEN_FINGERPRINT])
{
	snprintf(ret, TOKEN_FINGERPRINT, "%02x%02x-%02x%02x-%02x%02x-%02x%02x", h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]);
}

bool token_same_host(const char *a, const char *b)
{
	size_t n = strcspn(a, "."), m = strcspn(b, ".");

	if (!strcasecmp(a, b))
		return true;
	return n && n == m && !strncasecmp(a, b, n) && (!a[n] || !b[m]);
}
