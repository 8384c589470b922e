#include "collector/store/registrar.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "clock.h"
#include "collector/message.h"
#include "log.h"
#include "text.h"

#define BY_TURNS (600 * NS_PER_S)

/* Which machine it is, as far as that can be seen: a clone has another boot id, a copied key another address. */
struct machine { char address[INET6_ADDRSTRLEN]; char boot[64]; };

/* The connection that speaks for a host, and whom it put out: a machine that moves or restarts does not come back as what it was, the
 * other one of a pair does (I3). */
struct speaker { uint32_t host; struct reference from; struct machine now, before; int64_t put_out; UT_hash_handle hh; };

struct registrar {
	const struct keeper_setup *its;
	struct speaker *speakers;
};

struct registrar *registrar_new(const struct keeper_setup *setup)
{
	struct registrar *r = calloc(1, sizeof(*r));

	if (r)
		r->its = setup;
	return r;
}

void registrar_free(struct registrar *r)
{
	struct speaker *s, *next;

	if (!r)
		return;
	HASH_ITER(hh, r->speakers, s, next) {
		HASH_DEL(r->speakers, s);
		free(s);
	}
	free(r);
}

/* ---- numbers ---- */

/* The host's name as it calls itself, for people; the id stands for it until it does. A host that could choose its own name could choose another's owner, rules and assignment. */
static int name_of(struct store *store, const Wire__Hello *h, char buf[128])
{
	int given = store_given_name(store, h->agent, buf, 128);

	if (given)
		return given < 0 ? given : 0;
	snprintf(buf, 128, "%s", h->agent);
	for (size_t i = 0; i < h->n_facts; i++) {
		const Wire__Fact *f = h->facts[i];

		if (!strcmp(f->name, "hostname") && f->value.len > 0)
			text_escape(f->value.data, f->value.len, buf, 128);
	}
	return 0;
}

static int number_hello(struct store *store, struct hello *h)
{
	const Wire__Hello *hello = h->hello;
	int r;

	h->checks = arena_take(h->arena, hello->n_checks * sizeof(*h->checks));
	h->held = arena_take(h->arena, hello->n_spools * sizeof(*h->held));
	h->digests = arena_take(h->arena, hello->n_spools * sizeof(*h->digests));
	h->lost = arena_take(h->arena, hello->n_past * sizeof(*h->lost));
	if (!h->checks || !h->held || !h->digests || !h->lost)
		return -ENOMEM;
	r = name_of(store, hello, h->name);
	if (!r)
		r = store_host(store, hello->agent, h->name, &h->host);
	if (!r)
		r = store_used(store, hello->agent, h->generation);
	for (size_t i = 0; i < hello->n_checks && !r; i++)
		r = store_check(store, h->host, hello->checks[i]->name, hello->checks[i]->plugin,
				(int64_t)hello->checks[i]->interval_ns, &h->checks[i]);
	for (size_t i = 0; i < hello->n_spools && !r; i++)
		r = store_held(store, h->host, hello->spools[i]->epoch, &h->held[i], &h->digests[i]);
	for (size_t i = 0; i < hello->n_past && !r; i++)
		h->lost[i] = store_lost(store, h->host, hello->past[i]->epoch, hello->past[i]->through, (int64_t)hello->past[i]->at);
	return r;
}

static int number_series(struct store *store, struct series *s)
{
	int r = 0;

	s->numbers = arena_take(s->arena, s->batch->n_series * sizeof(*s->numbers));
	if (!s->numbers)
		return -ENOMEM;
	for (size_t i = 0; i < s->batch->n_series && !r; i++) {
		const Wire__Series *one = s->batch->series[i];
		struct store_label labels[SERIES_LABELS_MAX];

		for (size_t k = 0; k < one->n_labels; k++)
			labels[k] = (struct store_label){one->labels[k]->name, one->labels[k]->value.data,
							 (uint32_t)one->labels[k]->value.len};
		r = store_series(store, s->checks[i], one->metric, labels, one->n_labels, &s->numbers[i]);
	}
	return r;
}

static int number_expected(struct store *store, struct expected *x)
{
	return store_host(store, x->uuid, x->name, &x->host);
}

static int number(struct store *store, struct node *n)
{
	if (n->kind == MESSAGE_HELLO)
		return ((struct hello *)n)->error = number_hello(store, (struct hello *)n);
	if (n->kind == MESSAGE_SERIES)
		return ((struct series *)n)->error = number_series(store, (struct series *)n);
	if (n->kind == MESSAGE_EXPECTED)
		return ((struct expected *)n)->error = number_expected(store, (struct expected *)n);
	return 0;
}

/* ---- who speaks ---- */

