#include "collector/audit/entry.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#define VERSION 1
#define FIXED 117	/* all but the two texts */

static bool is_text(const char *s, size_t n, size_t max)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return false;
	return n > 0 && n <= max;
}

static uint8_t *put(uint8_t *p, uint64_t v, int bytes)
{
	for (int i = bytes; i-- > 0; v >>= 8)
		p[i] = (uint8_t)v;
	return p + bytes;
}

static uint8_t *copy(uint8_t *p, const void *data, size_t n)
{
	memcpy(p, data, n);
	return p + n;
}

size_t entry_bytes(const struct entry *e, uint8_t ret[ENTRY_BYTES_MAX])
{
	uint8_t *p = ret;

	if (!is_text(e->actor, e->actor_n, ENTRY_ACTOR_MAX) || !is_text(e->action, e->action_n, ENTRY_ACTION_MAX))
		return 0;
	*p++ = VERSION;
	p = copy(p, e->chain, ENTRY_HASH);
	p = put(p, e->number, 8);
	p = copy(p, e->previous, ENTRY_HASH);
	p = put(p, (uint64_t)e->time, 8);
	p = put(p, e->actor_n, 2);
	p = copy(p, e->actor, e->actor_n);
	p = put(p, e->action_n, 2);
	p = copy(p, e->action, e->action_n);
	return (size_t)(copy(p, e->digest, ENTRY_HASH) - ret);
}

static uint64_t get(const uint8_t *p, int bytes)
{
	uint64_t v = 0;

	for (int i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

int entry_parse(const uint8_t *p, size_t n, struct entry *ret)
{
	struct entry e;

	if (n < FIXED || n > ENTRY_BYTES_MAX || p[0] != VERSION)
		return -EBADMSG;
	memcpy(e.chain, p + 1, ENTRY_HASH);
	e.number = get(p + 33, 8);
	memcpy(e.previous, p + 41, ENTRY_HASH);
	e.time = (int64_t)get(p + 73, 8);
	e.actor_n = get(p + 81, 2);
	e.actor = (const char *)p + 83;
	if (e.actor_n > n - FIXED)
		return -EBADMSG;
	e.action_n = get(p + 83 + e.actor_n, 2);
	e.action = e.actor + e.actor_n + 2;
	if (FIXED + e.actor_n + e.action_n != n || !is_text(e.actor, e.actor_n, ENTRY_ACTOR_MAX) ||
	    !is_text(e.action, e.action_n, ENTRY_ACTION_MAX))
		return -EBADMSG;
	memcpy(e.digest, p + n - ENTRY_HASH, ENTRY_HASH);
	*ret = e;
	return 0;
}

/* Looked up once, and a context for each thread: both cost as much as a hash. */
static EVP_MD *sha256;
static pthread_key_t contexts;

static void free_context(void *ctx)
{
	EVP_MD_CTX_free(ctx);
}

static void look_up(void)
{
	if (pthread_key_create(&contexts, free_context) == 0)
		sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static EVP_MD_CTX *context(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	EVP_MD_CTX *ctx;

	pthread_once(&once, look_up);
	ctx = sha256 ? pthread_getspecific(contexts) : NULL;
	if (ctx || !sha256)
		return ctx;
	ctx = EVP_MD_CTX_new();
	if (ctx && pthread_setspecific(contexts, ctx) != 0) {
		EVP_MD_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

int entry_sha256_of_two(const void *a, size_t n, const void *b, size_t m, uint8_t ret[ENTRY_HASH])
{
	EVP_MD_CTX *ctx = context();

	return ctx && EVP_DigestInit_ex2(ctx, sha256, NULL) == 1 && EVP_DigestUpdate(ctx, a, n) == 1 && EVP_DigestUpdate(ctx, b, m) == 1 &&
	       EVP_DigestFinal_ex(ctx, ret, NULL) == 1 ? 0 : -EIO;
}

int entry_sha256(const void *data, size_t n, uint8_t ret[ENTRY_HASH])
{
	return entry_sha256_of_two(data, n, "", 0, ret);
}

bool entry_is(const char *action, size_t n, const char *word)
{
	size_t k = strlen(word);

	return n >= k && !memcmp(action, word, k) && (n == k || action[k] == ' ' || word[k - 1] == '.');
}

const char *entry_object(const char *action, size_t *n)
{
	const char *space = memchr(action, ' ', *n);

	if (!space) {
		*n = 0;
		return "";
	}
	*n -= (size_t)(space + 1 - action);
	return space + 1;
}
