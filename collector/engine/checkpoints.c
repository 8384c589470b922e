/* checkpoints.c - the signer is shown the journal as it grows and vouches for it (SECURITY 5.10, A4). What it signed last
 * outlasts our store: it tells when a backup was put back, and when the store is not the one that it knows. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "api.h"
#include "cleanup.h"
#include "clock.h"
#include "log.h"

#define PATIENCE (5 * NS_PER_S)			/* at start, until the signer has said what it knows: then notices wait for it no longer */
#define BREATH (2 * NS_PER_S)			/* for its signature, when as much waits for it as may (A4); also while it is being started again */
#define TELLS 10000				/* agents that are told of one, a second */
#define AGAIN (60 * NS_PER_S)
#define REQUEST_ENTRIES 512u
#define REQUEST_BYTES (32u * 1024)

int checkpoints_open(struct engine *e, char why[256])
{
	struct checkpoints *c = &e->checkpoints;
	int r = reader_open(e->its.store_folder, &c->reader, why);

	if (r == 0)
		r = reader_last_entry(c->reader, INT64_MAX, &c->kept, c->hash);
	if (r < 0)
		snprintf(why, 256, "the journal cannot be read: %s", strerror(-r));
	else
		r = rekey_open(e, why);
	c->known = e->its.launcher < 0;		/* then there is no signer */
	c->patience = clock_boot() + PATIENCE;
	if (r == 0)
		restored_open(e);
	return r;
}

void checkpoints_close(struct engine *e)
{
	restored_close(e);
	rekey_close(e);
	reader_close(e->checkpoints.reader);
}

/* ---- what is sent ---- */

struct request { uint8_t bytes[REQUEST_BYTES + ENTRY_BYTES_MAX]; ProtobufCBinaryData entry[REQUEST_ENTRIES]; size_t at, n; uint8_t previous[ENTRY_HASH]; };

static int add_entry(const struct reader_entry *e, void *arg)
{
	struct request *r = arg;
	struct journal j;
	size_t n;

	if (!e->signature) {
		memcpy(j.chain, e->chain, ENTRY_HASH);
		n = journal_bytes(&j, e->number, r->previous, e->at, e->actor, e->action, e->digest, r->bytes + r->at);
		if (n == 0)
			return -EBADMSG;
		r->entry[r->n++] = (ProtobufCBinaryData){n, r->bytes + r->at};
		r->at += n;
	}
	memcpy(r->previous, e->hash, ENTRY_HASH);
	return r->n == REQUEST_ENTRIES || r->at > REQUEST_BYTES;
}

static void answered(struct asked *, const Rooms__Signed *);

static void show(struct engine *e, struct request *r)
{
	Rooms__Sign sign = ROOMS__SIGN__INIT;
	Rooms__Checkpoint checkpoint = ROOMS__CHECKPOINT__INIT;

	checkpoint.entries = r->entry;
	checkpoint.n_entries = r->n;
	sign.request_case = ROOMS__SIGN__REQUEST_CHECKPOINT;
	sign.checkpoint = &checkpoint;
	if (signing_ask_plainly(e, &sign, answered))
		e->checkpoints.asked = clock_boot();
}

static void ask(struct engine *e)
{
	struct checkpoints *c = &e->checkpoints;
	struct request *r = calloc(1, sizeof(*r));
	int error = r ? 0 : -ENOMEM;

	if (r)
		memcpy(r->previous, c->last.hash, ENTRY_HASH);
	if (r && c->agreed)
		error = reader_journal(c->reader, c->last.number + 1, add_entry, NULL, r);
	if (error < 0) {
		log_error("the journal cannot be shown to the signer: %s", strerror(-error));
		c->again = clock_boot() + AGAIN;
	} else
		show(e, r);
	free(r);
}

/* Half of what may stand outside: the other half comes while agents write it down. */
static bool is_many(const struct engine *e, uint64_t since)
{
	return e->checkpoints.kept >= since + (e->its.checkpoint_entries + 1) / 2;
}

/* ---- what agents give back ---- */

/* What our own key did not sign proves nothing: an agent may say what it likes. Of what was lost and declared nothing is left to compare, but how far it
 * went. */
