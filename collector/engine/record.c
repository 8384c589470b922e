#include "record.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"

static void put(struct store_change *change, const struct deed *deed, const char *object, json_t *payload)
{
	char action[512], *text = payload ? json_dumps(payload, JSON_COMPACT) : NULL;

	snprintf(action, sizeof(action), "%s%s%s", deed->action, *object ? " " : "", object);
	change_entry(change, clock_wall(), deed->actor, action, text ? text : "{\"lost\":\"out of memory\"}");
	free(text);
	json_decref(payload);
}

void record(struct store_change *change, const struct deed *deed, const char *object, const struct change_row *row, json_t *before, json_t *after)
{
	json_t *o = json_object();	/* in this order: doc/journal-format.md */

	if (row)
		json_object_set_new(o, "row", json_string(row->digest));
	if (deed->from)
		json_object_set_new(o, "from", json_string(deed->from));
	json_object_set_new(o, "before", before ? before : json_null());
	json_object_set_new(o, "after", after ? after : json_null());
	put(change, deed, object, o);
}

void record_fact(struct store_change *change, const struct deed *deed, const char *object, json_t *what)
{
	json_t *o = json_object();

	if (deed->from)
		json_object_set_new(o, "from", json_string(deed->from));
	json_object_update(o, what);
	json_decref(what);
	put(change, deed, object, o);
}
