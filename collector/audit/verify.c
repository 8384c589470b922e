/*
 * beadle-audit-verify - checks an exported journal by doc/journal-format.md alone: it trusts nothing but the format and the key that the journal begins
 * with (--key: that this is yours). Each finding is a line with its place. Exit status: 0 clean, 1 findings, 2 usage, or it cannot be read, 3 no finding,
 * but nobody vouches for more than 100 entries at the end.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "cleanup.h"
#include "collector/audit/checkpoint.h"
#include "vec.h"

#define KEY "{\"key\":\""
#define ROW "{\"row\":"
#define UNSIGNED_MAX 100

struct numbered { uint64_t number; uint8_t bytes[ENTRY_HASH]; };	/* a hash, or a key in force from there on */
struct gap { uint64_t first, last; };
struct witnessed { struct checkpoint c; const char *whose; };
struct row { char said[68]; bool gone, seen; uint64_t entry; UT_hash_handle hh; char key[]; };

/* payload NULL: it was erased. */
struct one { uint64_t number; int64_t at; const char *actor, *action, *payload; uint8_t digest[ENTRY_HASH], hash[ENTRY_HASH]; };

static struct verify {
	uint8_t chain[ENTRY_HASH], last[ENTRY_HASH], expected[CHECKPOINT_KEY];
	bool expects;
	uint64_t number, findings, checkpoints, strangers, signed_, erased_until;	/* signed_: the last that is vouched for */
	struct checkpoint ahead;				/* of an entry that is not there (number 0: none) */
	VEC(struct numbered) hashes;
	VEC(struct numbered) keys;
	VEC(struct gap) gaps;
	VEC(struct witnessed) witnessed;
	VEC(uint64_t) erased;
	struct row *rows;
} v;

__attribute__((format(printf, 1, 2))) static void finding(const char *format, ...)
{
	va_list list;

	v.findings++;
	va_start(list, format);
	vprintf(format, list);
	va_end(list);
	putchar('\n');
}

static void *must(void *p)
{
	if (!p) {
		fputs("out of memory\n", stderr);
		exit(2);
	}
	return p;
}

/* ---- entries that say something to a verifier ---- */

static void keep(void *place, uint64_t number, const uint8_t bytes[ENTRY_HASH])
{
	struct numbered *k = must(place);

	k->number = number;
	memcpy(k->bytes, bytes, ENTRY_HASH);
}

static void begin(const struct one *e)
{
	uint8_t key[CHECKPOINT_KEY];

	if (strcmp(e->action, "journal.begin") || !e->payload || strncmp(e->payload, KEY, strlen(KEY)) ||
	    strlen(e->payload) < strlen(KEY) + 2 * CHECKPOINT_KEY || !checkpoint_unhex(e->payload + strlen(KEY), CHECKPOINT_KEY, key)) {
		finding("entry %" PRIu64 ": a journal begins with journal.begin and a key", e->number);
		return;
	}
	if (v.expects && memcmp(key, v.expected, CHECKPOINT_KEY))
		finding("entry 1: the journal begins with another key than the one expected");
	keep(vec_push(&v.keys), 1, key);
	checkpoint_chain(e->hash, key, v.chain);
}

static void change_key(const struct one *e, const char *object, size_t n)
{
	uint8_t key[CHECKPOINT_KEY];

	if (n != 2 * CHECKPOINT_KEY || !checkpoint_unhex(object, CHECKPOINT_KEY, key) || !v.keys.n || !e->payload ||
	    !checkpoint_change_is_signed(v.chain, e->number, v.keys.at[v.keys.n - 1].bytes, key, e->payload, strlen(e->payload)))
		finding("entry %" PRIu64 ": the change of keys is not signed by both", e->number);
	else
		keep(vec_push(&v.keys), e->number, key);
}

/* What it says of a row; the last word counts. */
static void tell_row(uint64_t entry, const char *table, const char *object, size_t n, const char *said)
{
	char key[ENTRY_ACTION_MAX + 32];
	struct row *r;

	snprintf(key, sizeof(key), "%s %.*s", table, (int)n, object);
	HASH_FIND_STR(v.rows, key, r);
	if (!r) {
		r = must(calloc(1, sizeof(*r) + strlen(key) + 1));
		strcpy(r->key, key);
		HASH_ADD_STR(v.rows, key, r);
	}
	r->entry = entry;
	said += *said == '"';
	snprintf(r->said, sizeof(r->said), "%.*s", (int)strcspn(said, "\",}"), said);
}

