/* life.c - what becomes of the collector itself, for the journal: begun and ended, with which configuration, damaged, old results deleted. */
#include "config.h"

#include <stdlib.h>

#include "clock.h"
#include "room.h"

#define CONFIGURATION "configuration"	/* setting: as it was taken up last */

/* Each file and its SHA-256. */
static json_t *digests(const struct site *s)
{
	return json_pack("{s:s, s:s}", s->file, s->digest, s->procedure_file, s->procedure_digest);
}

static void tell(struct engine *e, const char *action, json_t *what)
{
	if (engine_change(e))
		record_fact(e->change, &(struct deed){RECORD_SYSTEM, NULL, action}, "", what);
	else
		json_decref(what);
}

static void take_up(struct engine *e, json_t *before, json_t *now)
{
	char *text = json_dumps(now, JSON_COMPACT);

	if (text && engine_change(e) && !json_equal(before, now)) {
		change_setting(e->change, CONFIGURATION, text);
		record(e->change, &(struct deed){RECORD_SYSTEM, NULL, "configuration.taken"}, "", NULL, json_incref(before), json_incref(now));
	}
	free(text);
}

void life_begun(struct engine *e, struct store_reader *reader)
{
	json_t *before = NULL, *now = digests(e->its.site);
	char *text = NULL;

	if (reader_setting(reader, CONFIGURATION, &text) == 0)
		before = json_loads(text, 0, NULL);
	tell(e, "collector.started", json_pack("{s:s}", "version", PACKAGE_VERSION));
	take_up(e, before, now);
	engine_sign_of_life(e);
	free(text);
	json_decref(before);
	json_decref(now);
}

void life_ending(struct engine *e)
{
	tell(e, "collector.ended", json_object());
	engine_sign_of_life(e);
}

void life_trouble(struct engine *e, const struct trouble *t)
{
	const char *action = t->trouble == TROUBLE_DAMAGED ? "store.damaged" : t->trouble == TROUBLE_RETIRED ? "store.retired" : "store.failed";

	tell(e, action, json_pack("{s:o}", "what", document_bytes(t->text)));
}
