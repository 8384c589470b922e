/* api_view.c - queries that are answered from the engine's own memory. */
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "clock.h"
#include "collector/reckoning.h"

#define LIMIT 1000
#define UNTOLD 20		/* notices that the doctor names */

void api_status(const struct asker *a, const json_t *arguments)
{
	api_answer(a, 200, document_status(a->engine));
}

void api_procedure(const struct asker *a, const json_t *arguments)
{
	api_answer(a, 200, document_procedure(a->engine));
}

void api_whoami(const struct asker *a, const json_t *arguments)
{
	api_answer(a, 200, json_pack("{s:s, s:o, s:b, s:b, s:b, s:s, s:s}", "name", a->name, "roles", authorise_roles(a->roles),
				     "must_change", a->account && a->account->must_change, "must_prove", api_must_prove(a),
				     "factor", a->account && a->account->has_factor, "language",
				     a->engine->its.site->chinese ? "zh-TW" : "en", "school", a->engine->its.site->title));
}

/* The page is told of changes from now on. */
void api_stream(const struct asker *a, const json_t *arguments)
{
	api_answer(a, 200, json_object());
}

void api_hosts(const struct asker *a, const json_t *arguments)
{
	const struct registry *r = &a->engine->registry;
	int64_t limit, after;
	json_t *list;
	size_t i;

	if (!api_number(a, arguments, "limit", LIMIT, 1, LIMIT, &limit) ||
	    !api_number(a, arguments, "after", -1, -1, UINT32_MAX, &after))
		return;
	list = json_array();
	for (i = (size_t)(after + 1); i < r->hosts.n && json_array_size(list) < (size_t)limit; i++)
		if (r->hosts.at[i])
			json_array_append_new(list, document_host(a->engine, r->hosts.at[i], false));
	api_answer(a, 200, json_pack("{s:o, s:b}", "hosts", list, "more", i < r->hosts.n));
}

void api_host_document(const struct asker *a, const json_t *arguments)
{
	const struct host *h;

	if (!api_host(a, arguments, &h))
		return;
	if (h)
		api_answer(a, 200, document_host(a->engine, h, true));
	else
		api_refuse(a, 400, "bad_request", "host is missing");
}

void api_checks(const struct asker *a, const json_t *arguments)
{
	const struct registry *r = &a->engine->registry;
	int64_t limit, after;
	const struct host *h;
	const char *state;
	json_t *list;
	size_t i;

	if (!api_host(a, arguments, &h) || !api_text(a, arguments, "state", "", 16, &state) ||
	    !api_number(a, arguments, "limit", 100, 1, LIMIT, &limit) ||
	    !api_number(a, arguments, "after", -1, -1, UINT32_MAX, &after))
		return;
	list = json_array();
	for (i = (size_t)(after + 1); i < r->checks.n && json_array_size(list) < (size_t)limit; i++) {
		const struct check *c = r->checks.at[i];
		json_t *o;

		if (!c || c->gone || (h && c->host != h->id))
			continue;
		o = document_check(a->engine, c, true);
		if (!*state || !strcmp(state, json_string_value(json_object_get(o, "state"))))
			json_array_append(list, o);
		json_decref(o);
	}
	api_answer(a, 200, json_pack("{s:o, s:b}", "checks", list, "more", i < r->checks.n));
}

static void found(json_t *findings, const char *level, const char *what, const char *mend)
{
	json_array_append_new(findings, json_pack("{s:s, s:s, s:s}", "level", level, "what", what, "mend", mend));
}

/* Who would be told of an incident, and cannot be. */
static void find_gaps(const struct site *site, json_t *list)
{
	const struct procedure *p = site->procedure;

	if (!site->mails)
		found(list, "warning", "notices: no mail server is configured, nobody is told by mail", "give notify: mail: in collector.yaml");
	if (!site->second_factor)
		found(list, "warning", "log-in: who holds a password can change and sign, without a second factor",
		      "take second-factor: optional out of collector.yaml, and restart");
	for (size_t i = 0; i < p->roles_n; i++) {
		const char *role = p->roles[i].id, *kinds[2] = {NULL, ""};
		const struct person *holder;
		char what[256];
		bool fallback;

		if (!strcmp(role, PEOPLE_OWNER) || !strcmp(role, PEOPLE_DEPUTY) || people_of(site->people, role, "", &holder, 1, &fallback))
			continue;
		for (size_t k = 0; k < p->kinds_n; k++)
			for (size_t s = 0; s < p->kinds[k].n; s++)
				if (!strcmp(p->kinds[k].steps[s].role, role))
					kinds[kinds[0] ? 1 : 0] = kinds[0] ? " and others" : p->kinds[k].id;
		if (!kinds[0])
			continue;
		snprintf(what, sizeof(what), "role %.64s: nobody holds it, and the procedure tells it of %s%s", role, kinds[0], kinds[1]);
		found(list, "warning", what, "name a person at roles: in collector.yaml");
	}
}

