#include "registry.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "collector/judge/judge.h"
#include "text.h"

#define FACTS_MAX 64
#define FACT_BYTES 4096
#define SKIPS_MAX 64
#define SKIP_BYTES 512

/* A pointer's place in an array by number, which grows to hold it; NULL: no memory, absurd. */
#define place(vec, id) __extension__({ \
	while ((vec)->n <= (id) && (id) < JUDGE_MAX && vec_push(vec)) \
		; \
	(id) < (vec)->n ? &(vec)->at[id] : NULL; })

static bool replace(char **text, const char *with)
{
	char *copy;

	if (*text && !strcmp(*text, with))
		return true;
	copy = strdup(with);
	if (!copy)
		return false;
	free(*text);
	*text = copy;
	return true;
}

static void fact_free(struct fact *f)
{
	free(f->name);
	free(f->labels);
	free(f->value);
}

void registry_forget_facts(fact_list *all)
{
	for (size_t i = 0; i < all->n; i++)
		fact_free(&all->at[i]);
	vec_free(all);
}

void registry_forget_skips(struct check *c)
{
	for (size_t i = 0; i < c->skips.n; i++)
		free(c->skips.at[i].what);
	vec_free(&c->skips);
	c->skips_more = 0;
}

static void host_free(struct host *h)
{
	if (!h)
		return;
	registry_forget_facts(&h->facts);
	vec_free(&h->checks);
	vec_free(&h->gaps);
	free(h->uuid);
	free(h->name);
	free(h->address);
	free(h->witnessed);
	free(h);
}

void registry_forget_recent(struct check *c)
{
	while (c->recent) {
		struct recent *r = c->recent;

		c->recent = r->next;
		free(r->json);
		free(r);
	}
	c->recent_bytes = 0;
	c->recent_lost = 0;
}

static void check_free(struct check *c)
{
	if (!c)
		return;
	vec_free(&c->series);
	registry_forget_recent(c);
	registry_forget_facts(&c->facts);
	registry_forget_skips(c);
	free(c->name);
	free(c->plugin);
	free(c->why);
	free(c);
}

void registry_clear(struct registry *r)
{
	for (size_t i = 0; i < r->hosts.n; i++)
		host_free(r->hosts.at[i]);
	for (size_t i = 0; i < r->checks.n; i++)
		check_free(r->checks.at[i]);
	for (size_t i = 0; i < r->series.n; i++)
		free(r->series.at[i]);
	vec_free(&r->hosts);
	vec_free(&r->checks);
	vec_free(&r->series);
}

struct host *registry_host(struct registry *r, uint32_t id, const char *uuid, const char *name)
{
	struct host **slot = place(&r->hosts, id);

	if (!slot)
		return NULL;
	if (!*slot) {
		*slot = calloc(1, sizeof(**slot));
		if (!*slot)
			return NULL;
		(*slot)->id = id;
	}
	return replace(&(*slot)->uuid, uuid) && replace(&(*slot)->name, name) ? *slot : NULL;
}

struct check *registry_check(struct registry *r, uint32_t id, uint32_t host, const char *name, const char *plugin, int64_t interval_ns)
{
	struct check **slot = place(&r->checks, id);
	struct host *owner = registry_get_host(r, host);
	uint32_t *listed;

	if (!slot || !owner)
		return NULL;
	if (!*slot) {
		*slot = calloc(1, sizeof(**slot));
		listed = *slot ? vec_push(&owner->checks) : NULL;
		if (!listed) {
			free(*slot);
			*slot = NULL;
			return NULL;
		}
		*listed = id;
		(*slot)->id = id;
		(*slot)->host = host;
	}
	(*slot)->interval_ns = interval_ns;
	return replace(&(*slot)->name, name) && replace(&(*slot)->plugin, plugin) ? *slot : NULL;
}

static char *copy_of(const void *bytes, size_t n)
{
	char *copy = malloc(n + 1);

	if (copy) {
		if (n > 0)	/* protobuf-c's empty bytes are NULL */
			memcpy(copy, bytes, n);
		copy[n] = 0;
	}
	return copy;
}

static size_t label_size(const struct registry_label *l)
{
	return strlen(l->name) + strnlen(l->value, l->size) + 2;
}

/* A value ends at its first NUL: what a label names holds none. */
static char *pack(char *to, const struct registry_label *l)
{
	size_t n = strnlen(l->value, l->size);

	to = stpcpy(to, l->name) + 1;
	memcpy(to, l->value, n);
	to[n] = 0;
	return to + n + 1;
}

static size_t pack_size(const struct registry_label *labels, size_t n)
{
	size_t size = 1;

	for (size_t i = 0; i < n; i++)
		size += label_size(&labels[i]);
	return size;
}

/* What has no name is left out. Returns behind the empty name that ends them. */
static char *pack_all(char *to, const struct registry_label *labels, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (*labels[i].name)
			to = pack(to, &labels[i]);
	*to = 0;
	return to + 1;
}

