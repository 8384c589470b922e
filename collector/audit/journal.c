#include "collector/audit/journal.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

size_t journal_bytes(const struct journal *j, uint64_t number, const uint8_t previous[ENTRY_HASH], int64_t at, const char *actor,
		     const char *action, const uint8_t digest[ENTRY_HASH], uint8_t ret[ENTRY_BYTES_MAX])
{
	struct entry e = {.number = number, .time = at, .actor = actor, .action = action, .actor_n = strlen(actor), .action_n = strlen(action)};

	if (number > 1)		/* the first is what the chain is named after */
		memcpy(e.chain, j->chain, ENTRY_HASH);
	memcpy(e.previous, previous, ENTRY_HASH);
	memcpy(e.digest, digest, ENTRY_HASH);
	return entry_bytes(&e, ret);
}

static int add(struct journal *j, int64_t at, const char *actor, const char *action, const char *payload, struct journal_row *ret)
{
	struct journal_row row = {.number = j->number + 1, .at = at, .actor = actor, .action = action, .payload = payload};
	uint8_t bytes[ENTRY_BYTES_MAX];
	size_t n = strlen(payload);

	if (n < 2 || n > ENTRY_PAYLOAD_MAX || strpbrk(payload, "\n\t"))
		return -EINVAL;
	if (RAND_bytes(row.salt, ENTRY_SALT) != 1 || entry_sha256_of_two(row.salt, ENTRY_SALT, payload, n, row.digest) < 0)
		return -EIO;
	n = journal_bytes(j, row.number, j->last, at, actor, action, row.digest, bytes);
	if (n == 0)
		return -EINVAL;
	if (entry_sha256(bytes, n, row.hash) < 0)
		return -EIO;
	j->number = row.number;
	memcpy(j->last, row.hash, ENTRY_HASH);
	*ret = row;
	return 0;
}

int journal_begin(struct journal *j, const uint8_t key[CHECKPOINT_KEY], int64_t at, char payload[JOURNAL_PAYLOAD], struct journal_row *ret)
{
	char hex[2 * CHECKPOINT_KEY + 1];
	int r;

	*j = (struct journal){0};
	checkpoint_hex(key, CHECKPOINT_KEY, hex);
	snprintf(payload, JOURNAL_PAYLOAD, JOURNAL_KEY "%s\"}", hex);
	r = add(j, at, "system", "journal.begin", payload, ret);
	return r < 0 ? r : checkpoint_chain(ret->hash, key, j->chain);
}

int journal_load(struct journal *j, const uint8_t first[ENTRY_HASH], const char *payload, uint64_t number, const uint8_t last[ENTRY_HASH])
{
	const size_t n = strlen(JOURNAL_KEY);
	uint8_t key[CHECKPOINT_KEY];

	if (strncmp(payload, JOURNAL_KEY, n) || strlen(payload) < n + 2 * CHECKPOINT_KEY || !checkpoint_unhex(payload + n, CHECKPOINT_KEY, key))
		return -EBADMSG;
	journal_resume(j, number, last);
	return checkpoint_chain(first, key, j->chain);
}

int journal_append(struct journal *j, int64_t at, const char *actor, const char *action, const char *payload, struct journal_row *ret)
{
	return j->number ? add(j, at, actor, action, payload, ret) : -EINVAL;
}

void journal_resume(struct journal *j, uint64_t number, const uint8_t hash[ENTRY_HASH])
{
	j->number = number;
	memcpy(j->last, hash, ENTRY_HASH);
}
