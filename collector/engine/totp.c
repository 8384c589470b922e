#include "totp.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define DIGITS 6
#define MODULUS 1000000

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";	/* RFC 4648, 6 */

int totp_new(uint8_t ret[TOTP_SECRET])
{
	return RAND_bytes(ret, TOTP_SECRET) == 1 ? 0 : -EIO;
}

/* Five bytes are eight letters. */
void totp_write(const uint8_t secret[TOTP_SECRET], char ret[TOTP_TEXT])
{
	for (size_t i = 0; i < TOTP_TEXT - 1; i++) {
		size_t bit = 5 * i, byte = bit / 8;
		unsigned two = (unsigned)secret[byte] << 8 | (byte + 1 < TOTP_SECRET ? secret[byte + 1] : 0);

		ret[i] = letters[two >> (11 - bit % 8) & 31];
	}
	ret[TOTP_TEXT - 1] = 0;
}

int totp_read(const char *text, uint8_t ret[TOTP_SECRET])
{
	if (strlen(text) != TOTP_TEXT - 1)
		return -EINVAL;
	memset(ret, 0, TOTP_SECRET);
	for (size_t i = 0; text[i]; i++) {
		const char *letter = strchr(letters, text[i]);
		size_t bit = 5 * i, byte = bit / 8;
		unsigned two;

		if (!letter)
			return -EINVAL;
		two = (unsigned)(letter - letters) << (11 - bit % 8);
		ret[byte] |= (uint8_t)(two >> 8);
		if (byte + 1 < TOTP_SECRET)
			ret[byte + 1] |= (uint8_t)two;
	}
	return 0;
}

/* RFC 4226, 5.3 */
static void code_of(const uint8_t secret[TOTP_SECRET], int64_t step, char ret[DIGITS + 1])
{
	uint8_t counter[8], mac[EVP_MAX_MD_SIZE] = {0};
	unsigned n = 0, at;
	uint32_t number;

	for (int i = 0; i < 8; i++)
		counter[i] = (uint8_t)((uint64_t)step >> (56 - 8 * i));
	HMAC(EVP_sha1(), secret, TOTP_SECRET, counter, sizeof(counter), mac, &n);
	at = mac[19] & 15;
	number = ((uint32_t)mac[at] & 127) << 24 | (uint32_t)mac[at + 1] << 16 | (uint32_t)mac[at + 2] << 8 | mac[at + 3];
	snprintf(ret, DIGITS + 1, "%06u", (unsigned)(number % MODULUS));
	explicit_bzero(mac, sizeof(mac));
}

int64_t totp_step_of(const uint8_t secret[TOTP_SECRET], const char *code, int64_t at_s, int around, int64_t after)
{
	const int64_t now = at_s / TOTP_STEP_S;
	int64_t found = -1;
	char good[DIGITS + 1];

	if (strlen(code) != DIGITS)
		return -1;
	for (int64_t i = 0; i <= 2 * (int64_t)around; i++) {
		int64_t step = now + (i % 2 ? (i + 1) / 2 : -(i / 2));	/* 0 1 -1 2 -2 */

		if (step <= after || step < 0)
			continue;
		code_of(secret, step, good);
		if (CRYPTO_memcmp(code, good, DIGITS) == 0 && found < 0)
			found = step;
	}
	explicit_bzero(good, sizeof(good));
	return found;
}
