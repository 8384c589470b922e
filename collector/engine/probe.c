/* probe.c - does the collector really work? Whoever asks (SECURITY R13: a watcher on another server, or the notifier before a heartbeat) is
 * answered when the store has kept something that was begun after the question, so that ingest, engine and store have all been there. */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "collector/reckoning.h"
#include "collector/standing.h"
#include "log.h"
#include "room.h"
#include "text.h"

#define FULL "the collector's disk is full: nothing is stored or acknowledged"

struct probe {
	struct probe *next;
	struct reference from;
	uint64_t id, change;	/* id: the notifier's; 0: it is of `from` */
};

static void tell_watcher(struct engine *e, const struct reference *to, const char *trouble)
{
	Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
	Wire__Working working = WIRE__WORKING__INIT;
	Wire__Authority authority = WIRE__AUTHORITY__INIT;
	struct sending *s;

	working.trouble = (char *)trouble;
	working.wall = (uint64_t)reckoning_now(e->its.reckoning);
	authority_tell_watcher(e, &working, &authority);
	envelope.message_case = WIRE__ENVELOPE__MESSAGE_WORKING;
	envelope.working = &working;
	s = message_sending(to, &envelope.base);
	if (s)
		queue_push(e->its.ingest[to->thread], &s->node);
}

static void tell_notifier(struct engine *e, uint64_t id, const char *trouble)
{
	Rooms__Message m = ROOMS__MESSAGE__INIT;
	Rooms__Working working = ROOMS__WORKING__INIT;

	working.id = id;
	working.trouble = (char *)trouble;
	m.message_case = ROOMS__MESSAGE__MESSAGE_WORKING;
	m.working = &working;
	if (e->notifier)
		pipe_send(e->notifier, &m);
}

static void tell(struct engine *e, const struct probe *p, const char *trouble)
{
	if (p->id)
		tell_notifier(e, p->id, trouble);
	else
		tell_watcher(e, &p->from, trouble);
}

/* Without memory nobody is answered, and takes us for not working: so it is. */
static void ask(struct engine *e, const struct probe *question)
{
	struct probe *p;

	if (e->disk_full) {
		tell(e, question, FULL);
		return;
	}
	p = malloc(sizeof(*p));
	if (!p || !engine_sign_of_life(e)) {
		free(p);
		return;
	}
	*p = *question;
	p->change = e->changes;
	LL_PREPEND(e->probes, p);
}

/* Who has an identity of its own is no agent's shadow: it came with its token, uses its certificate, and is missed (R14). */
static void notice(struct engine *e, const struct probing *m)
{
	struct host *h = registry_find_host(&e->registry, m->agent);

	if (!h || h->met)
		return;
	if (standing_used(e->its.standing, m->agent, m->generation) < 0)
		log_error("%s: out of memory: its older certificates still count", h->name);
	h->seen = clock_wall();
	if (!h->address || strcmp(h->address, m->address)) {
		free(h->address);
		h->address = strdup(m->address);
	}
	h->watches = true;
	enrolments_came(e, m->agent, m->generation);
	judge_looked(e->judge, h->id, h->seen, clock_boot());
}

void probe_by_watcher(struct engine *e, const struct probing *m)
{
	if (m->own)
		notice(e, m);
	ask(e, &(struct probe){.from = m->from});
}

void probe_by_notifier(struct engine *e, const Rooms__Probe *m)
{
	ask(e, &(struct probe){.id = m->id ? m->id : 1});
}

/* All whose change has a smaller number. */
static void answer(struct engine *e, uint64_t before, const char *trouble)
{
	struct probe *p, *safe;

	LL_FOREACH_SAFE(e->probes, p, safe)
		if (p->change < before) {
			LL_DELETE(e->probes, p);
			tell(e, p, trouble);
			free(p);
		}
}

void probe_kept(struct engine *e)
{
	answer(e, e->changes, "");
}

void probe_disk_full(struct engine *e)
{
	answer(e, UINT64_MAX, FULL);
}

void probe_free(struct engine *e)
{
	struct probe *p, *safe;

	LL_FOREACH_SAFE(e->probes, p, safe)
		free(p);
	e->probes = NULL;
}

void probe_heartbeat(struct engine *e, const char *trouble)
{
	e->heartbeat = *trouble ? HEARTBEAT_UNHEARD : HEARTBEAT_TAKEN;
	text_escape(trouble, strlen(trouble), e->heartbeat_trouble, sizeof(e->heartbeat_trouble));
}