/* What people were not told. One that is still tried is enough to look at; each that was given up is somebody who does not know. */
static void find_untold(const struct notices *all, json_t *list)
{
	const char *mend = "tell them in another way; mend notify: in collector.yaml: after a restart it is sent again";
	bool tried = false;
	size_t n = 0;

	for (const struct notice *i = all->list; i; i = i->next) {
		char what[256];

		tried |= i->state == NOTICE_RETRYING;
		if (i->state != NOTICE_GIVEN_UP || ++n > UNTOLD)
			continue;
		if (i->incident)
			snprintf(what, sizeof(what), "notice to %.64s by %s of incident %llu: given up after %u %s", i->person, i->channel,
				 (unsigned long long)i->incident, i->tries, i->tries == 1 ? "try" : "tries");
		else
			snprintf(what, sizeof(what), "the journal's checkpoint by mail to %.64s: given up after %u %s", i->person, i->tries,
				 i->tries == 1 ? "try" : "tries");
		found(list, i->incident ? "critical" : "warning", what, mend);
	}
	if (n > UNTOLD)
		found(list, "critical", "notices: more were given up than are listed here", mend);
	if (tried)
		found(list, "critical", "notices: at least one was not taken by the mail server or webhook, and is tried again",
		      "look at notify: in collector.yaml and at the notifier's lines in the log");
}

/* Somebody outside alarms when he does not hear of us, and now he does not because we cannot reach him. */
static void find_unheard(const struct engine *e, json_t *list)
{
	char what[320];

	if (e->heartbeat == HEARTBEAT_TAKEN)
		found(list, "ok", "heartbeat: was taken outside", "");
	if (e->heartbeat != HEARTBEAT_UNHEARD)
		return;
	snprintf(what, sizeof(what), "heartbeat: nobody outside hears it: %s", e->heartbeat_trouble);
	found(list, "critical", what, "look at notify: heartbeat: in collector.yaml, and at who should take it");
}

/* What is renewed by itself at 30 of 397 days, and was not. */
static void find_endings(const struct engine *e, json_t *list)
{
	const struct identity_given *i = NULL;
	char what[320];

	while ((i = roster_next(e->roster, i))) {
		const int64_t left = (i->not_after - clock_wall()) / (86400 * NS_PER_S);

		if (!i->not_after || i->revoked || left >= 30)
			continue;
		snprintf(what, sizeof(what), "%s: its certificate %s", i->host, left < 0 ? "has ended" : "ends within 30 days");
		found(list, "warning", what, "it renews itself while its agent is connected, so see to that; one that has ended is replaced: "
		      "beadle identity new --replace");
	}
}

static void find_clock(const struct engine *e, json_t *list)
{
	char why[256], what[320];

	doubt_words(e, why);
	snprintf(what, sizeof(what), "the collector's clock is suspect: %s", why);
	found(list, "critical", what, "set it right; or, if it is right: beadle clock confirm");
}

/* Named, and nobody made it an identity: no agent can ever come from there, so no list has it. */
static void find_unknown(const struct engine *e, json_t *list)
{
	const char *name;
	size_t at = 0;

	while ((name = people_host_named(e->its.site->people, &at))) {
		const struct identity_given *given = roster_find(e->roster, name);
		char what[320];

		if (given ? !given->revoked : registry_find_host(&e->registry, name) != NULL)
			continue;
		snprintf(what, sizeof(what), "%.200s: stands under hosts: in collector.yaml, and is not watched: it has no identity", name);
		found(list, "warning", what, "beadle identity new --host, or take it out of collector.yaml");
	}
}

/* Both authorities count: whoever stole the former's key can still use it. */
static void find_overlap(const struct engine *e, json_t *list)
{
	json_t *left = authority_is_open(e) ? authority_left(e) : NULL;
	char what[160];

	if (left) {
		snprintf(what, sizeof(what), "authority: a roll-over is under way, and the former one still counts; %zu hosts have not followed", json_array_size(left));
		found(list, "warning", what, "beadle authority show names them; when none is left: beadle authority finish");
	}
	json_decref(left);
}

static int set_aside(const char *name, void *list)
{
	char what[128];

	snprintf(what, sizeof(what), "the store: %.64s is damaged and lies set aside", name);
	found(list, "warning", what, "what could be read of it is in use again; look for the cause (disk, memory), then copy the file away "
	      "or remove it");
	return 0;
}

void api_doctor(const struct asker *a, const json_t *arguments)
{
	struct engine *e = a->engine;
	json_t *list = json_array();

	found(list, "ok", "collector: answers", "");
	if (e->disk_full)
		found(list, "critical", "collector: its disk is full, nothing new is taken in", "free some space where state: lies");
	if (reckoning_suspect(e->its.reckoning))
		find_clock(e, list);
	if (!e->signer)
		found(list, "critical", "signer: does not run, no identities can be made", "the collector's log tells why it ended");
	if (!e->notifier)
		found(list, "critical", "notifier: does not run, nobody is told of incidents", "the collector's log tells why it ended");
	if (!e->web)
		found(list, "critical", "web: does not run, there is no dashboard", "the collector's log tells why it ended");
	find_gaps(e->its.site, list);
	find_untold(e->notices, list);
	find_unheard(e, list);
	store_set_aside(e->its.store_folder, set_aside, list);
	find_endings(e, list);
	find_overlap(e, list);
	find_unknown(e, list);
	for (size_t i = 0; i < e->registry.hosts.n; i++) {
		const struct host *h = e->registry.hosts.at[i];
		const int64_t off = h ? h->offset < 0 ? -h->offset : h->offset : 0;

		if (h && h->connections && off > 5 * NS_PER_S && !reckoning_suspect(e->its.reckoning))
			found(list, "warning", "an agent's clock and this collector's differ by more than 5 s",
			      "find which is wrong: beadle hosts; both should follow the school's reference (5.6.4.1)");
	}
	api_answer(a, 200, json_pack("{s:o}", "findings", list));
}
