/* restored.c - beadle restore has put a backup in place: the journal says so before anything else. Agents witnessed entries that this backup does not
 * have, and nobody here knows how many: the journal goes on at a number that was never given, the milliseconds since 1970 (doc/journal-format.md). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "io.h"
#include "log.h"
#include "room.h"

#define RESTORED "restored"	/* the file in the store's folder; and the setting with what it said, once it is in the journal */
#define WORD_MAX 4096
#define FAR 1000000000u		/* where the clock says less than that: as many entries as nobody writes between two backups */

static void path_of(const struct engine *e, char *buf, size_t room)
{
	snprintf(buf, room, "%s/" RESTORED, e->its.store_folder);
}

void restored_open(struct engine *e)
{
	char path[512], *text = NULL, *before = NULL;

	path_of(e, path, sizeof(path));
	e->restored.ever = reader_setting(e->checkpoints.reader, RESTORED, &before) == 0;
	if (io_read_file(path, WORD_MAX, &text, NULL) == 0 && before && !strcmp(text, before)) {
		unlink(path);		/* it was written down, and that crashed */
		free(TAKE(text));
	}
	free(before);
	e->restored.word = text;
	e->restored.ever |= text != NULL;
}

void restored_close(struct engine *e)
{
	free(e->restored.word);
}

bool restored_waits(const struct engine *e)
{
	return e->restored.word != NULL;
}

uint64_t restored_number(const struct engine *e)
{
	uint64_t now = (uint64_t)(clock_wall() / NS_PER_MS), kept = e->checkpoints.kept;

	return now > kept + FAR ? now : kept + FAR;
}

void restored_tell(struct engine *e, struct store_change *change, uint64_t from, uint64_t number)
{
	static const struct deed deed = {RECORD_SYSTEM, NULL, "journal.restored"};
	json_t *what = e->restored.word ? json_loads(e->restored.word, 0, NULL) : NULL;

	what = json_is_object(what) ? what : json_object();
	json_object_set_new(what, "lost_from", json_integer((json_int_t)from));
	json_object_set_new(what, "lost_to", json_integer((json_int_t)number - 1));
	change_setting(change, RESTORED, e->restored.word ? e->restored.word : "{}");
	if (e->restored.word)
		log_notice("this is a backup that was restored: %s", e->restored.word);
	e->restored.ever = true;
	record_fact(change, &deed, "", what);
	e->restored.number = number;
}

void restored_kept(struct engine *e)
{
	char path[512];

	if (!e->restored.word || !e->restored.number || e->checkpoints.kept < e->restored.number)
		return;
	path_of(e, path, sizeof(path));
	unlink(path);
	free(e->restored.word);
	e->restored.word = NULL;
}

void restored_lost(struct engine *e, const char *host, const struct checkpoint *its)
{
	static const struct deed deed = {RECORD_SYSTEM, NULL, "restore.witnessed"};
	char hash[2 * ENTRY_HASH + 1];

	if (its->number <= e->restored.witnessed || !engine_change(e))
		return;
	e->restored.witnessed = its->number;
	checkpoint_hex(its->hash, ENTRY_HASH, hash);
	record_fact(e->change, &deed, host, json_pack("{s:I, s:s, s:I}", "number", (json_int_t)its->number, "hash", hash, "time", (json_int_t)its->time));
}
