#include "collector/ingest/gate.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <utlist.h>

#include "clock.h"

#define KNOWN 4096			/* addresses remembered; a newer one may take an older one's place */
#define GRACE NS_PER_S			/* a handshake so young is not put out for one of an address that has as many */

/* IPv4 in its IPv6 form; of IPv6 the first 64 bits. */
struct origin { uint8_t bytes[16]; };

struct visitor {
	struct visitor *prev, *next;	/* oldest first */
	struct origin origin;
	int64_t since;
	int fd;
	bool put_out;			/* no longer in the list */
};

struct gate {
	pthread_mutex_t lock;
	struct visitor *visitors;
	size_t n, of_one, in_all;
	uint64_t salt;
	struct { struct origin origin; bool set; } known[KNOWN];
};

struct gate *gate_new(size_t of_one, size_t in_all)
{
	struct gate *g = calloc(1, sizeof(*g));

	if (!g || getrandom(&g->salt, sizeof(g->salt), 0) != sizeof(g->salt)) {
		free(g);
		return NULL;
	}
	pthread_mutex_init(&g->lock, NULL);
	g->of_one = of_one;
	g->in_all = in_all;
	return g;
}

void gate_free(struct gate *g)
{
	if (!g)
		return;
	pthread_mutex_destroy(&g->lock);
	free(g);
}

static struct origin origin_of(const struct sockaddr *a)
{
	struct origin o = {0};

	if (a->sa_family == AF_INET) {
		o.bytes[10] = o.bytes[11] = 0xff;
		memcpy(o.bytes + 12, &((const struct sockaddr_in *)a)->sin_addr, 4);
	} else if (a->sa_family == AF_INET6) {
		const struct in6_addr *six = &((const struct sockaddr_in6 *)a)->sin6_addr;

		memcpy(o.bytes, six, IN6_IS_ADDR_V4MAPPED(six) ? 16 : 8);
	}
	return o;
}

void gate_name(const struct sockaddr *a, char buf[INET6_ADDRSTRLEN])
{
	const struct in6_addr *six = &((const struct sockaddr_in6 *)a)->sin6_addr;

	if (a->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, buf, INET6_ADDRSTRLEN);
	else if (a->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(six))
		inet_ntop(AF_INET, six->s6_addr + 12, buf, INET6_ADDRSTRLEN);
	else if (a->sa_family == AF_INET6)
		inet_ntop(AF_INET6, six, buf, INET6_ADDRSTRLEN);
}

static bool same(const struct origin *a, const struct origin *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static size_t place_of(const struct gate *g, const struct origin *o)
{
	uint64_t h = g->salt;

	for (size_t i = 0; i < sizeof(o->bytes); i++)
		h = (h ^ o->bytes[i]) * UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(h >> 32) % KNOWN;
}

static bool is_known(const struct gate *g, const struct origin *o)
{
	size_t at = place_of(g, o);

	return g->known[at].set && same(&g->known[at].origin, o);
}

static size_t count_of(const struct gate *g, const struct origin *o)
{
	const struct visitor *v;
	size_t n = 0;

	DL_FOREACH(g->visitors, v)
		n += same(&v->origin, o);
	return n;
}

static void put_out(struct gate *g, struct visitor *v)
{
	DL_DELETE(g->visitors, v);
	g->n--;
	v->put_out = true;
	shutdown(v->fd, SHUT_RDWR);
}

static struct visitor *oldest_of(struct gate *g, const struct origin *o)
{
	struct visitor *v;

	DL_FOREACH(g->visitors, v)
		if (same(&v->origin, o))
			break;
	return v;
}

/* The oldest visitor of the address that has most, and how many that has. */
static struct visitor *oldest_of_most(struct gate *g, size_t *ret_most)
{
	struct visitor *v, *found = NULL;

	*ret_most = 0;
	DL_FOREACH(g->visitors, v) {
		size_t n = count_of(g, &v->origin);

		if (n > *ret_most) {
			*ret_most = n;
			found = v;
		}
	}
	return found;
}

static bool is_young(const struct visitor *v)
{
	return clock_boot() - v->since < GRACE;
}

/* Makes room for one more of this origin, or says no. */
static bool room_for(struct gate *g, const struct origin *o)
{
	size_t limit = is_known(g, o) ? g->in_all : g->in_all - g->in_all / 4, own = count_of(g, o), most;
	struct visitor *v;

	if (own >= g->of_one) {
		v = oldest_of(g, o);
		if (is_young(v))
			return false;
		put_out(g, v);
	}
	if (g->n >= limit) {
		v = oldest_of_most(g, &most);
		/* Who has more than this one makes room at once. Among equals, all agents after a restart perhaps, each gets its time: else
		 * they would put each other out, and none would get through (R10). */
		if (!v || (most <= own + 1 && is_young(v)))
			return false;
		put_out(g, v);
	}
	return true;
}

struct visitor *gate_enter(struct gate *g, const struct sockaddr *address, int fd)
{
	struct visitor *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->origin = origin_of(address);
	v->since = clock_boot();
	v->fd = fd;
	pthread_mutex_lock(&g->lock);
	if (room_for(g, &v->origin)) {
		DL_APPEND(g->visitors, v);
		g->n++;
	} else {
		free(v);
		v = NULL;
	}
	pthread_mutex_unlock(&g->lock);
	return v;
}

void gate_leave(struct gate *g, struct visitor *v, bool known)
{
	if (!v)
		return;
	pthread_mutex_lock(&g->lock);
	if (!v->put_out) {
		DL_DELETE(g->visitors, v);
		g->n--;
	}
	if (known) {
		size_t at = place_of(g, &v->origin);

		g->known[at].origin = v->origin;
		g->known[at].set = true;
	}
	pthread_mutex_unlock(&g->lock);
	free(v);
}

bool gate_was_put_out(struct gate *g, const struct visitor *v)
{
	bool out;

	pthread_mutex_lock(&g->lock);
	out = v && v->put_out;
	pthread_mutex_unlock(&g->lock);
	return out;
}

size_t gate_count(struct gate *g)
{
	size_t n;

	pthread_mutex_lock(&g->lock);
	n = g->n;
	pthread_mutex_unlock(&g->lock);
	return n;
}
