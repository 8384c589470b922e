/* api_clock.c - a person says that the collector's clock is right, which was suspect (SECURITY 5.8). */
#include "api.h"
#include "collector/reckoning.h"

#define NOTE_MAX 4000

void api_clock_confirm(const struct asker *a, const json_t *arguments)
{
	const char *note;

	if (!api_text(a, arguments, "note", "", NOTE_MAX, &note))
		return;
	if (!reckoning_suspect(a->engine->its.reckoning)) {
		api_refuse(a, 409, "conflict", "the clock is not suspect: there is nothing to confirm");
		return;
	}
	doubt_confirmed(a->engine, &(struct deed){a->name, a->from, "clock.confirmed"}, note);
	api_answer(a, 200, doubt_document(a->engine));
}

bool api_hour_refused(const struct asker *a)
{
	if (!reckoning_suspect(a->engine->its.reckoning))
		return false;
	api_refuse(a, 409, "conflict", "the collector's clock is suspect, and a certificate that is made by a wrong clock is of no use: set it right or "
		   "confirm it first, beadle clock");
	return true;
}
