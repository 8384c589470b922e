/* signing.c - questions to the signer and their answers, and which certificates count. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "api.h"
#include "clock.h"
#include "collector/standing.h"
#include "log.h"

/* Remembers whose answer it will be. The caller puts `asked` into the list. */
static bool ask(struct engine *e, struct asked *asked, Rooms__Sign *sign)
{
	Rooms__Message m = ROOMS__MESSAGE__INIT;

	if (!e->signer)
		return false;
	asked->number = sign->id = ++e->signs;
	m.message_case = ROOMS__MESSAGE__MESSAGE_SIGN;
	m.sign = sign;
	pipe_send(e->signer, &m);
	return true;
}

void signing_ask_for(const struct asker *a, struct asked *asked, Rooms__Sign *sign, void (*signed_)(struct asked *, const Rooms__Signed *))
{
	if (asked && ask(a->engine, asked, sign)) {
		asked->signed_ = signed_;
		api_later(asked, a);
		return;
	}
	free(asked);
	api_refuse(a, 503, "unavailable", "the signer does not run");
}

bool signing_ask_on(struct asked *asked, Rooms__Sign *sign, void (*signed_)(struct asked *, const Rooms__Signed *))
{
	asked->signed_ = signed_;
	return ask(asked->engine, asked, sign);
}

bool signing_ask_ourselves(struct engine *e, struct asked *asked, Rooms__Sign *sign)
{
	if (!ask(e, asked, sign))
		return false;
	asked->engine = e;
	DL_APPEND(e->asked, asked);
	return true;
}

bool signing_ask_plainly(struct engine *e, Rooms__Sign *sign, void (*signed_)(struct asked *, const Rooms__Signed *))
{
	struct asked *asked = calloc(1, sizeof(*asked));

	if (asked)
		asked->signed_ = signed_;
	if (asked && signing_ask_ourselves(e, asked, sign))
		return true;
	free(asked);
	return false;
}

void signing_answered(struct engine *e, const Rooms__Signed *answer)
{
	struct asked *asked;

	DL_FOREACH(e->asked, asked)
		if (asked->number && asked->number == answer->id) {
			asked->signed_(asked, answer);
			engine_flush(e);
			return;
		}
}

void signing_gone(struct engine *e)
{
	struct asked *asked, *safe;

	DL_FOREACH_SAFE(e->asked, asked, safe)
		if (asked->number)
			asked->signed_(asked, NULL);
}

/* ---- what counts ---- */

void signing_look(struct engine *e)
{
	for (size_t i = 0; i < e->its.threads; i++) {
		struct node *n = calloc(1, sizeof(*n));

		if (!n)
			continue;	/* the next frame or acknowledgement of each connection looks by itself */
		n->kind = MESSAGE_STANDING;
		queue_push(e->its.ingest[i], n);
	}
}

static void retire_host(struct engine *e, const char *uuid)
{
	struct host *h = registry_find_host(&e->registry, uuid);

	if (!h)
		return;
	for (size_t i = 0; i < h->checks.n; i++)
		registry_get_check(&e->registry, h->checks.at[i])->gone = true;
	h->revoked = true;
	judge_host_gone(e->judge, h->id, clock_wall());
	if (e->web && !e->replaying)
		api_push(e, "host", document_host(e, h, false));
}

int signing_revoked(struct engine *e, const char *uuid, const struct deed *deed)
{
	const struct identity_given *known = roster_get(e->roster, uuid);
	struct identity_given given = known ? *known : (struct identity_given){0};
	int r = standing_revoke(e->its.standing, uuid);

	if (r < 0)
		return r;
	signing_look(e);
	retire_host(e, uuid);
	if (given.revoked)
		return 0;
	snprintf(given.uuid, sizeof(given.uuid), "%s", uuid);
	if (!known) {
		const struct host *h = registry_find_host(&e->registry, uuid);

		snprintf(given.host, sizeof(given.host), "%s", h ? h->name : uuid);
	}
	given.revoked = clock_wall();
	return engine_change(e) ? roster_set(e->roster, &given, deed, e->change) : -ENOMEM;
}

/* ---- the signer has come ---- */

static void took_list(struct asked *asked, const Rooms__Signed *answer)
{
	struct engine *e = asked->engine;

	DL_DELETE(e->asked, asked);
	free(asked);
	if (!answer)
		return;
	if (*answer->error) {
		log_error("the signer: %s; revocations that only it knows do not count", answer->error);
		return;
	}
	revoked_listed(e, answer->revoked.len ? (const char *)answer->revoked.data : "", answer->revoked.len);
	standing_complete(e->its.standing);
}

void signing_begin(struct engine *e)
{
	Rooms__Sign sign = ROOMS__SIGN__INIT;
	Rooms__ListRevoked list = ROOMS__LIST_REVOKED__INIT;

	authority_begin(e);	/* first: with the list all is there that decides who is served */
	sign.request_case = ROOMS__SIGN__REQUEST_LIST_REVOKED;
	sign.list_revoked = &list;
	signing_ask_plainly(e, &sign, took_list);
	e->renewals_next = 0;
	enrolments_begin(e);
	checkpoints_begin(e);
}
