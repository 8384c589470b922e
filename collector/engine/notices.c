#include "notices.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static const char *const states[] = {"pending", "queued", "sent", "retrying", "given_up"};

const char *notices_state(enum notice_state state)
{
	return states[state];
}

bool notices_open(const struct notice *n)
{
	return n->state != NOTICE_SENT && n->state != NOTICE_GIVEN_UP;
}

static void notice_free(struct notice *n)
{
	char *const texts[] = {n->id, n->role, n->person, n->name, n->channel, n->to, n->clause, n->reason, n->subject, n->text, n->json};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
	free(n);
}

static char *copy(const char *s)
{
	return strdup(s ? s : "");
}

static struct notice *keep(struct notices *all, struct notice *n)
{
	if (n->id && n->role && n->person && n->name && n->channel && n->to && n->clause && n->reason && n->subject && n->text &&
	    n->json) {
		LL_PREPEND(all->list, n);
		return n;
	}
	notice_free(n);
	return NULL;
}

struct notice *notices_add(struct notices *all, const struct due *due, const char *to, const char *subject, const char *text,
			   const char *json, int64_t at)
{
	struct notice *n = notices_find(all, due->id) ? NULL : calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	*n = (struct notice){.id = copy(due->id), .role = copy(due->role), .person = copy(due->person->id),
		.name = copy(due->person->name), .channel = copy(due->channel), .to = copy(to), .clause = copy(due->clause),
		.reason = copy(escalation_reason_name(due->reason)), .subject = copy(subject), .text = copy(text),
		.json = copy(json), .incident = due->incident, .at = at};
	return keep(all, n);
}

struct notice *notices_find(const struct notices *all, const char *id)
{
	struct notice *n;

	LL_FOREACH(all->list, n)
		if (!strcmp(n->id, id))
			return n;
	return NULL;
}

void notices_revive(struct notices *all)
{
	struct notice *n;

	LL_FOREACH(all->list, n)
		if (n->state == NOTICE_GIVEN_UP)
			n->state = NOTICE_PENDING;
}

void notices_forget(struct notices *all, uint64_t incident)
{
	struct notice *n, *safe;

	LL_FOREACH_SAFE(all->list, n, safe)
		if (n->incident == incident && !notices_open(n)) {
			LL_DELETE(all->list, n);
			notice_free(n);
		}
}

void notices_free(struct notices *all)
{
	struct notice *n, *safe;

	if (!all)
		return;
	LL_FOREACH_SAFE(all->list, n, safe)
		notice_free(n);
	free(all);
}

char *notices_save(const struct notice *n)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i}", "role", n->role, "person", n->person,
			      "name", n->name, "channel", n->channel, "to", n->to, "clause", n->clause, "reason", n->reason,
			      "subject", n->subject, "text", n->text, "json", n->json, "state", states[n->state], "tries",
			      (int)n->tries);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	json_decref(o);
	return text;
}

struct notice *notices_load(struct notices *all, const char *id, uint64_t incident, int64_t at, const char *json)
{
	json_t *o = json_loads(json, 0, NULL);
	struct notice *n = o ? calloc(1, sizeof(*n)) : NULL;

	if (n) {
#define TEXT(key) copy(json_string_value(json_object_get(o, key)))
		*n = (struct notice){.id = copy(id), .role = TEXT("role"), .person = TEXT("person"), .name = TEXT("name"),
			.channel = TEXT("channel"), .to = TEXT("to"), .clause = TEXT("clause"), .reason = TEXT("reason"),
			.subject = TEXT("subject"), .text = TEXT("text"), .json = TEXT("json"), .incident = incident, .at = at,
			.tries = (uint32_t)json_integer_value(json_object_get(o, "tries")), .kept = true};
#undef TEXT
		n = keep(all, n);
	}
	json_decref(o);
	return n;
}
