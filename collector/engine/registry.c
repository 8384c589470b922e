#include "registry.h"

#include <stdlib.h>
#include <string.h>

#include "collector/judge/judge.h"
#include "text.h"

#define FACTS_MAX 64
#define FACT_BYTES 4096

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

static void host_free(struct host *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->facts.n; i++) {
		free(h->facts.at[i].name);
		free(h->facts.at[i].value);
	}
	vec_free(&h->facts);
	vec_free(&h->checks);
	free(h->uuid);
	free(h->name);
	free(h->address);
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
}

static void check_free(struct check *c)
{
	if (!c)
		return;
	vec_free(&c->series);
	registry_forget_recent(c);
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

static struct curve *curve_new(const char *metric, const struct inventory_metric *known, const struct registry_label *labels, size_t n)
{
	size_t size = 1 + (known ? 0 : strlen(metric) + 1);
	struct curve *c;
	char *at;

	for (size_t i = 0; i < n; i++)
		size += label_size(&labels[i]);
	c = malloc(sizeof(*c) + size);
	if (!c)
		return NULL;
	at = c->packed;
	for (size_t i = 0; i < n; i++)
		if (*labels[i].name)
			at = pack(at, &labels[i]);
	*at++ = 0;
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
	const char *at = c->packed;
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

void registry_fact(struct host *h, const char *name, const void *value, size_t n)
{
	char *copy = copy_of(value, n < FACT_BYTES ? n : FACT_BYTES), *key;
	struct fact *f = NULL;

	for (size_t i = 0; i < h->facts.n && !f; i++)
		if (!strcmp(h->facts.at[i].name, name))
			f = &h->facts.at[i];
	if (!f && copy && h->facts.n < FACTS_MAX && (key = strdup(name))) {
		f = vec_push(&h->facts);
		if (f)
			f->name = key;
		else
			free(key);
	}
	if (!f) {
		free(copy);
		return;
	}
	if (copy) {
		free(f->value);
		f->value = copy;
	}
}