static struct curve *curve_new(const char *metric, const struct inventory_metric *known, const struct registry_label *labels, size_t n)
{
	size_t size = pack_size(labels, n) + (known ? 0 : strlen(metric) + 1);
	struct curve *c = malloc(sizeof(*c) + size);
	char *at;

	if (!c)
		return NULL;
	at = pack_all(c->packed, labels, n);
	c->known = known;
	c->metric = known ? known->name : strcpy(at, metric);
	return c;
}

struct curve *registry_series(struct registry *r, uint32_t id, uint32_t check, const char *metric,
			      const struct registry_label *labels, size_t n, const struct inventory *inventory)
{
	struct curve **slot = place(&r->series, id);
	struct check *owner = registry_get_check(r, check);
	uint32_t *listed;

	if (!slot || !owner || n > REGISTRY_LABELS)
		return NULL;
	if (*slot)
		return *slot;	/* a number never means another series */
	listed = vec_push(&owner->series);
	if (!listed)
		return NULL;
	*slot = curve_new(metric, inventory_get(inventory, metric), labels, n);
	if (!*slot) {
		owner->series.n--;
		return NULL;
	}
	*listed = (*slot)->id = id;
	(*slot)->check = check;
	return *slot;
}

const struct rule_label *registry_labels(const struct curve *c, struct rule_label ret[REGISTRY_LABELS + 1])
{
	return registry_unpack(c->packed, ret);
}

const struct rule_label *registry_unpack(const char *at, struct rule_label ret[REGISTRY_LABELS + 1])
{
	size_t n = 0;

	for (; *at && n < REGISTRY_LABELS; n++) {
		ret[n].name = at;
		at += strlen(at) + 1;
		ret[n].pattern = at;
		at += strlen(at) + 1;
	}
	ret[n] = (struct rule_label){NULL, NULL};
	return ret;
}

const char *registry_unit(const struct curve *c)
{
	return c->known ? c->known->unit : "";
}

const char *registry_kind(const struct curve *c)
{
	static const char *const kinds[] = {"gauge", "counter", "state"};

	return kinds[c->known ? c->known->kind : 0];
}

struct host *registry_get_host(const struct registry *r, uint32_t id)
{
	return id < r->hosts.n ? r->hosts.at[id] : NULL;
}

struct check *registry_get_check(const struct registry *r, uint32_t id)
{
	return id < r->checks.n ? r->checks.at[id] : NULL;
}

struct curve *registry_get_series(const struct registry *r, uint32_t id)
{
	return id < r->series.n ? r->series.at[id] : NULL;
}

struct host *registry_find_host(const struct registry *r, const char *name)
{
	int64_t id;

	for (size_t i = 0; i < r->hosts.n; i++)
		if (r->hosts.at[i] && (!strcmp(r->hosts.at[i]->name, name) || !strcmp(r->hosts.at[i]->uuid, name)))
			return r->hosts.at[i];
	return text_int(name, &id) == 0 && id >= 0 && id < UINT32_MAX ? registry_get_host(r, (uint32_t)id) : NULL;
}

/* ---- facts, and sources left out ---- */

static struct fact *fact_of(fact_list *all, const char *name, const char *labels, size_t size)
{
	for (size_t i = 0; i < all->n; i++) {
		struct fact *f = &all->at[i];

		if (!strcmp(f->name, name) && f->labels_size == size && !memcmp(f->labels, labels, size))
			return f;
	}
	return NULL;
}

/* Empty; where all places are taken, that of the one that was not told for longest. NULL: no memory. */
static struct fact *fact_place(fact_list *all)
{
	struct fact *oldest = all->at;

	if (all->n < FACTS_MAX)
		return vec_push(all);
	for (size_t i = 1; i < all->n; i++)
		if (all->at[i].at < oldest->at)
			oldest = &all->at[i];
	fact_free(oldest);
	return oldest;
}

void registry_fact(fact_list *all, const char *name, const struct registry_label *labels, size_t n, const void *value, size_t size)
{
	char *copy = copy_of(value, size < FACT_BYTES ? size : FACT_BYTES), *key = strdup(name), *packed = malloc(pack_size(labels, n));
	size_t used = packed ? (size_t)(pack_all(packed, labels, n) - packed) : 0;
	struct fact *f = copy && key && packed ? fact_of(all, key, packed, used) : NULL;

	if (f)
		fact_free(f);
	else if (copy && key && packed)
		f = fact_place(all);
	if (f) {
		*f = (struct fact){.name = key, .labels = packed, .value = copy, .labels_size = used, .at = clock_boot()};
		return;
	}
	free(copy);
	free(key);
	free(packed);
}

void registry_skip(struct check *c, const void *what, size_t n, int error)
{
	struct skipped *s = c->skips.n < SKIPS_MAX ? vec_push(&c->skips) : NULL;
	char text[SKIP_BYTES];

	if (s && (s->what = strdup(text_escape(what, n, text, sizeof(text))))) {
		s->error = error;
		return;
	}
	c->skips.n -= s != NULL;
	c->skips_more++;
}
