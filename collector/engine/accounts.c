#include "accounts.h"

#include <crypt.h>
#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "authorise.h"
#include "clock.h"
#include "text.h"

#define IDLE (30 * 60 * NS_PER_S)
#define WHOLE (12 * 3600 * NS_PER_S)
#define TRIES 5			/* of one name from one address, in a window */
#define TRIES_OF_ONE 30		/* of one address that did not succeed */
#define WINDOW (60 * NS_PER_S)
#define GUESSERS 1024
#define SESSIONS 1024

struct session { char hash[65]; char account[64]; int64_t born, used; UT_hash_handle hh; };
struct guesser { char key[128]; unsigned tries; bool told; int64_t since; UT_hash_handle hh; };
struct known { struct account account; UT_hash_handle hh; };

struct accounts { struct known *accounts; struct session *sessions; struct guesser *guessers; };

struct accounts *accounts_new(void)
{
	return calloc(1, sizeof(struct accounts));
}

void accounts_free(struct accounts *a)
{
	struct known *k, *k2;
	struct session *s, *s2;
	struct guesser *g, *g2;

	if (!a)
		return;
	HASH_ITER(hh, a->accounts, k, k2) {
		HASH_DEL(a->accounts, k);
		explicit_bzero(k, sizeof(*k));
		free(k);
	}
	HASH_ITER(hh, a->sessions, s, s2) {
		HASH_DEL(a->sessions, s);
		free(s);
	}
	HASH_ITER(hh, a->guessers, g, g2) {
		HASH_DEL(a->guessers, g);
		free(g);
	}
	free(a);
}

/* ---- accounts ---- */

const struct account *accounts_get(const struct accounts *a, const char *name)
{
	struct known *k;

	HASH_FIND_STR(a->accounts, name, k);
	return k ? &k->account : NULL;
}

const struct account *accounts_may_log_in(const struct accounts *a, const char *name)
{
	const struct account *account = accounts_get(a, name);

	return account && !account->disabled ? account : NULL;
}

const struct account *accounts_next(const struct accounts *a, const struct account *before)
{
	const struct known *k = before ? ((const struct known *)before)->hh.next : a->accounts;	/* its first member */

	return k ? &k->account : NULL;
}

static int put(struct accounts *a, const struct account *account)
{
	struct known *k;

	HASH_FIND(hh, a->accounts, account->name, strlen(account->name), k);
	if (!k) {
		k = calloc(1, sizeof(*k));
		if (!k)
			return -ENOMEM;
		k->account = *account;
		HASH_ADD(hh, a->accounts, account.name, strlen(k->account.name), k);
	} else
		k->account = *account;
	return 0;
}

int accounts_load(struct accounts *a, const char *name, const char *json)
{
	json_t *o = json_loads(json, 0, NULL);
	const char *hash = json_string_value(json_object_get(o, "hash"));
	struct account account = {.roles = authorise_roles_parse(json_object_get(o, "roles")),
				  .must_change = json_is_true(json_object_get(o, "must_change")),
				  .disabled = json_is_true(json_object_get(o, "disabled"))};
	const char *factor = json_string_value(json_object_get(o, "factor"));
	int r = -EINVAL;

	account.has_factor = factor && totp_read(factor, account.factor) == 0;
	if (!json_object_get(o, "roles"))	/* kept before there were roles */
		account.roles = json_is_true(json_object_get(o, "administrator")) ? ROLE_ADMINISTRATOR : ROLE_VIEWER;
	if ((account.has_factor || !factor) && hash && strlen(hash) < sizeof(account.hash) && *name && strlen(name) < sizeof(account.name)) {
		strcpy(account.hash, hash);
		strcpy(account.name, name);
		r = put(a, &account);
	}
	json_decref(o);
	return r;
}

static void hash_token(const char *token, char ret[65])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	EVP_Digest(token, strlen(token), digest, &n, EVP_sha256(), NULL);
	text_hex(digest, n < 32 ? n : 32, ret);
}

static struct session *find(struct accounts *a, const char *token)
{
	struct session *s = NULL;
	char hash[65] = "";

	if (strlen(token) == ACCOUNTS_TOKEN - 1) {
		hash_token(token, hash);
		HASH_FIND_STR(a->sessions, hash, s);
	}
	return s;
}

