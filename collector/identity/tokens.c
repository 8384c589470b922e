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

struct book { struct token_entry at[TOKENS_KEPT]; size_t n; };

struct tokens {
	const char *folder;
	char boot[CLOCK_BOOT_ID];	/* as in an entry */
	struct book now, kept;		/* kept: as on disk */
};

static int refuse(char why[256], int error, const char *text)
{
	snprintf(why, 256, "%s", text);
	return error;
}

/* ---- the file ---- */

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
	       text_unhex(id, TOKEN_ID, e->id) && text_unhex(key, TOKEN_HASH, e->key) && text_unhex(subject, TOKEN_HASH, e->subject);
}

static size_t write_line(const struct token_entry *e, char *to, size_t room)
{
	char id[17], key[65], subject[65];
	int n;

	text_hex(e->id, TOKEN_ID, id);
	text_hex(e->key, TOKEN_HASH, key);
	text_hex(e->subject, TOKEN_HASH, subject);
	n = snprintf(to, room, LINE_WRITE, id, e->state, e->end, key, subject, e->made, e->expires, e->boot, e->boot_expires, e->approve,
		     e->failures, e->issues, e->uuid, e->host);
	OPENSSL_cleanse(key, sizeof(key));
	return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

/* What is not on disk did not happen. */
static int save(struct tokens *t, char why[256])
{
	char path[PATH_MAX], *text = malloc(BOOK_MAX);
	size_t n = 0;
	int r = -ENOMEM;

	for (size_t i = 0; text && i < t->now.n; i++)
		n += write_line(&t->now.at[i], text + n, BOOK_MAX - n);
	if (text) {
		r = io_replace_file(io_path(path, t->folder, "tokens"), text, n, 0600);
		OPENSSL_cleanse(text, n);
		free(text);
	}
	if (r < 0) {
		t->now = t->kept;
		return refuse(why, r, "the book of tokens could not be written");
	}
	t->kept = t->now;
	return 0;
}

static void load(struct tokens *t)
{
	char path[PATH_MAX], *text = NULL;
	size_t n = 0;

	if (io_read_file(io_path(path, t->folder, "tokens"), BOOK_MAX, &text, &n) < 0)
		return;
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line && t->now.n < TOKENS_KEPT; line = strtok_r(NULL, "\n", &save))
		if (read_line(line, &t->now.at[t->now.n]))
			t->now.n++;
	t->kept = t->now;
	OPENSSL_cleanse(text, n);
	free(text);
}

struct tokens *tokens_open(const char *folder)
{
	struct tokens *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->folder = folder;
	clock_boot_id(t->boot);
	if (!*t->boot)
		strcpy(t->boot, "-");
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

/* Room for one more: the oldest of those that are over goes. */
static bool make_room(struct book *b)
{
	size_t usable = 0, n = 0, surplus = b->n == TOKENS_KEPT;

	for (size_t i = 0; i < b->n; i++) {
		usable += b->at[i].state != TOKEN_OVER;
		if (surplus && b->at[i].state == TOKEN_OVER)
			surplus = 0;
		else
			b->at[n++] = b->at[i];
	}
	b->n = n;
	return usable < TOKENS_OPEN;
}

/* True: some were. */
static bool expire(struct tokens *t)
{
	bool some = false;

	for (struct token_entry *e = t->now.at; e < t->now.at + t->now.n; e++)
		if (e->state != TOKEN_OVER && tokens_left(t, e) == 0) {
			end(e, TOKEN_EXPIRED);
			some = true;
		}
	return some;
}

const struct token_entry *tokens_all(struct tokens *t, size_t *ret_n)
{
	char why[256];

	if (expire(t) && save(t, why) < 0)
		expire(t);	/* their keys go with the next change */
	*ret_n = t->now.n;
	return t->now.at;
}

static struct token_entry *find(struct tokens *t, const uint8_t id[TOKEN_ID])
{
	expire(t);
	for (size_t i = 0; i < t->now.n; i++)
		if (!memcmp(t->now.at[i].id, id, TOKEN_ID))
			return &t->now.at[i];
	return NULL;
}

const struct token_entry *tokens_find(struct tokens *t, const uint8_t id[TOKEN_ID])
{
	return find(t, id);
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

	if (hours < 1 || hours > TOKEN_HOURS_MAX || strlen(uuid) != 36 || !is_line(host))
		return refuse(why, -EINVAL, "not a token's host, or not a token's hours");
	expire(t);
	for (size_t i = 0; i < t->now.n; i++)
		if (t->now.at[i].state != TOKEN_OVER && !strcmp(t->now.at[i].host, host))
			end(&t->now.at[i], TOKEN_REPLACED);
	if (!make_room(&t->now)) {
		t->now = t->kept;
		return refuse(why, -EBUSY, "too many tokens can still be used: revoke some (beadle token list)");
	}
	if (RAND_bytes(e.id, sizeof(e.id)) != 1 || RAND_bytes(ret_secret, TOKEN_SECRET) != 1 || token_key(ret_secret, e.key) < 0)
		return refuse(why, -EIO, "no random numbers");
	e.expires = e.made + hours * HOUR;
	e.boot_expires = clock_boot() + hours * HOUR;
	strcpy(e.boot, t->boot);
	strcpy(e.uuid, uuid);
	strcpy(e.host, host);
	t->now.at[t->now.n++] = e;
	*ret = &t->now.at[t->now.n - 1];
	OPENSSL_cleanse(e.key, sizeof(e.key));
	return save(t, why);
}

int tokens_end(struct tokens *t, const uint8_t id[TOKEN_ID], char why[256])
{
	struct token_entry *e = find(t, id);

	if (!e)
		return refuse(why, -ENOENT, "there is no such token");
	if (e->state == TOKEN_OVER)
		return 0;
	end(e, e->state == TOKEN_USED ? TOKEN_ARRIVED : TOKEN_REVOKED);
	return save(t, why);
}

int tokens_approve(struct tokens *t, const uint8_t id[TOKEN_ID], const char *fingerprint, char why[256])
{
	struct token_entry *e = find(t, id);
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
	e->state = TOKEN_APPROVED;
	return save(t, why);
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
	char host[64];
	int r;

	if (++e->failures >= TOKENS_FAILURES)
		end(e, TOKEN_GUESSED);
	r = save(t, why);
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

int tokens_take(struct tokens *t, const uint8_t id[TOKEN_ID], const uint8_t subject[TOKEN_HASH], const struct token_entry **ret, char why[256])
{
	struct token_entry *e = find(t, id);
	int r;

	if (!e || e->state == TOKEN_OVER)
		return refuse(why, -EACCES, "the token is over");
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
	*ret = e;
	r = save(t, why);
	return r < 0 ? r : e->state == TOKEN_WAITING;
}
