/* api_act.c - what a person does to an incident. */
#include <errno.h>
#include <string.h>

#include "api.h"
#include "clock.h"

#define NOTE_MAX 4000

static void answer_incident(const struct asker *a, uint64_t id, int error)
{
	const struct incident *i = incident_get(a->engine->incidents, id);

	if (error == -ENOENT)
		api_refuse(a, 404, "not_found", "no open incident %llu", (unsigned long long)id);
	else if (error == -EBUSY)
		api_refuse(a, 409, "conflict", "a finding of incident %llu is still critical, or the collector's own: it can be closed once that is over",
			   (unsigned long long)id);
	else if (error == -EINVAL)
		api_refuse(a, 400, "bad_request", "note is missing: it goes into the record");
	else if (error < 0)
		api_refuse(a, 503, "unavailable", "%s", strerror(-error));
	else
		api_answer(a, 200, i ? document_incident(a->engine, i, false)
				     : json_pack("{s:I, s:s}", "id", (json_int_t)id, "state", "closed"));
}

static bool id_and_note(const struct asker *a, const json_t *arguments, const char *dflt, int64_t *ret_id, const char **ret_note)
{
	return api_number(a, arguments, "id", 0, 1, INT64_MAX, ret_id) && api_text(a, arguments, "note", dflt, NOTE_MAX, ret_note);
}

void api_ack(const struct asker *a, const json_t *arguments)
{
	int64_t id, duration;
	const char *note;

	if (!id_and_note(a, arguments, "", &id, &note) ||
	    !api_number(a, arguments, "for_ns", 4 * 3600 * NS_PER_S, 60 * NS_PER_S, 7 * 86400 * NS_PER_S, &duration))
		return;
	answer_incident(a, (uint64_t)id, incident_ack(a->engine->incidents, (uint64_t)id, a->name, note, duration, clock_wall(),
						      clock_boot()));
}

void api_handle(const struct asker *a, const json_t *arguments)
{
	const char *note;
	int64_t id;

	if (id_and_note(a, arguments, NULL, &id, &note))
		answer_incident(a, (uint64_t)id, incident_handle(a->engine->incidents, (uint64_t)id, a->name, note, clock_wall()));
}

void api_close(const struct asker *a, const json_t *arguments)
{
	const char *note;
	int64_t id;

	if (id_and_note(a, arguments, NULL, &id, &note))
		answer_incident(a, (uint64_t)id, incident_close(a->engine->incidents, (uint64_t)id, a->name, note, clock_wall()));
}
