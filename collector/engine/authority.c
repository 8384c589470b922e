/* authority.c - the school's certificate authority, and how another takes its place without an agent being cut off (I5). The signer has it and says
 * what counts; here it gets to the collector's own files, to agents, and into the journal. First both are trusted, then the collector shows a
 * certificate by the new one, for which the former vouches, and only then agents are told to follow. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "api.h"
#include "cleanup.h"
#include "clock.h"
#include "collector/standing.h"
#include "log.h"

#define SETTING "authority"		/* as the journal knows it */
#define A_SECOND 20			/* agents whose turn it is to renew */

struct authority {
	X509 *root, *vouched, *former;	/* root NULL: the signer has not said yet; the others: there was no roll-over */
	bool over;			/* what the former made counts no more */
	char *known;			/* the setting; NULL: not read */
};

static void clear(struct authority *a)
{
	X509_free(a->root);
	X509_free(a->vouched);
	X509_free(a->former);
	a->root = a->vouched = a->former = NULL;
}

struct authority *authority_new(void)
{
	return calloc(1, sizeof(struct authority));
}

void authority_free(struct authority *a)
{
	if (!a)
		return;
	clear(a);
	free(a->known);
	free(a);
}

bool authority_is_open(const struct engine *e)
{
	return e->authority->former && !e->authority->over;
}

/* ---- who still has to follow ---- */

static bool has_followed(const struct engine *e, const struct host *h, const struct identity_given *given)
{
	char id[AUTHORITY_ID];

	authority_id(e->authority->root, id);
	return given && !strcmp(given->authority, id) && (!h || !h->met || h->generation >= given->generation);
}

json_t *authority_left(const struct engine *e)
{
	const struct identity_given *i = NULL;
	json_t *list = json_array();

	if (!e->authority->former)
		return list;
	while ((i = roster_next(e->roster, i)))
		if (!i->revoked && !has_followed(e, registry_find_host(&e->registry, i->uuid), i))
			json_array_append_new(list, document_bytes(i->host));
	for (size_t k = 0; k < e->registry.hosts.n; k++) {	/* identities of before there was a roster */
		const struct host *h = e->registry.hosts.at[k];

		if (h && h->met && !h->revoked && !roster_get(e->roster, h->uuid))
			json_array_append_new(list, document_bytes(h->name));
	}
	return list;
}

static X509 *own_certificate(const struct engine *e)
{
	X509 *own = NULL;

	return authority_read(e->its.identity_folder, "cert.pem", &own, 1) == 1 ? own : NULL;
}

bool authority_own_is_former(const struct engine *e)
{
	X509 *own = e->authority->former ? own_certificate(e) : NULL;
	char by[AUTHORITY_ID] = "", former[AUTHORITY_ID] = "-";

	if (own) {
		authority_of(own, by);
		authority_id(e->authority->former, former);
	}
	X509_free(own);
	return !strcmp(by, former);
}

/* ---- agents ---- */

static uint8_t *put(uint8_t *at, X509 *cert, ProtobufCBinaryData *ret)
{
	int n = cert ? i2d_X509(cert, &at) : 0;		/* moves `at` on */

	*ret = (ProtobufCBinaryData){(size_t)n, at - n};
	return at;
}

static struct authority_told *say(const struct engine *e)
{
	const struct authority *a = e->authority;
	const int n = i2d_X509(a->root, NULL), m = i2d_X509(a->vouched, NULL);
	struct authority_told *t = n > 0 && m > 0 ? calloc(1, sizeof(*t) + (size_t)(n + m)) : NULL;

	if (!t)
		return NULL;
	put(put(t->bytes, a->root, &t->root), a->vouched, &t->vouched);
	t->node.kind = MESSAGE_AUTHORITY;
	t->alone = a->over;
	t->spread = e->registry.hosts.n / A_SECOND * (uint64_t)NS_PER_S;
	return t;
}

/* With a certificate by the former one, agents that are told to trust no other would turn away from us. */
static void tell_agents(struct engine *e)
{
	if (!e->authority->former || authority_own_is_former(e))
		return;
	for (size_t i = 0; i < e->its.threads; i++) {
		struct authority_told *t = say(e);

		if (t)
			queue_push(e->its.ingest[i], &t->node);
		else
			log_error("out of memory: agents hear of the authority at the next start");
	}
}

static Wire__Authority *name(const struct authority *a, Wire__Authority *authority)
{
	static uint8_t der[2 * 8192];		/* of the engine's one thread */

	if (i2d_X509(a->root, NULL) + i2d_X509(a->vouched, NULL) > (int)sizeof(der))
		return NULL;
	put(put(der, a->root, &authority->root), a->vouched, &authority->vouched);
	authority->alone = a->over;
	return authority;
}

