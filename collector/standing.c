#include "collector/standing.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uthash.h>

#include "authority.h"
#include "clock.h"

struct one { char uuid[64]; uint32_t least; bool revoked; UT_hash_handle hh; };

struct standing {
	pthread_mutex_t lock;
	pthread_cond_t came;
	bool complete;
	char over[AUTHORITY_ID];	/* "": none */
	atomic_uint version;
	struct one *all;
};

struct standing *standing_new(void)
{
	struct standing *s = calloc(1, sizeof(*s));
	pthread_condattr_t by_boot;

	if (!s)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&by_boot);
	pthread_condattr_setclock(&by_boot, CLOCK_MONOTONIC);
	pthread_cond_init(&s->came, &by_boot);
	pthread_condattr_destroy(&by_boot);
	return s;
}

void standing_free(struct standing *s)
{
	struct one *o, *next;

	if (!s)
		return;
	HASH_ITER(hh, s->all, o, next) {
		HASH_DEL(s->all, o);
		free(o);
	}
	pthread_cond_destroy(&s->came);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

const char *standing_objects(struct standing *s, const char *uuid, uint32_t generation, const char *authority)
{
	const char *why = NULL;
	const struct one *o;

	pthread_mutex_lock(&s->lock);
	HASH_FIND_STR(s->all, uuid, o);
	if (o && o->revoked)
		why = "this identity was revoked";
	else if (o && generation < o->least)
		why = "this certificate is over: a newer one of the same agent is in use";
	else if (*s->over && !strcmp(s->over, authority))
		why = "this certificate is of the school's former authority, which is over: enrol this server anew (beadle token new --host NAME --replace)";
	pthread_mutex_unlock(&s->lock);
	return why;
}

unsigned standing_version(const struct standing *s)
{
	return atomic_load_explicit(&s->version, memory_order_acquire);
}

/* With the lock held. NULL: no memory. */
static struct one *find_or_add(struct standing *s, const char *uuid)
{
	struct one *o;

	HASH_FIND_STR(s->all, uuid, o);
	if (o)
		return o;
	o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	snprintf(o->uuid, sizeof(o->uuid), "%s", uuid);
	HASH_ADD_STR(s->all, uuid, o);
	return o;
}

static int change(struct standing *s, const char *uuid, bool revoke, uint32_t least)
{
	struct one *o;

	pthread_mutex_lock(&s->lock);
	o = find_or_add(s, uuid);
	if (o && ((revoke && !o->revoked) || least > o->least)) {
		o->revoked |= revoke;
		o->least = least > o->least ? least : o->least;
		atomic_fetch_add_explicit(&s->version, 1, memory_order_release);
	}
	pthread_mutex_unlock(&s->lock);
	return o ? 0 : -ENOMEM;
}

int standing_revoke(struct standing *s, const char *uuid)
{
	return change(s, uuid, true, 0);
}

int standing_used(struct standing *s, const char *uuid, uint32_t generation)
{
	return generation ? change(s, uuid, false, generation) : 0;
}

void standing_authority_over(struct standing *s, const char *id)
{
	pthread_mutex_lock(&s->lock);
	if (strcmp(s->over, id)) {
		snprintf(s->over, sizeof(s->over), "%s", id);
		atomic_fetch_add_explicit(&s->version, 1, memory_order_release);
	}
	pthread_mutex_unlock(&s->lock);
}

void standing_complete(struct standing *s)
{
	pthread_mutex_lock(&s->lock);
	s->complete = true;
	pthread_cond_broadcast(&s->came);
	pthread_mutex_unlock(&s->lock);
}

bool standing_wait(struct standing *s, int64_t ns)
{
	struct timespec until;
	bool complete;

	clock_gettime(CLOCK_MONOTONIC, &until);
	ns += until.tv_nsec;
	until.tv_sec += ns / NS_PER_S;
	until.tv_nsec = ns % NS_PER_S;
	pthread_mutex_lock(&s->lock);
	while (!s->complete && pthread_cond_timedwait(&s->came, &s->lock, &until) != ETIMEDOUT)
		;
	complete = s->complete;
	pthread_mutex_unlock(&s->lock);
	return complete;
}
