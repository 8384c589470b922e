#include "tokens.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "io.h"
#include "text.h"

#define BOOK_MAX (TOKENS_KEPT * 1024)
#define HOUR (3600 * NS_PER_S)

struct tokens {
	const char *folder;
	char boot[40];			/* as in an entry */
	struct token_entry at[TOKENS_KEPT];
	size_t n;
};

static int refuse(char why[256], int error, const char *text)
{
	snprintf(why, 256, "%s", text);
	return error;
}

/* ---- the file ---- */

static void spell(const uint8_t *bytes, size_t n, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*ret++ = digits[bytes[i] >> 4];
		*ret++ = digits[bytes[i] & 15];
	}
	*ret = 0;
}

static bool unspell(const char *text, size_t n, uint8_t *ret)
{
	if (strlen(text) != 2 * n || strspn(text, "0123456789abcdef") != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		char pair[3] = {text[2 * i], text[2 * i + 1], 0};

		ret[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return true;
}

/* The host comes last: it is a person's text, and may have spaces. */
#define LINE_READ "%16s %d %d %64s %64s %" SCNd64 " %" SCNd64 " %39s %" SCNd64 " %d %u %u %36s %253[^\n]"
#define LINE_WRITE "%s %d %d %s %s %" PRId64 " %" PRId64 " %s %" PRId64 " %d %u %u %s %s\n"

static bool read_line(const char *line, struct token_entry *e)
{
	char id[17], key[65], subject[65];
	int state, end, approve;

	if (sscanf(line, LINE_READ, id, &state, &end, key, subject, &e->made, &e->expires, e->boot, &e->boot_expires, &approve,
		   &e->failures, &e->issues, e->uuid, e->host) != 14)
		return false;
	e->state = (enum token_state)state;
	e->end = (enum token_end)end;
	e->approve = approve;
	return state >= TOKEN_OPEN && state <= TOKEN_OVER && end >= TOKEN_ENDED_NOT && end < TOKEN_ENDS &&
	       unspell(id, TOKEN_ID, e->id) && unspell(key, TOKEN_HASH, e->key) && unspell(subject, TOKEN_HASH, e->subject);
}

static size_t write_line(const struct token_entry *e, char *to, size_t room)
{
	char id[17], key[65], subject[65];
	int n;

	spell(e->id, TOKEN_ID, id);
	spell(e->key, TOKEN_HASH, key);
	spell(e->subject, TOKEN_HASH, subject);
	n = snprintf(to, room, LINE_WRITE, id, e->state, e->end, key, subject, e->made, e->expires, e->boot, e->boot_expires, e->approve,
		     e->failures, e->issues, e->uuid, e->host);
	OPENSSL_cleanse(key, sizeof(key));
	return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

static int save(const struct tokens *t, char why[256])
{
	char path[PATH_MAX], *text = malloc(BOOK_MAX);
	size_t n = 0;
	int r = text ? 0 : -ENOMEM;

	for (size_t i = 0; text && i < t->n; i++)
		n += write_line(&t->at[i], text + n, BOOK_MAX - n);
	snprintf(path, sizeof(path), "%s/tokens", t->folder);
	if (r == 0)
		r = io_replace_file(path, text, n, 0600);
	if (text)
		OPENSSL_cleanse(text, n);
	free(text);
	return r < 0 ? refuse(why, r, "the book of tokens could not be written") : 0;
}

static void load(struct tokens *t)
{
	char path[PATH_MAX], *text = NULL;
	size_t n = 0;

	snprintf(path, sizeof(path), "%s/tokens", t->folder);
	if (io_read_file(path, BOOK_MAX, &text, &n) < 0)
		return;
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line && t->n < TOKENS_KEPT; line = strtok_r(NULL, "\n", &save))
		if (read_line(line, &t->at[t->n]))
			t->n++;
	OPENSSL_cleanse(text, n);
	free(text);
}

static void name_boot(char ret[CLOCK_BOOT_ID])
{
	clock_boot_id(ret);
	if (!*ret)
		strcpy(ret, "-");
}

struct tokens *tokens_open(const char *folder)
{
	struct tokens *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->folder = folder;
	name_boot(t->boot);
	load(t);
	return t;
}

void tokens_close(struct tokens *t)
{
	if (t)
		OPENSSL_cleanse(t, sizeof(*t));
	free(t);
}

/* ---- its life ---- */

int64_t tokens_left(const struct tokens *t, const struct token_entry *e)
{
	int64_t wall = clock_wall(), left;

	if (e->state == TOKEN_OVER)
		return 0;
	if (strcmp(e->boot, "-") && !strcmp(e->boot, t->boot))
		left = e->boot_expires - clock_boot();
	else
		left = wall < e->made ? 0 : e->expires - wall;
	return left > 0 ? left : 0;
}

static void end(struct token_entry *e, enum token_end how)
{
	e->state = TOKEN_OVER;
	e->end = how;
	OPENSSL_cleanse(e->key, sizeof(e->key));
}

static void drop(struct tokens *t, size_t i)
{
	memmove(&t->at[i], &t->at[i + 1], (t->n - i - 1) * sizeof(t->at[0]));
	t->n--;
}

/* Room for one more: the oldest of those that are over goes. */
static bool make_room(struct tokens *t)
{
	size_t open = 0;

	for (size_t i = 0; i < t->n; i++)
		open += t->at[i].state != TOKEN_OVER;
	for (size_t i = 0; i < t->n && t->n == TOKENS_KEPT; i++)
		if (t->at[i].state == TOKEN_OVER)
			drop(t, i);
	return open < TOKENS_OPEN;
}

/* True: some were. */
static bool expire(struct tokens *t)
{
	bool some = false;

	for (size_t i = 0; i < t->n; i++)
		if (t->at[i].state != TOKEN_OVER && tokens_left(t, &t->at[i]) == 0) {
			end(&t->at[i], TOKEN_EXPIRED);
			some = true;
		}
	return some;
}

void tokens_expire(struct tokens *t)
{
	char why[256];

	if (expire(t))
		save(t, why);	/* else their keys go with the next one */
}

size_t tokens_count(const struct tokens *t)
{
	return t->n;
}

const struct token_entry *tokens_at(const struct tokens *t, size_t i)
{
	return &t->at[i];
}

static struct token_entry *find(struct tokens *t, const uint8_t id[TOKEN_ID])
{
	expire(t);
	for (size_t i = 0; i < t->n; i++)
		if (!memcmp(t->at[i].id, id, TOKEN_ID))
			return &t->at[i];
	return NULL;
}

const struct token_entry *tokens_find(struct tokens *t, const uint8_t id[TOKEN_ID])
{
	return find(t, id);
}

/* What is not on disk did not happen. */
static int keep(struct tokens *t, struct token_entry *e, const struct token_entry *before, char why[256])
{
	int r = save(t, why);

	if (r < 0)
		*e = *before;
	return r;
}

/* ---- what people do ---- */

/* It is read back as it is written. */
static bool is_line(const char *host)
{
	if (!*host || *host == ' ' || strlen(host) > TOKEN_HOST_MAX)
		return false;
	for (const char *c = host; *c; c++)
		if ((unsigned char)*c < ' ')
			return false;
	return true;
}

int tokens_new(struct tokens *t, const char *uuid, const char *host, unsigned hours, bool approve, const struct token_entry **ret,
	       uint8_t ret_secret[TOKEN_SECRET], char why[256])
{
	struct token_entry e = {.made = clock_wall(), .approve = approve};
	int r;

	if (hours < 1 || hours > TOKEN_HOURS_MAX || strlen(uuid) != 36 || !is_line(host))
		return refuse(why, -EINVAL, "not a token's host, or not a token's hours");
	expire(t);
	for (size_t i = 0; i < t->n; i++)
		if (t->at[i].state != TOKEN_OVER && !strcmp(t->at[i].host, host))
			end(&t->at[i], TOKEN_REPLACED);
	if (!make_room(t))
		return refuse(why, -EBUSY, "too many tokens can still be used: revoke some (beadle token list)");
	if (RAND_bytes(e.id, sizeof(e.id)) != 1 || RAND_bytes(ret_secret, TOKEN_SECRET) != 1 || token_key(ret_secret, e.key) < 0)
		return refuse(why, -EIO, "no random numbers");
	e.expires = e.made + hours * HOUR;
	e.boot_expires = clock_boot() + hours * HOUR;
	strcpy(e.boot, t->boot);
	strcpy(e.uuid, uuid);
	strcpy(e.host, host);
	t->at[t->n++] = e;
	r = save(t, why);
	if (r < 0)
		drop(t, t->n - 1);
	else
		*ret = &t->at[t->n - 1];
	return r;
}

int tokens_end(struct tokens *t, const uint8_t id[TOKEN_ID], char why[256])
{
	struct token_entry *e = find(t, id), before;

	if (!e)
		return refuse(why, -ENOENT, "there is no such token");
	if (e->state == TOKEN_OVER)
		return 0;
	before = *e;
	end(e, e->state == TOKEN_USED ? TOKEN_ARRIVED : TOKEN_REVOKED);
	return keep(t, e, &before, why);
}

int tokens_approve(struct tokens *t, const uint8_t id[TOKEN_ID], const char *fingerprint, char why[256])
{
	struct token_entry *e = find(t, id), before;
	char its[TOKEN_FINGERPRINT];

	if (!e)
		return refuse(why, -ENOENT, "there is no such token");
	if (e->state != TOKEN_WAITING)
		return refuse(why, -EINVAL, e->state == TOKEN_OPEN ? "no server has used this token yet: there is nothing to compare" :
			      "this token does not wait for anybody");
	token_fingerprint(e->subject, its);
	if (strcmp(its, fingerprint))
		return refuse(why, -EACCES, "another key waits than the one with that fingerprint: if it was copied as the server shows it, "
			      "somebody else has used the token: revoke it");
	before = *e;
	e->state = TOKEN_APPROVED;
	return keep(t, e, &before, why);
}

/* ---- what servers do ---- */

static int is_over(const struct token_entry *e, char why[256])
{
	static const char *const ends[] = {[TOKEN_ENDED_NOT] = "over", [TOKEN_EXPIRED] = "expired: it was not used in time",
		[TOKEN_REVOKED] = "revoked", [TOKEN_REPLACED] = "over: a later one was made for the same server",
		[TOKEN_GUESSED] = "over: it was used with wrong proofs too often", [TOKEN_ARRIVED] = "used: its server has come"};

	snprintf(why, 256, "the token is %s", ends[e->end]);
	return -EACCES;
}

static int wrong_proof(struct tokens *t, struct token_entry *e, char why[256])
{
	struct token_entry before = *e;
	char host[64];
	int r;

	if (++e->failures >= TOKENS_FAILURES)
		end(e, TOKEN_GUESSED);
	r = keep(t, e, &before, why);
	if (r == 0)
		snprintf(why, 256, "a wrong proof, number %u of %d, for the token of %s", e->failures, TOKENS_FAILURES,
			 text_escape(e->host, strlen(e->host), host, sizeof(host)));
	return r < 0 ? r : -EACCES;
}

int tokens_check(struct tokens *t, const struct token_use *u, char why[256])
{
	struct token_entry *e = find(t, u->id);
	uint8_t proof[TOKEN_HASH];
	char its[64], said[64];
	int r;

	if (!e)
		return refuse(why, -EACCES, "no such token is known here: it is long over, or another collector's");
	if (e->state == TOKEN_OVER)
		return is_over(e, why);
	r = token_prove(e->key, u->exporter, u->host, u->csr, u->csr_n, proof);
	if (r < 0)
		return refuse(why, r, "the request is too long");
	if (CRYPTO_memcmp(proof, u->proof, sizeof(proof)))
		return wrong_proof(t, e, why);
	if (token_same_host(e->host, u->host))
		return 0;
	snprintf(why, 256, "the token is for %s, and this server calls itself %s", text_escape(e->host, strlen(e->host), its, sizeof(its)),
		 text_escape(u->host, strlen(u->host), said, sizeof(said)));
	return -EACCES;
}

int tokens_take(struct tokens *t, const uint8_t id[TOKEN_ID], const uint8_t subject[TOKEN_HASH], char why[256])
{
	struct token_entry *e = find(t, id), before;
	int r;

	if (!e || e->state == TOKEN_OVER)
		return refuse(why, -EACCES, "the token is over");
	before = *e;
	if (e->state == TOKEN_OPEN)
		memcpy(e->subject, subject, TOKEN_HASH);
	else if (memcmp(e->subject, subject, TOKEN_HASH))
		return refuse(why, -EACCES, "the token was used already, with another key");
	if (e->state == TOKEN_WAITING)
		return 1;
	if (e->issues >= TOKENS_ISSUES)
		return refuse(why, -EACCES, "the token's one key has asked for certificates too often: make another token");
	e->state = e->state == TOKEN_OPEN && e->approve ? TOKEN_WAITING : TOKEN_USED;
	e->issues += e->state == TOKEN_USED;
	r = keep(t, e, &before, why);
	return r < 0 ? r : e->state == TOKEN_WAITING;
}