void authority_tell_enrolled(const struct engine *e, Wire__Enrolled *to, Wire__Authority *authority)
{
	if (authority_is_open(e))
		to->authority = name(e->authority, authority);
}

void authority_tell_watcher(const struct engine *e, Wire__Working *to, Wire__Authority *authority)
{
	if (e->authority->former && !authority_own_is_former(e))
		to->authority = name(e->authority, authority);
}

/* ---- the collector's own files ---- */

/* What shows who vouches comes first: whoever is trusted without it could not be followed. 1: something is another now. */
static int write_files(const struct engine *e)
{
	const struct authority *a = e->authority;
	const char *folder = e->its.identity_folder;
	const bool both = a->former && !a->over;
	int cross = authority_write(folder, "cross.pem", &a->vouched, a->vouched != NULL);
	int trusted = cross < 0 ? cross : authority_write(folder, "ca.pem", (X509 *[]){a->root, a->former}, both ? 2 : 1);

	return trusted < 0 ? trusted : trusted || cross;
}

static void heed(struct engine *e)
{
	char id[AUTHORITY_ID] = "", why[256];
	int r = write_files(e);

	if (r > 0)
		r = renewals_use(e, why);
	if (r < 0)
		log_error("the school's authority cannot be taken up: %s", r == -EIO ? why : strerror(-r));
	if (e->authority->over)
		authority_id(e->authority->former, id);
	standing_authority_over(e->its.standing, id);
	signing_look(e);
	e->renewals_next = 0;
	tell_agents(e);
}

void authority_renewed(struct engine *e)
{
	tell_agents(e);
}

/* ---- the journal ---- */

json_t *authority_document(const struct engine *e)
{
	const struct authority *a = e->authority;
	char id[AUTHORITY_ID], former[AUTHORITY_ID];
	json_t *o = a->root ? json_object() : NULL;

	if (!o)
		return NULL;
	authority_id(a->root, id);
	json_object_set_new(o, "authority", json_string(id));
	if (a->former) {
		authority_id(a->former, former);
		json_object_set_new(o, "former", json_string(former));
		json_object_set_new(o, "former_over", json_boolean(a->over));
	}
	return o;
}

/* What the signer did is told once, also when we ended before we could. */
static void note(struct engine *e, const struct deed *deed, json_t *more)
{
	json_t *now = authority_document(e), *before = NULL;
	char *text = json_dumps(now, JSON_COMPACT | JSON_SORT_KEYS);

	if (!e->authority->known)
		reader_setting(e->checkpoints.reader, SETTING, &e->authority->known);
	before = e->authority->known ? json_loads(e->authority->known, 0, NULL) : NULL;
	if (text && !json_equal(before, now) && engine_change(e)) {
		change_setting(e->change, SETTING, text);
		json_object_update(now, more);
		if (before || e->authority->former)
			record(e->change, deed, "", NULL, json_incref(before), json_incref(now));
		free(e->authority->known);
		e->authority->known = TAKE(text);
	}
	free(text);
	json_decref(before);
	json_decref(now);
}

/* ---- what the signer says ---- */

static X509 *decode(const ProtobufCBinaryData *der)
{
	const unsigned char *p = der->data;

	return der->len ? d2i_X509(NULL, &p, (long)der->len) : NULL;
}

bool authority_answered(struct engine *e, const Rooms__Authority *said, const struct deed *deed, json_t *more)
{
	struct authority *a = e->authority;
	X509 *root = said ? decode(&said->root) : NULL;

	if (!root)
		return false;
	clear(a);
	a->root = root;
	a->vouched = decode(&said->vouched);
	a->former = decode(&said->former);
	a->over = said->over;
	note(e, deed, more);
	heed(e);
	return true;
}

static void came(struct asked *asked, const Rooms__Signed *answer)
{
	struct engine *e = asked->engine;
	const char *action = answer && answer->authority && answer->authority->over ? "authority.finished" : "authority.rolled";

	DL_DELETE(e->asked, asked);
	free(asked);
	if (answer && !authority_answered(e, answer->authority, &(struct deed){RECORD_SYSTEM, NULL, action}, NULL))
		log_error("the signer does not say which authority counts");
}

void authority_request(Rooms__Sign *sign, Rooms__ChangeAuthority *change, Rooms__AuthorityChange what)
{
	change->change = what;
	sign->request_case = ROOMS__SIGN__REQUEST_CHANGE_AUTHORITY;
	sign->change_authority = change;
}

void authority_begin(struct engine *e)
{
	Rooms__Sign sign = ROOMS__SIGN__INIT;
	Rooms__ChangeAuthority change = ROOMS__CHANGE_AUTHORITY__INIT;

	authority_request(&sign, &change, ROOMS__AUTHORITY_CHANGE__SHOW);
	signing_ask_plainly(e, &sign, came);
}
