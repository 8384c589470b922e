#include "collector/audit/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"

#define HEX (2 * ENTRY_HASH + 1)

/* ---- digits ---- */

void checkpoint_hex(const uint8_t *bytes, size_t n, char *ret)
{
	for (size_t i = 0; i < n; i++) {
		*ret++ = "0123456789abcdef"[bytes[i] >> 4];
		*ret++ = "0123456789abcdef"[bytes[i] & 15];
	}
	*ret = 0;
}

/* One more than each is worth; 0: it is none. A journal has many. */
static const uint8_t digits_of[256] = {['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6, ['6'] = 7, ['7'] = 8, ['8'] = 9, ['9'] = 10,
	['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16};

bool checkpoint_unhex(const char *digits, size_t n, uint8_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t high = digits_of[(uint8_t)digits[2 * i]], low = high ? digits_of[(uint8_t)digits[2 * i + 1]] : 0;

		if (!low)
			return false;
		ret[i] = (uint8_t)((high - 1) << 4 | (low - 1));
	}
	return true;
}

/* Below zero all the way: there is one number more. */
bool checkpoint_decimal(const char *digits, size_t n, int64_t *ret)
{
	const size_t sign = n > 0 && digits[0] == '-';
	int64_t v = 0;

	if (n == sign || (digits[sign] == '0' && n > 1))
		return false;
	for (size_t i = sign; i < n; i++)
		if (digits[i] < '0' || digits[i] > '9' || __builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, digits[i] - '0', &v))
			return false;
	if (!sign && v == INT64_MIN)
		return false;
	*ret = sign ? v : -v;
	return true;
}

/* ---- texts ---- */

size_t checkpoint_text(const struct checkpoint *c, char ret[CHECKPOINT_TEXT])
{
	char chain[HEX], hash[HEX];

	checkpoint_hex(c->chain, ENTRY_HASH, chain);
	checkpoint_hex(c->hash, ENTRY_HASH, hash);
	return (size_t)snprintf(ret, CHECKPOINT_TEXT, "beadle checkpoint 1\nchain %s\nnumber %" PRIu64 "\nhash %s\ntime %" PRId64 "\n", chain,
				c->number, hash, c->time);
}

size_t checkpoint_change_text(const uint8_t chain_id[ENTRY_HASH], uint64_t number, const uint8_t old_key[CHECKPOINT_KEY],
			      const uint8_t new_key[CHECKPOINT_KEY], char ret[CHECKPOINT_TEXT])
{
	char chain[HEX], from[HEX], to[HEX];

	checkpoint_hex(chain_id, ENTRY_HASH, chain);
	checkpoint_hex(old_key, CHECKPOINT_KEY, from);
	checkpoint_hex(new_key, CHECKPOINT_KEY, to);
	return (size_t)snprintf(ret, CHECKPOINT_TEXT, "beadle key 1\nchain %s\nnumber %" PRIu64 "\nold %s\nnew %s\n", chain, number, from, to);
}

void checkpoint_line(const struct checkpoint *c, char ret[CHECKPOINT_LINE])
{
	char chain[HEX], hash[HEX], signature[2 * CHECKPOINT_SIGNATURE + 1];

	checkpoint_hex(c->chain, ENTRY_HASH, chain);
	checkpoint_hex(c->hash, ENTRY_HASH, hash);
	checkpoint_hex(c->signature, CHECKPOINT_SIGNATURE, signature);
	snprintf(ret, CHECKPOINT_LINE, "checkpoint\t%s\t%" PRIu64 "\t%s\t%" PRId64 "\t%s", chain, c->number, hash, c->time, signature);
}

/* The next field of the line, up to a TAB or its end; NULL when there is no more. */
static const char *field(const char **at, const char *end, size_t *n)
{
	const char *begin = *at, *tab;

	if (!begin)
		return NULL;
	tab = memchr(begin, '\t', (size_t)(end - begin));
	*n = (size_t)((tab ? tab : end) - begin);
	*at = tab ? tab + 1 : NULL;
	return begin;
}

static bool hex_field(const char **at, const char *end, size_t bytes, uint8_t *ret)
{
	size_t n;
	const char *f = field(at, end, &n);

	return f && n == 2 * bytes && checkpoint_unhex(f, bytes, ret);
}

static bool decimal_field(const char **at, const char *end, int64_t *ret)
{
	size_t n;
	const char *f = field(at, end, &n);

	return f && checkpoint_decimal(f, n, ret);
}

int checkpoint_parse(const char *line, size_t n, struct checkpoint *ret)
{
	const char *at = line, *end, *word;
	struct checkpoint c;
	int64_t number;

	if (!n)
		return -EBADMSG;
	end = line + n;
	word = field(&at, end, &n);
	if (n != 10 || memcmp(word, "checkpoint", 10) || !hex_field(&at, end, ENTRY_HASH, c.chain) || !decimal_field(&at, end, &number) ||
	    number < 1 || !hex_field(&at, end, ENTRY_HASH, c.hash) || !decimal_field(&at, end, &c.time) ||
	    !hex_field(&at, end, CHECKPOINT_SIGNATURE, c.signature) || at)
		return -EBADMSG;
	c.number = (uint64_t)number;
	*ret = c;
	return 0;
}

/* ---- signatures ---- */

int checkpoint_chain(const uint8_t first[ENTRY_HASH], const uint8_t key[CHECKPOINT_KEY], uint8_t ret[ENTRY_HASH])
{
	return entry_sha256_of_two(first, ENTRY_HASH, key, CHECKPOINT_KEY, ret);
}

static bool is_signed(const char *text, size_t n, const uint8_t signature[CHECKPOINT_SIGNATURE], const uint8_t bytes[CHECKPOINT_KEY])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes, CHECKPOINT_KEY);
	EVP_MD_CTX *ctx = key ? EVP_MD_CTX_new() : NULL;
	bool good = ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
		EVP_DigestVerify(ctx, signature, CHECKPOINT_SIGNATURE, (const unsigned char *)text, n) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return good;
}