static void end_sessions(struct accounts *a, const char *name, const struct session *but, struct store_change *change)
{
	struct session *s, *safe;

	HASH_ITER(hh, a->sessions, s, safe)
		if (s != but && !strcmp(s->account, name)) {
			change_session(change, s->hash, name, 0, NULL);
			HASH_DEL(a->sessions, s);
			free(s);
		}
}

/* For the journal: neither the password's hash nor the factor's secret. */
static json_t *told(const struct account *account)
{
	return account ? json_pack("{s:o, s:b, s:b, s:b}", "roles", authorise_roles(account->roles), "must_change", account->must_change,
				   "disabled", account->disabled, "factor", account->has_factor) : NULL;
}

static char *write_account(const struct account *account)
{
	char factor[TOTP_TEXT], *text;
	json_t *o = json_pack("{s:s, s:o, s:b, s:b}", "hash", account->hash, "roles", authorise_roles(account->roles), "must_change",
			      account->must_change, "disabled", account->disabled);

	if (account->has_factor) {
		totp_write(account->factor, factor);
		json_object_set_new(o, "factor", json_string(factor));
		explicit_bzero(factor, sizeof(factor));
	}
	text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	return text;
}

int accounts_set(struct accounts *a, const struct account *account, const char *token, const struct deed *deed, struct store_change *change)
{
	json_t *before = told(accounts_get(a, account->name));
	char *text = write_account(account);
	int r = text ? put(a, account) : -ENOMEM;

	if (r == 0) {
		const struct change_row row = change_account(change, account->name, text);

		end_sessions(a, account->name, token ? find(a, token) : NULL, change);
		record(change, deed, account->name, &row, before, told(account));
	} else
		json_decref(before);
	free(text);
	return r;
}

/* ---- passwords: crypt(3), yescrypt with the library's own cost ---- */

int accounts_hash(const char *password, char ret[ACCOUNTS_HASH])
{
	char salt[CRYPT_GENSALT_OUTPUT_SIZE];
	struct crypt_data *data;
	const char *hash;
	int r = -EIO;

	if (strlen(password) > CRYPT_MAX_PASSPHRASE_SIZE || !crypt_gensalt_rn("$y$", 0, NULL, 0, salt, sizeof(salt)))
		return -EINVAL;
	data = calloc(1, sizeof(*data));
	if (!data)
		return -ENOMEM;
	hash = crypt_rn(password, salt, data, sizeof(*data));
	if (hash && hash[0] == '$' && strlen(hash) < ACCOUNTS_HASH) {
		strcpy(ret, hash);
		r = 0;
	}
	explicit_bzero(data, sizeof(*data));
	free(data);
	return r;
}

static bool same(const char *a, const char *b)
{
	size_t n = strlen(a);

	return n == strlen(b) && CRYPTO_memcmp(a, b, n) == 0;
}

bool accounts_match(const char *password, const char *hash)
{
	struct crypt_data *data = calloc(1, sizeof(*data));
	const char *got = data && strlen(password) <= CRYPT_MAX_PASSPHRASE_SIZE ? crypt_rn(password, hash, data, sizeof(*data)) : NULL;
	bool ok = got && got[0] == '$' && same(got, hash);

	if (data)
		explicit_bzero(data, sizeof(*data));
	free(data);
	return ok;
}

const char *accounts_nobody(void)
{
	return "$y$j9T$0000000000000000000000$0000000000000000000000000000000000000000000";
}

/* Four groups of five without what looks alike: 98 bits. */
int accounts_one_time(char ret[32])
{
	static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789";	/* 31 */
	size_t at = 0, n = 0;

	while (n < 20) {
		unsigned char byte;

		if (RAND_bytes(&byte, 1) != 1)
			return -EIO;
		if (byte >= 31 * 8)	/* so that each letter is as likely as the next */
			continue;
		if (n && n % 5 == 0)
			ret[at++] = '-';
		ret[at++] = letters[byte % 31];
		n++;
	}
	ret[at] = 0;
	return 0;
}

/* ---- guessing ---- */

/* Those of one name from one address; name NULL: of the address. The one that was not asked for longest makes room for a new one. */
static struct guesser *guesser(struct accounts *a, const char *name, const char *address)
{
	struct guesser *g;
	char key[128];

	snprintf(key, sizeof(key), "%.60s%s%.60s", address, name ? "|" : "", name ? name : "");
	HASH_FIND_STR(a->guessers, key, g);
	if (!g && HASH_COUNT(a->guessers) < GUESSERS)
		g = calloc(1, sizeof(*g));
	else {
		g = g ? g : a->guessers;
		HASH_DEL(a->guessers, g);
	}
	if (!g)
		return NULL;
	if (strcmp(g->key, key))
		*g = (struct guesser){0};
	strcpy(g->key, key);
	HASH_ADD_STR(a->guessers, key, g);
	return g;
}