static void heed(const struct one *e)
{
	static const char *const tables[][2] = {{"account.", "account"}, {"identity.", "given_name"}, {"incident.", "incident"}};
	size_t all = strlen(e->action), n = all;
	const char *object = entry_object(e->action, &n);
	char number[24];

	if (entry_is(e->action, all, "journal.key"))
		change_key(e, object, n);
	else if (entry_is(e->action, all, "journal.erased"))
		v.erased_until = strtoull(object, NULL, 10) < e->number ? strtoull(object, NULL, 10) : e->number;
	for (size_t i = 0; i < 3; i++)
		if (entry_is(e->action, all, tables[i][0]) && e->payload && !strncmp(e->payload, ROW, strlen(ROW)))
			tell_row(e->number, tables[i][1], object, n, e->payload + strlen(ROW));
	if (entry_is(e->action, all, "incident."))
		tell_row(e->number, "step", number, (size_t)snprintf(number, sizeof(number), "%" PRIu64, e->number), object);
}

/* ---- the chain ---- */

static void follow(const struct one *e, uint8_t previous[ENTRY_HASH])
{
	bool restored = entry_is(e->action, strlen(e->action), "journal.restored");

	memcpy(previous, v.last, ENTRY_HASH);
	if (v.ahead.number && restored && e->number == v.ahead.number + 1)
		memcpy(previous, v.ahead.hash, ENTRY_HASH);
	else if (v.ahead.number)
		finding("checkpoint %" PRIu64 ": its entry is not there", v.ahead.number);
	v.ahead.number = 0;
	if (e->number == v.number + 1)
		return;
	if (restored && e->number > v.number) {
		*(struct gap *)must(vec_push(&v.gaps)) = (struct gap){v.number + 1, e->number - 1};
		printf("entries %" PRIu64 " to %" PRIu64 ": lost when a backup was put back, as entry %" PRIu64 " says\n", v.number + 1,
		       e->number - 1, e->number);
	} else
		finding("entry %" PRIu64 ": it follows %" PRIu64 ": %s", e->number, v.number, e->number > v.number ? "what is between is missing" :
			"numbers rise");
}

static bool hash_of(const struct one *e, const uint8_t previous[ENTRY_HASH], uint8_t ret[ENTRY_HASH])
{
	struct entry it = {.number = e->number, .time = e->at, .actor = e->actor, .action = e->action, .actor_n = strlen(e->actor),
		.action_n = strlen(e->action)};
	static uint8_t bytes[ENTRY_BYTES_MAX];
	size_t n;

	memcpy(it.chain, v.chain, ENTRY_HASH);		/* zeros until the first one names it */
	memcpy(it.previous, previous, ENTRY_HASH);
	memcpy(it.digest, e->digest, ENTRY_HASH);
	n = entry_bytes(&it, bytes);
	return n && entry_sha256(bytes, n, ret) == 0;
}

static void take_entry(const struct one *e)
{
	uint8_t previous[ENTRY_HASH], hash[ENTRY_HASH];

	follow(e, previous);
	if (!hash_of(e, previous, hash) || memcmp(hash, e->hash, ENTRY_HASH))
		finding("entry %" PRIu64 ": it, or the one before it, is not what was hashed", e->number);
	if (!v.number)
		begin(e);
	else if (!strcmp(e->action, "journal.begin"))
		finding("entry %" PRIu64 ": a journal begins once", e->number);
	if (!e->payload && !entry_is(e->action, strlen(e->action), "login.") && !entry_is(e->action, strlen(e->action), "incident."))
		finding("entry %" PRIu64 ": its payload is missing", e->number);
	else if (!e->payload)
		*(uint64_t *)must(vec_push(&v.erased)) = e->number;
	heed(e);
	if (e->number > v.number)
		keep(vec_push(&v.hashes), e->number, e->hash);
	v.number = e->number > v.number ? e->number : v.number;
	memcpy(v.last, e->hash, ENTRY_HASH);
}

/* ---- checkpoints ---- */

static bool is_lost(uint64_t number)
{
	for (size_t i = 0; i < v.gaps.n; i++)
		if (number >= v.gaps.at[i].first && number <= v.gaps.at[i].last)
			return true;
	return false;
}