bool checkpoint_is_signed(const struct checkpoint *c, const uint8_t key[CHECKPOINT_KEY])
{
	char text[CHECKPOINT_TEXT];
	size_t n = checkpoint_text(c, text);

	return is_signed(text, n, c->signature, key);
}

static int sign(const char *text, size_t n, EVP_PKEY *key, uint8_t ret[CHECKPOINT_SIGNATURE])
{
	size_t size = CHECKPOINT_SIGNATURE;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
		EVP_DigestSign(ctx, ret, &size, (const unsigned char *)text, n) == 1;

	EVP_MD_CTX_free(ctx);
	return good ? 0 : -EIO;
}

int checkpoint_sign(struct checkpoint *c, EVP_PKEY *key)
{
	char text[CHECKPOINT_TEXT];

	return sign(text, checkpoint_text(c, text), key, c->signature);
}

#define OLD "{\"old\":\""
#define NEW "\",\"new\":\""

int checkpoint_change_sign(const uint8_t chain[ENTRY_HASH], uint64_t number, EVP_PKEY *old, EVP_PKEY *new_key,
			   uint8_t ret_old[CHECKPOINT_SIGNATURE], uint8_t ret_new[CHECKPOINT_SIGNATURE])
{
	uint8_t from[CHECKPOINT_KEY], to[CHECKPOINT_KEY];
	char text[CHECKPOINT_TEXT];
	size_t n;
	int r;

	if (checkpoint_key_of(old, from) < 0 || checkpoint_key_of(new_key, to) < 0)
		return -EIO;
	n = checkpoint_change_text(chain, number, from, to, text);
	r = sign(text, n, old, ret_old);
	return r < 0 ? r : sign(text, n, new_key, ret_new);
}

void checkpoint_change_payload(const uint8_t old[CHECKPOINT_SIGNATURE], const uint8_t new_key[CHECKPOINT_SIGNATURE], char ret[CHECKPOINT_TEXT])
{
	char digits[2][2 * CHECKPOINT_SIGNATURE + 1];

	checkpoint_hex(old, CHECKPOINT_SIGNATURE, digits[0]);
	checkpoint_hex(new_key, CHECKPOINT_SIGNATURE, digits[1]);
	snprintf(ret, CHECKPOINT_TEXT, OLD "%s" NEW "%s\"", digits[0], digits[1]);
}

bool checkpoint_change_is_signed(const uint8_t chain[ENTRY_HASH], uint64_t number, const uint8_t old_key[CHECKPOINT_KEY],
				 const uint8_t new_key[CHECKPOINT_KEY], const char *payload, size_t n)
{
	const size_t digits = 2 * CHECKPOINT_SIGNATURE, first = strlen(OLD), second = first + digits + strlen(NEW);
	uint8_t old_signature[CHECKPOINT_SIGNATURE], new_signature[CHECKPOINT_SIGNATURE];
	char text[CHECKPOINT_TEXT];
	size_t size = checkpoint_change_text(chain, number, old_key, new_key, text);

	return n > second + digits && !memcmp(payload, OLD, first) && checkpoint_unhex(payload + first, CHECKPOINT_SIGNATURE, old_signature) &&
	       !memcmp(payload + first + digits, NEW, strlen(NEW)) && checkpoint_unhex(payload + second, CHECKPOINT_SIGNATURE, new_signature) &&
	       payload[second + digits] == '"' && is_signed(text, size, old_signature, old_key) && is_signed(text, size, new_signature, new_key);
}

int checkpoint_key_of(const EVP_PKEY *key, uint8_t ret[CHECKPOINT_KEY])
{
	size_t n = CHECKPOINT_KEY;

	return key && EVP_PKEY_is_a(key, "ED25519") && EVP_PKEY_get_raw_public_key(key, ret, &n) == 1 && n == CHECKPOINT_KEY ? 0 : -EINVAL;
}

int checkpoint_key(const char *path, uint8_t ret[CHECKPOINT_KEY])
{
	FCLOSE FILE *f = fopen(path, "re");
	EVP_PKEY *key = f ? PEM_read_PUBKEY(f, NULL, NULL, NULL) : NULL;
	int r = f ? checkpoint_key_of(key, ret) : -errno;

	EVP_PKEY_free(key);
	return r;
}