static void hear(struct engine *e, const char *host, const void *line, size_t n)
{
	struct checkpoints *c = &e->checkpoints;
	uint8_t hash[ENTRY_HASH], chain[ENTRY_HASH];
	struct checkpoint its;
	uint64_t number;
	char why[256];

	if (checkpoint_parse(line, n, &its) < 0 || !rekey_knows(e, &its) || reader_chain(c->reader, chain) < 0 ||
	    reader_last_entry(c->reader, its.number, &number, hash) < 0)
		return;
	if (memcmp(its.chain, chain, ENTRY_HASH))
		snprintf(why, sizeof(why), "%.128s witnessed another journal", host);
	else if (its.number > c->kept && its.number > c->last.number && its.number > e->restored.number)
		snprintf(why, sizeof(why), "%.128s witnessed entry %" PRIu64 ", the journal ends at %" PRIu64, host, its.number, c->kept);
	else if (number == its.number && memcmp(hash, its.hash, ENTRY_HASH))
		snprintf(why, sizeof(why), "%.128s witnessed another entry %" PRIu64, host, its.number);
	else {
		if (number != its.number)
			restored_lost(e, host, &its);
		return;
	}
	log_error("the journal: %s", why);
	outcome_own(e, OWN_JOURNAL, OWN_HOST, why);
}

/* Until the signer has been heard, a backup that was put back looks as if somebody had cut the journal off. */
void checkpoints_witnessed(struct engine *e, struct host *host, const void *line, size_t n)
{
	if (e->checkpoints.agreed) {
		hear(e, host->name, line, n);
		return;
	}
	if (!n || n >= CHECKPOINT_LINE)
		return;
	free(host->witnessed);
	host->witnessed = strndup(line, n);
}

static void hear_all(struct engine *e)
{
	for (size_t i = 0; i < e->registry.hosts.n; i++) {
		struct host *host = e->registry.hosts.at[i];
		FREE char *line = host ? TAKE(host->witnessed) : NULL;

		if (line)
			hear(e, host->name, line, strlen(line));
	}
}

/* ---- what is answered ---- */

static void keep_checkpoint(struct store_change *change, const struct checkpoint *c)
{
	change_checkpoint(change, c->number, c->hash, c->time, c->signature);
}

/* It goes on unsigned, so that what is found is kept all the same. */
static void broken(struct engine *e, const char *why)
{
	e->checkpoints.again = INT64_MAX;
	e->checkpoints.known = true;
	log_error("the journal: %s: no checkpoint is signed any more", why);
	outcome_own(e, OWN_JOURNAL, OWN_HOST, why);
}

/* What is between was lost: the next entry says so, with a number that was never given (doc/journal-format.md). Before all that waits. hash: what it
 * stands behind; NULL: the last entry that is there. */
static void tell_restored(struct engine *e, const struct checkpoint *signed_, uint64_t number, const uint8_t *hash)
{
	struct store_change *waiting = e->in_flight || e->failed ? NULL : TAKE(e->change), *change = engine_change(e);

	log_warning("a backup of the store was put back: the journal ended at %llu, it goes on at %llu", (unsigned long long)e->checkpoints.kept,
		    (unsigned long long)number);
	if (change) {
		if (signed_->number)
			keep_checkpoint(change, signed_);
		change_resume(change, number - 1, hash);
		restored_tell(e, change, e->checkpoints.kept + 1, number);
	}
	e->checkpoints.told = signed_->number;		/* agents have seen later ones */
	e->checkpoints.agreed = true;
	if (change)
		change_join(change, waiting);
	else
		e->change = waiting;
}

/* Is what the signer signed last in our store? */
static void agree(struct engine *e, const struct checkpoint *signed_)
{
	struct checkpoints *c = &e->checkpoints;
	uint8_t hash[ENTRY_HASH], chain[ENTRY_HASH];
	uint64_t number = 0;
	int r = reader_last_entry(c->reader, signed_->number, &number, hash);

	if (r == 0 && signed_->number)
		r = reader_chain(c->reader, chain);
	if (r < 0) {
		log_error("the journal cannot be read: %s", strerror(-r));
		c->again = clock_boot() + AGAIN;
		return;
	}
	c->known = true;
	c->last = *signed_;
	if (signed_->number && memcmp(chain, signed_->chain, ENTRY_HASH))
		broken(e, "it is not the one that the signer knows");
	else if (signed_->number && !rekey_knows(e, signed_))
		broken(e, "it is of before the signer's key was changed: put the signer and the store back from one backup (beadle restore)");
	else if (signed_->number > c->kept)
		tell_restored(e, signed_, signed_->number + 1, signed_->hash);
	else if (signed_->number && (number != signed_->number || memcmp(hash, signed_->hash, ENTRY_HASH)))
		broken(e, "an entry is not the one that the signer signed");
	else if (restored_waits(e))
		tell_restored(e, signed_, restored_number(e), NULL);
	else
		c->agreed = true;
	if (c->agreed)
		hear_all(e);
	c->since = clock_boot() - e->its.checkpoint_age;	/* what was left open at the last end is signed at once */
}