static bool is_signed(const struct checkpoint *c)
{
	size_t i = v.keys.n;

	while (i > 1 && v.keys.at[i - 1].number > c->number)
		i--;
	return i && checkpoint_is_signed(c, v.keys.at[i - 1].bytes);
}

static int by_number(const void *number, const void *known)
{
	uint64_t a = *(const uint64_t *)number, b = ((const struct numbered *)known)->number;

	return a < b ? -1 : a > b;
}

static bool has_hash(const struct checkpoint *c)
{
	const struct numbered *k = v.hashes.n ? bsearch(&c->number, v.hashes.at, v.hashes.n, sizeof(*k), by_number) : NULL;

	return k && !memcmp(k->bytes, c->hash, ENTRY_HASH);
}

static void take_checkpoint(const struct checkpoint *c)
{
	v.checkpoints++;
	if (memcmp(c->chain, v.chain, ENTRY_HASH) || !is_signed(c))
		finding("checkpoint %" PRIu64 ": it is not signed by this journal's key", c->number);
	else if (c->number > v.number)
		v.ahead = *c;
	else if (!has_hash(c))
		finding("checkpoint %" PRIu64 ": its entry is another than was signed", c->number);
	else if (c->number > v.signed_)
		v.signed_ = c->number;
}

static void look_at_witness(const struct witnessed *w)
{
	const struct checkpoint *c = &w->c;

	if (memcmp(c->chain, v.chain, ENTRY_HASH))
		finding("%s: it knows another journal, at %" PRIu64, w->whose, c->number);
	else if (!is_signed(c))
		v.strangers++;
	else if (is_lost(c->number))
		return;
	else if (c->number > v.number)
		finding("%s: it knows entry %" PRIu64 ": the end was cut off behind %" PRIu64, w->whose, c->number, v.number);
	else if (!has_hash(c))
		finding("%s: it knows another entry %" PRIu64 ": the journal was written anew", w->whose, c->number);
	else if (c->number > v.signed_)
		v.signed_ = c->number;
}

/* digest: in hex; of the table "step" the incident. */
static void take_row(const char *table, const char *name, const char *digest)
{
	char key[ENTRY_ACTION_MAX + 32];
	struct row *r;

	snprintf(key, sizeof(key), "%s %s", table, name);
	HASH_FIND_STR(v.rows, key, r);
	if (!r || !strcmp(r->said, "null"))
		finding("row %s: no entry tells of it", key);
	else if (strcmp(r->said, "*") && strcmp(r->said, digest))
		finding("row %s: it is another than entry %" PRIu64 " tells of", key, r->entry);
	if (r)
		r->seen = true;
}

static int end(void)
{
	char chain[2 * ENTRY_HASH + 1], key[2 * CHECKPOINT_KEY + 1] = "none";

	if (!v.number)
		finding("entry 1: there is no journal");
	if (v.ahead.number)
		finding("checkpoint %" PRIu64 ": its entry is not there: the end was cut off", v.ahead.number);
	for (size_t i = 0; i < v.witnessed.n; i++)
		look_at_witness(&v.witnessed.at[i]);
	for (const struct row *r = v.rows; r; r = r->hh.next)
		if (!r->seen && strcmp(r->said, "null"))
			finding("row %s: it is missing, entry %" PRIu64 " tells of it", r->key, r->entry);
	for (size_t i = 0; i < v.erased.n; i++)
		if (v.erased.at[i] > v.erased_until)
			finding("entry %" PRIu64 ": its payload is missing", v.erased.at[i]);
	if (v.number - v.signed_ > UNSIGNED_MAX)
		printf("entries %" PRIu64 " to %" PRIu64 ": nobody vouches for them\n", v.signed_ + 1, v.number);
	checkpoint_hex(v.chain, ENTRY_HASH, chain);
	if (v.keys.n)
		checkpoint_hex(v.keys.at[0].bytes, CHECKPOINT_KEY, key);
	printf("%zu entries up to %" PRIu64 ", signed up to %" PRIu64 "; %" PRIu64 " checkpoints; %zu witnessed, %" PRIu64
	       " of them without a good signature; %" PRIu64 " findings\nchain %s\nkey   %s\n", v.hashes.n, v.number, v.signed_, v.checkpoints,
	       v.witnessed.n, v.strangers, v.findings, chain, key);
	return v.findings ? 1 : v.number - v.signed_ > UNSIGNED_MAX ? 3 : 0;
}

