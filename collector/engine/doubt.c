/* doubt.c - the collector's own clock is suspect (reckoning.h): agents are asked, people are told, and whoever says that it is right again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "collector/reckoning.h"
#include "log.h"
#include "room.h"
#include "text.h"

/* ---- a second opinion ---- */

/* An agent of this very machine has this very clock. */
static bool is_here(const struct engine *e, const struct host *h)
{
	for (size_t i = 0; i < h->facts.n; i++)
		if (!strcmp(h->facts.at[i].name, "boot_id"))
			return !strcmp(h->facts.at[i].value, e->doubt.boot_id);
	return false;
}

/* As reckoning_agents. */
static int ask_agents(const struct engine *e, size_t *ret_n, int64_t *ret_ns)
{
	int64_t *told = calloc(e->registry.hosts.n + 1, sizeof(*told));
	size_t n = 0;
	int r = -ENOMEM;

	*ret_ns = 0;
	for (size_t i = 0; told && i < e->registry.hosts.n; i++) {
		const struct host *h = e->registry.hosts.at[i];

		if (h && h->connections && !h->revoked && h->told && !is_here(e, h))
			told[n++] = h->told;
	}
	if (told)
		r = reckoning_agents(told, n, ret_ns);
	*ret_n = n;
	free(told);
	return r;
}

/* ---- in words ---- */

static const char *difference(int64_t ns, char buf[48])
{
	char time[24];

	snprintf(buf, 48, "%s %s", text_put_duration(llabs(ns), time), ns < 0 ? "behind" : "ahead");
	return buf;
}

void doubt_words(const struct engine *e, char ret[256])
{
	const struct reckoning *r = e->its.reckoning;
	char apart[48], theirs[48];
	int64_t ns;
	size_t n;
	int used = snprintf(ret, 256, "%s of %s", difference(reckoning_apart(r), apart), reckoning_since_boot(r) ? "what it was before it was stepped" :
		"the last time that was kept: the machine was off, or the clock is wrong");

	if (ask_agents(e, &n, &ns) == -ERANGE)
		snprintf(ret + used, 256 - (size_t)used, "; %s of the median of %zu agents", difference(-ns, theirs), n);
	else
		snprintf(ret + used, 256 - (size_t)used, "; %zu agents on other machines are connected, and %d are needed to say so", n, RECKONING_AGENTS);
}

json_t *doubt_document(const struct engine *e)
{
	const struct reckoning *r = e->its.reckoning;
	json_t *o = json_pack("{s:b}", "suspect", reckoning_suspect(r));
	int64_t ns;
	size_t n;
	int asked;

	if (!o || !reckoning_suspect(r))
		return o;
	asked = ask_agents(e, &n, &ns);
	json_object_set_new(o, "reckoned_at", json_integer(reckoning_now(r)));
	json_object_set_new(o, "apart_ns", json_integer(reckoning_apart(r)));
	json_object_set_new(o, "stepped", json_boolean(reckoning_since_boot(r)));
	json_object_set_new(o, "agents", json_integer((json_int_t)n));
	json_object_set_new(o, "agents_apart_ns", asked == 0 || asked == -ERANGE ? json_integer(-ns) : json_null());
	return o;
}

/* ---- what is kept ---- */

void doubt_keep(struct engine *e)
{
	char text[RECKONING_TEXT];

	if (reckoning_keep(e->its.reckoning, text) && engine_change(e))
		change_setting(e->change, RECKONING_SETTING, text);
}

static void tell(struct engine *e, const char *action, json_t *what)
{
	if (engine_change(e))
		record_fact(e->change, &(struct deed){RECORD_SYSTEM, NULL, action}, "", what);
	else
		json_decref(what);
}

/* ---- its course ---- */

static void begin(struct engine *e, int64_t now)
{
	char apart[48];

	e->doubt.since = now;
	e->doubt.settled = false;
	log_warning("the clock is suspect: it is %s of %s; until agents agree or a person confirms it nothing is deleted for its age and no certificate ends",
		    difference(reckoning_apart(e->its.reckoning), apart),
		    reckoning_since_boot(e->its.reckoning) ? "what it was" : "the last time that was kept");
}

/* Agents have had the time to come back, and did not say that it is right: a person has to look. */
static void tell_person(struct engine *e)
{
	const bool stepped = reckoning_since_boot(e->its.reckoning);
	char why[256];

	doubt_words(e, why);
	e->doubt.told = true;
	tell(e, "clock.suspect", json_pack("{s:s, s:I}", "what", why, "reckoned_at", (json_int_t)reckoning_now(e->its.reckoning)));
	outcome_own_is(e, OWN_CLOCK, OWN_HOST, stepped ? STATE_CRITICAL : STATE_WARNING, why);
}

/* Also once after the start: an incident of an earlier life may still say otherwise. */
static void settle(struct engine *e, const char *why)
{
	if (e->doubt.settled)
		return;
	if (e->doubt.since)
		log_notice("the clock is believed again: %s", why);
	e->doubt.since = 0;
	e->doubt.told = false;
	e->doubt.settled = true;
	e->renewals_next = 0;
	outcome_own_is(e, OWN_CLOCK, OWN_HOST, STATE_OK, why);
	doubt_keep(e);
}

static bool agents_agree(struct engine *e)
{
	const int64_t apart = reckoning_apart(e->its.reckoning);
	char why[96];
	int64_t ns;
	size_t n;

	if (ask_agents(e, &n, &ns) != 0)
		return false;
	reckoning_believe(e->its.reckoning);
	tell(e, "clock.agreed", json_pack("{s:I, s:I, s:I}", "apart_ns", (json_int_t)apart, "agents", (json_int_t)n, "agents_apart_ns", (json_int_t)-ns));
	snprintf(why, sizeof(why), "the median of %zu agents agrees", n);
	settle(e, why);
	return true;
}

static void back(struct engine *e)
{
	if (e->doubt.told)
		tell(e, "clock.back", json_object());
	settle(e, "it is back");
}

void doubt_tick(struct engine *e, int64_t now)
{
	reckoning_look(e->its.reckoning);
	if (!reckoning_suspect(e->its.reckoning)) {
		back(e);
		return;
	}
	if (!e->doubt.since)
		begin(e, now);
	if (!agents_agree(e) && !e->doubt.told && now - e->doubt.since >= e->its.site->procedure->gone_ns)
		tell_person(e);
}

void doubt_confirmed(struct engine *e, const struct deed *deed, const char *note)
{
	struct reckoning *r = e->its.reckoning;
	json_t *before = json_pack("{s:I, s:I}", "reckoned_at", (json_int_t)reckoning_now(r), "apart_ns", (json_int_t)reckoning_apart(r));
	char why[96];

	reckoning_believe(r);
	if (engine_change(e))
		record(e->change, deed, "", NULL, before, json_pack("{s:I, s:o}", "at", (json_int_t)clock_wall(), "note", document_bytes(note)));
	else
		json_decref(before);
	snprintf(why, sizeof(why), "%.64s confirms it", deed->actor);
	settle(e, why);
}