static bool may_try(struct guesser *g, unsigned most, int64_t now, int *ret_wait_s, bool *ret_told)
{
	*ret_wait_s = 60;
	*ret_told = true;
	if (!g)
		return false;
	if (!g->since || now - g->since > WINDOW) {
		g->since = now;
		g->tries = 0;
		g->told = false;
	}
	*ret_wait_s = (int)((g->since + WINDOW - now) / NS_PER_S) + 1;
	*ret_told = g->told;
	g->told = g->tries >= most;
	return g->tries < most;
}

bool accounts_may_try(struct accounts *a, const char *name, const char *address, int64_t now, int *ret_wait_s, bool *ret_told)
{
	struct guesser *all = guesser(a, NULL, address), *g;

	if (!may_try(all, TRIES_OF_ONE, now, ret_wait_s, ret_told))
		return false;
	g = guesser(a, name, address);		/* not before: other names shall not push this one out */
	if (!may_try(g, TRIES, now, ret_wait_s, ret_told))
		return false;
	all->tries++;
	g->tries++;
	return true;
}

void accounts_succeeded(struct accounts *a, const char *name, const char *address)
{
	struct guesser *all = guesser(a, NULL, address), *g = guesser(a, name, address);

	if (g)
		g->tries = 0;
	if (all && all->tries)
		all->tries--;
}

/* ---- sessions ---- */

static int make_token(char ret[ACCOUNTS_TOKEN])
{
	unsigned char bytes[33] = {0};	/* a multiple of three: no padding; the last byte stays 0 */
	unsigned char text[45];

	if (RAND_bytes(bytes, 32) != 1)
		return -EIO;
	EVP_EncodeBlock(text, bytes, 33);
	for (int i = 0; i < 43; i++)
		ret[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : (char)text[i];
	ret[43] = 0;
	return 0;
}

static bool over(const struct session *s, int64_t now)
{
	return now - s->born > WHOLE;
}

static void sweep(struct accounts *a, int64_t now, struct store_change *change)
{
	struct session *s, *safe;

	HASH_ITER(hh, a->sessions, s, safe)
		if (over(s, now) || HASH_COUNT(a->sessions) >= SESSIONS) {
			change_session(change, s->hash, s->account, 0, NULL);
			HASH_DEL(a->sessions, s);
			free(s);
		}
}

int accounts_load_session(struct accounts *a, const char *hash, const char *account, int64_t expires, int64_t now_wall)
{
	int64_t left = expires - now_wall, now = clock_boot();
	struct session *s;

	if (strlen(hash) != 64 || strlen(account) >= sizeof(s->account) || left <= 0 || left > WHOLE)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	strcpy(s->hash, hash);
	strcpy(s->account, account);
	s->born = now - (WHOLE - left);
	s->used = now - IDLE - 1;	/* when the person last acted is not kept */
	HASH_ADD_STR(a->sessions, hash, s);
	return 0;
}

int accounts_log_in(struct accounts *a, const char *name, int64_t now_wall, int64_t now, struct store_change *change,
		    char ret[ACCOUNTS_TOKEN])
{
	struct session *s;
	int r = make_token(ret);

	if (r < 0)
		return r;
	sweep(a, now, change);
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	hash_token(ret, s->hash);
	snprintf(s->account, sizeof(s->account), "%s", name);
	s->born = s->used = now;
	HASH_ADD_STR(a->sessions, hash, s);
	change_session(change, s->hash, name, now_wall + WHOLE, "{}");
	return 0;
}

const struct account *accounts_session(struct accounts *a, const char *token, int64_t now, bool *ret_stale)
{
	struct session *s = find(a, token);

	if (!s || over(s, now))
		return NULL;
	*ret_stale = now - s->used > IDLE;
	return accounts_may_log_in(a, s->account);
}

void accounts_acted(struct accounts *a, const char *token, int64_t now)
{
	struct session *s = find(a, token);

	if (s)
		s->used = now;
}

void accounts_log_out(struct accounts *a, const char *token, struct store_change *change)
{
	struct session *s = find(a, token);

	if (!s)
		return;
	change_session(change, s->hash, s->account, 0, NULL);
	HASH_DEL(a->sessions, s);
	free(s);
}