/* ---- an export ---- */

/* "entry NUMBER TIME ACTOR ACTION HASH SALT PAYLOAD" or "erased ... HASH DIGEST", from the number on. */
static bool read_entry(char *field[7], size_t n, bool erased)
{
	const size_t size = erased ? ENTRY_HASH : ENTRY_SALT;
	struct one e = {.actor = field[2], .action = field[3], .payload = erased ? NULL : field[6]};
	int64_t number;

	if (n != (erased ? 6u : 7u) || !checkpoint_decimal(field[0], strlen(field[0]), &number) || number < 1 ||
	    !checkpoint_decimal(field[1], strlen(field[1]), &e.at) || strlen(field[4]) != 2 * ENTRY_HASH ||
	    !checkpoint_unhex(field[4], ENTRY_HASH, e.hash) || strlen(field[5]) != 2 * size || !checkpoint_unhex(field[5], size, e.digest))
		return false;
	e.number = (uint64_t)number;
	if (!erased && entry_sha256_of_two(e.digest, size, field[6], strlen(field[6]), e.digest) < 0)
		return false;
	take_entry(&e);
	return true;
}

static bool read_line(char *line, size_t n)
{
	struct checkpoint c;
	char *field[8], *at = line, *word;
	size_t k = 0;

	if (checkpoint_parse(line, n, &c) == 0) {
		take_checkpoint(&c);
		return true;
	}
	word = strsep(&at, "\t");
	while (at && k < 7)
		field[k++] = strsep(&at, "\t");
	if (!strcmp(word, "row") && k == 3 && !at)
		take_row(field[0], field[1], field[2]);
	else
		return !at && strlen(line) <= n && (!strcmp(word, "entry") || !strcmp(word, "erased")) && read_entry(field, k, *(word + 1) == 'r');
	return true;
}

static int read_export(const char *path)
{
	FCLOSE FILE *f = strcmp(path, "-") ? fopen(path, "re") : fdopen(0, "r");
	FREE char *line = NULL;
	unsigned long count = 0;
	size_t room = 0;
	ssize_t n;

	while (f && (n = getline(&line, &room, f)) > 0) {
		n -= line[n - 1] == '\n';
		line[n] = 0;
		if (++count == 1 ? strcmp(line, "beadle journal 1") != 0 : !read_line(line, (size_t)n))
			finding("line %lu: it is none of an export", count);
	}
	return f && !ferror(f) ? 0 : -errno;
}

/* ---- the program ---- */

/* On its way through mail and clipboard a TAB may have become spaces. Returns the length. */
static size_t with_tabs(char *line)
{
	char *to = line;

	for (const char *from = line + strspn(line, " \t"); *from;) {
		size_t n = strcspn(from, " \t\r\n"), blank = strspn(from + n, " \t\r\n");

		memmove(to, from, n);
		to += n;
		from += n + blank;
		if (*from)
			*to++ = '\t';
	}
	return (size_t)(to - line);
}

static int read_witness(const char *path)
{
	FCLOSE FILE *f = fopen(path, "re");
	FREE char *line = NULL;
	struct checkpoint c;
	size_t room = 0;
	ssize_t n;

	while (f && (n = getline(&line, &room, f)) > 0)
		if (strlen(line) == (size_t)n && checkpoint_parse(line, with_tabs(line), &c) == 0)
			*(struct witnessed *)must(vec_push(&v.witnessed)) = (struct witnessed){c, path};
	return f && !ferror(f) ? 0 : -errno;
}

static int failed(const char *path, int r)
{
	fprintf(stderr, "beadle-audit-verify: %s: %s\n", path, strerror(-r));
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"key", required_argument, NULL, 'k'}, {"witness", required_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
	int o, r;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		r = o == 'k' ? checkpoint_key(optarg, v.expected) : o == 'w' ? read_witness(optarg) : -EINVAL;
		v.expects |= o == 'k';
		if (r < 0)
			return o == '?' ? 2 : failed(optarg, r);
	}
	if (optind + 1 != argc) {
		fprintf(stderr, "usage: beadle-audit-verify [--key checkpoint.pem] [--witness FILE]... EXPORT|-\n");
		return 2;
	}
	r = read_export(argv[optind]);
	return r < 0 ? failed(argv[optind], r) : end();
}