/* To every thread of ingest, for its agents. */
static void tell_agents(struct engine *e)
{
	struct checkpoints *c = &e->checkpoints;
	int64_t now = clock_boot();

	if (!c->agreed || !c->last.number || c->last.number == c->told || now - c->told_at < (int64_t)e->registry.hosts.n * NS_PER_S / TELLS)
		return;
	c->told = c->last.number;
	c->told_at = now;
	c->crowded = 0;
	for (size_t i = 0; i < e->its.threads; i++) {
		struct checkpoint_told *t = calloc(1, sizeof(*t));

		if (!t)
			continue;	/* they see the next one */
		t->node.kind = MESSAGE_CHECKPOINT;
		checkpoint_line(&c->last, t->line);
		queue_push(e->its.ingest[i], &t->node);
	}
}

static void take(struct engine *e, const struct checkpoint *signed_)
{
	struct checkpoints *c = &e->checkpoints;
	struct store_change *change;

	if (signed_->number <= c->last.number)
		return;
	c->last = *signed_;
	c->since = c->kept > c->last.number ? clock_boot() : 0;
	change = engine_change(e);
	if (change)
		keep_checkpoint(change, signed_);
}

static void answered(struct asked *asked, const Rooms__Signed *answer)
{
	struct engine *e = asked->engine;
	struct checkpoint signed_ = {0};

	DL_DELETE(e->asked, asked);
	free(asked);
	e->checkpoints.asked = 0;
	if (!answer)
		e->checkpoints.agreed = false;		/* and asks the next one */
	else if (answer->checkpoint.len && checkpoint_parse((const char *)answer->checkpoint.data, answer->checkpoint.len, &signed_) < 0)
		broken(e, "the signer's answer is no checkpoint");
	else if (*answer->error)
		broken(e, answer->error);
	else if (!e->checkpoints.agreed)
		agree(e, &signed_);
	else
		take(e, &signed_);
	checkpoints_look(e);
}

/* ---- when ---- */

void checkpoints_begin(struct engine *e)
{
	e->checkpoints.agreed = false;
	e->checkpoints.again = 0;
	ask(e);
}

static void complain(struct checkpoints *c)
{
	if (c->complained)
		return;
	c->complained = true;
	log_error("the signer has not said how far the journal had come: what is found cannot be kept until it has; notices go out all the same");
}

void checkpoints_look(struct engine *e)
{
	struct checkpoints *c = &e->checkpoints;
	int64_t now = clock_boot();

	if (checkpoints_late(e))
		complain(c);
	if (e->signer && !c->known && !c->asked && c->again && now >= c->again) {	/* its answer could not be held against the store */
		c->again = 0;
		ask(e);
	}
	tell_agents(e);
	rekey_look(e);
	if (e->signer && c->agreed && !c->asked && now >= c->again && c->kept > c->last.number &&
	    (c->rekey || is_many(e, c->last.number) || now - c->since >= e->its.checkpoint_age))
		ask(e);
}

void checkpoints_kept(struct engine *e, uint64_t entry)
{
	struct checkpoints *c = &e->checkpoints;

	if (entry <= c->kept)
		return;
	c->kept = entry;
	restored_kept(e);
	if (!c->since)
		c->since = clock_boot();
	if (!c->crowded && e->its.launcher >= 0 && is_many(e, c->told))
		c->crowded = clock_boot();
	checkpoints_look(e);
}

/* Before the signer has said what it knows an entry could take the number of one that was lost when a backup was put back; whoever witnessed that one
 * would accuse us of a fork (A2). However long it takes; but a journal that is broken waits no more: that is told, and no accusation is false now. */
bool checkpoints_wait(const struct engine *e)
{
	const struct checkpoints *c = &e->checkpoints;

	return !c->known || c->rekey || (c->crowded && clock_boot() - c->crowded < BREATH);
}

bool checkpoints_late(const struct engine *e)
{
	return !e->checkpoints.known && clock_boot() > e->checkpoints.patience;
}