static void end_speaker(struct registrar *r, const struct speaker *s)
{
	struct closing *c = calloc(1, sizeof(*c));

	if (!c)
		return;
	c->node.kind = MESSAGE_CLOSE;
	c->from = s->from;
	snprintf(c->why, sizeof(c->why), "a newer connection of the same agent took over");
	queue_push(r->its->ingest[s->from.thread], &c->node);
}

static struct machine machine_of(const struct hello *h)
{
	struct machine m = {0};

	memcpy(m.address, h->address, sizeof(m.address));
	for (size_t i = 0; i < h->hello->n_facts; i++)
		if (!strcmp(h->hello->facts[i]->name, "boot_id"))
			text_escape(h->hello->facts[i]->value.data, h->hello->facts[i]->value.len, m.boot, sizeof(m.boot));
	return m;
}

static bool same_machine(const struct machine *a, const struct machine *b)
{
	return !strcmp(a->address, b->address) && !strcmp(a->boot, b->boot);
}

/* Takes over from who speaks now. */
static void put_out(struct registrar *r, struct speaker *s, const struct hello *h, const struct machine *m)
{
	int64_t now = clock_boot();

	end_speaker(r, s);
	if (same_machine(&s->now, m))
		return;
	if (same_machine(&s->before, m) && now - s->put_out < BY_TURNS)
		message_tell(r->its->engine, TROUBLE_TWINS, h->host, h->hello->agent, "two machines connect by turns, from %s and from %s",
			     s->now.address, m->address);
	s->before = s->now;
	s->put_out = now;
}

static int speak(struct registrar *r, const struct hello *h)
{
	struct machine m = machine_of(h);
	struct speaker *s;

	HASH_FIND(hh, r->speakers, &h->host, sizeof(h->host), s);
	if (s) {
		put_out(r, s, h, &m);
	} else {
		s = calloc(1, sizeof(*s));
		if (!s)
			return -ENOMEM;
		s->host = h->host;
		HASH_ADD(hh, r->speakers, host, sizeof(s->host), s);
	}
	s->from = h->from;
	s->now = m;
	return 0;
}

bool registrar_speaks(const struct registrar *r, uint32_t host, const struct reference *from)
{
	const struct speaker *s;

	HASH_FIND(hh, r->speakers, &host, sizeof(host), s);
	return s && reference_same(&s->from, from);
}

/* false: another connection speaks for the host by now, or never did this one. */
static bool fall_silent(struct registrar *r, const struct gone *g)
{
	struct speaker *s;

	HASH_FIND(hh, r->speakers, &g->host, sizeof(g->host), s);
	if (!s || !reference_same(&s->from, &g->from))
		return false;
	HASH_DEL(r->speakers, s);
	free(s);
	return true;
}

/* ---- a group ---- */

static void back(struct registrar *r, struct node *n, const struct reference *from)
{
	queue_push(r->its->ingest[from->thread], n);
}

static void hand_on(struct registrar *r, struct node *n)
{
	struct hello *h = (struct hello *)n;
	struct series *s = (struct series *)n;

	if (n->kind == MESSAGE_HELLO) {
		if (!h->error)
			h->error = speak(r, h);
		if (h->error)
			back(r, n, &h->from);
		else
			queue_push(r->its->engine, n);
	} else if (n->kind == MESSAGE_SERIES) {
		if (s->error)
			back(r, n, &s->from);
		else
			queue_push(r->its->engine, n);
	} else if (n->kind == MESSAGE_EXPECTED) {
		queue_push(r->its->engine, n);
	} else if (fall_silent(r, (struct gone *)n)) {
		queue_push(r->its->engine, n);
	} else {
		free(n);
	}
}

/* What is wrong with one agent's names alone. */
static bool of_one(int error)
{
	return error == 0 || error == -EDQUOT || error == -ENOMEM;
}

int registrar_work(struct registrar *r, struct node *const *all, size_t n)
{
	int bad = 0, committed;

	for (size_t i = 0; i < n; i++) {
		int error = number(r->its->store, all[i]);

		bad = of_one(error) ? bad : error;
	}
	committed = store_names_commit(r->its->store);
	bad = bad ? bad : committed;
	for (size_t i = 0; i < n; i++) {
		if (bad && all[i]->kind == MESSAGE_HELLO)
			((struct hello *)all[i])->error = bad;
		else if (bad && all[i]->kind == MESSAGE_SERIES)
			((struct series *)all[i])->error = bad;
		else if (bad && all[i]->kind == MESSAGE_EXPECTED)
			((struct expected *)all[i])->error = bad;
		hand_on(r, all[i]);
	}
	return bad;
}
