/* api_authority.c - people look at the school's certificate authority, and have another take its place. */
#include <stdio.h>
#include <stdlib.h>

#include "api.h"
#include "log.h"

#define BY_ROOT "the authority is changed"
#define NAMED 5				/* hosts, in a refusal */

struct authority_asked { struct asked asked; const char *action; bool forced; };

static json_t *document(const struct engine *e)
{
	json_t *o = authority_document(e);

	json_object_set_new(o, "both_count", json_boolean(authority_is_open(e)));
	json_object_set_new(o, "left", authority_left(e));
	return o;
}

void api_authority_show(const struct asker *a, const json_t *arguments)
{
	json_t *known = authority_document(a->engine);

	if (known)
		api_answer(a, 200, document(a->engine));
	else
		api_refuse(a, 503, "unavailable", "the signer has not said yet which authority counts: try again in a moment");
	json_decref(known);
}

/* ---- changes ---- */

static void changed(struct asked *asked, const Rooms__Signed *answer)
{
	const struct authority_asked *its = (struct authority_asked *)asked;
	struct engine *e = asked->engine;
	json_t *more = json_pack("{s:o, s:b}", "left", authority_left(e), "forced", its->forced);

	if (!api_signer_refused(asked, answer)) {
		log_notice("\"%s\": %s", asked->by, its->action);
		if (authority_answered(e, answer->authority, &(struct deed){asked->by, asked->from, its->action}, more))
			api_answer_later(asked, 200, document(e));
		else
			api_refuse_later(asked, 503, "unavailable", "the signer's answer cannot be read");
	}
	json_decref(more);
	free(asked);
}

static void ask(const struct asker *a, Rooms__AuthorityChange what, const char *action, bool forced)
{
	struct authority_asked *asked = calloc(1, sizeof(*asked));
	Rooms__Sign sign = ROOMS__SIGN__INIT;
	Rooms__ChangeAuthority change = ROOMS__CHANGE_AUTHORITY__INIT;

	authority_request(&sign, &change, what);
	if (asked) {
		asked->action = action;
		asked->forced = forced;
	}
	signing_ask_for(a, (struct asked *)asked, &sign, changed);
}

void api_authority_roll(const struct asker *a, const json_t *arguments)
{
	if (api_is_console(a, BY_ROOT))
		ask(a, ROOMS__AUTHORITY_CHANGE__ROLL, "authority.rolled", false);
}

/* "web1, web2 and 3 more"; false: nobody is left. */
static bool name_left(const struct engine *e, char ret[512])
{
	json_t *left = authority_left(e);
	const json_t *name;
	size_t i, n = json_array_size(left), at = 0;

	json_array_foreach(left, i, name)
		if (i < NAMED)
			at += (size_t)snprintf(ret + at, 512 - at, "%s%.80s", i ? ", " : "", json_string_value(name));
	if (n > NAMED)
		snprintf(ret + at, 512 - at, " and %zu more", n - NAMED);
	json_decref(left);
	return n > 0;
}

void api_authority_finish(const struct asker *a, const json_t *arguments)
{
	const bool forced = json_is_true(json_object_get(arguments, "force"));
	struct engine *e = a->engine;
	char left[512];

	if (!api_is_console(a, BY_ROOT))
		return;
	if (!authority_is_open(e))
		api_refuse(a, 409, "conflict", "no roll-over of the authority is under way");
	else if (authority_own_is_former(e))
		api_refuse(a, 409, "conflict", "the collector's own certificate is still of the former authority: try again in a moment");
	else if (!forced && name_left(e, left))
		api_refuse(a, 409, "conflict", "certificates of the former authority are still held by %s: each renews itself once it is connected; "
			   "--force cuts them off, and they must be enrolled anew", left);
	else
		ask(a, ROOMS__AUTHORITY_CHANGE__FINISH, "authority.finished", forced);
}
