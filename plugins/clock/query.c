/* query.c - datagrams to a time server and back. */
#define _GNU_SOURCE
#include "plugins/clock/query.h"

#include <errno.h>
#include <math.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define BILLION INT64_C(1000000000)
#define PAUSE 20000000		/* ns between samples, so that one burst on the wire does not spoil them all */
#define STEP 10000000		/* ns that our clock may run apart from the steady one while a sample is taken */

static int64_t now(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * BILLION + t.tv_nsec;
}

static int resolver_error(int error)
{
	switch (error) {
	case EAI_SYSTEM: return -errno;
	case EAI_MEMORY: return -ENOMEM;
	case EAI_AGAIN: return -EAGAIN;
	default: return -ENOENT;
	}
}

int query_resolve(const char *host, uint16_t port, struct query_addresses *ret)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV}, *list;
	char service[8];
	int error;

	snprintf(service, sizeof(service), "%u", port);
	error = getaddrinfo(host, service, &hints, &list);
	if (error)
		return resolver_error(error);
	ret->n = 0;
	for (struct addrinfo *a = list; a && ret->n < QUERY_ADDRESSES; a = a->ai_next) {
		memcpy(&ret->at[ret->n], a->ai_addr, a->ai_addrlen);
		ret->size[ret->n++] = a->ai_addrlen;
	}
	freeaddrinfo(list);
	return 0;
}

void query_name(const struct query_addresses *addresses, unsigned i, char *buffer, size_t room)
{
	if (getnameinfo((const struct sockaddr *)&addresses->at[i], addresses->size[i], buffer, (socklen_t)room, NULL,
			0, NI_NUMERICHOST))
		snprintf(buffer, room, "?");
}

/* When the datagram came in by the kernel's watch, which does not wait for us to be scheduled. */
static ssize_t receive(int fd, uint8_t *packet, size_t room, int64_t *ret_at)
{
	union { char bytes[CMSG_SPACE(sizeof(struct timespec))]; struct cmsghdr align; } control;
	struct iovec iov = {packet, room};
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_TRUNC);
	struct timespec t;

	*ret_at = now(CLOCK_REALTIME);
	for (struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof(t));
		int64_t at = (int64_t)t.tv_sec * BILLION + t.tv_nsec;
		if (at <= *ret_at && *ret_at - at < BILLION)	/* else the program's clock is not the kernel's */
			*ret_at = at;
	}
	return n;
}

/* One question. Answers that are not to it are read over until the time is up. */
static int sample(int fd, int64_t wait, struct sntp_reply *ret, enum sntp_verdict *ret_verdict)
{
	int64_t steady, sent, received, left;
	uint8_t packet[1024];
	uint64_t nonce;

	if (getrandom(&nonce, sizeof(nonce), 0) != sizeof(nonce))
		return -EIO;
	sntp_request(packet, nonce);
	steady = now(CLOCK_MONOTONIC);
	sent = now(CLOCK_REALTIME);
	if (send(fd, packet, SNTP_PACKET, 0) < 0)
		return -errno;
	while ((left = steady + wait - now(CLOCK_MONOTONIC)) > 0) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		struct timespec ts = {left / BILLION, left % BILLION};
		ssize_t n;
		int64_t apart;
		if (ppoll(&p, 1, &ts, NULL) <= 0)
			continue;
		n = receive(fd, packet, sizeof(packet), &received);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return -errno;	/* ECONNREFUSED: nobody listens */
		apart = (received - sent) - (now(CLOCK_MONOTONIC) - steady);
		*ret_verdict = sntp_parse(packet, n > (ssize_t)sizeof(packet) ? sizeof(packet) : (size_t)n, nonce, sent,
					  received, ret);
		if (*ret_verdict == SNTP_GOOD && (apart > STEP || apart < -wait))
			*ret_verdict = SNTP_ABSURD;	/* somebody set our clock in between */
		if (*ret_verdict != SNTP_NOT_OURS && *ret_verdict != SNTP_NOT_A_REPLY && *ret_verdict != SNTP_SHORT)
			return *ret_verdict == SNTP_GOOD ? 0 : -EPROTO;
	}
	return -ETIMEDOUT;
}

static int open_socket(const struct query_addresses *addresses, unsigned i)
{
	const struct sockaddr *address = (const struct sockaddr *)&addresses->at[i];
	int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &(int){1}, sizeof(int));
	if (connect(fd, address, addresses->size[i]) < 0) {
		error = -errno;
		close(fd);
		return error;
	}
	return fd;
}

/* Best by delay: the less a packet waited on its way, the less the two ways can have differed. */
static void choose(const struct sntp_reply *replies, unsigned n, struct query_result *ret)
{
	double sum = 0;

	ret->best = replies[0];
	for (unsigned i = 1; i < n; i++)
		if (replies[i].delay < ret->best.delay)
			ret->best = replies[i];
	for (unsigned i = 0; i < n; i++)
		sum += pow((double)(replies[i].offset - ret->best.offset) / 1e9, 2);
	ret->jitter = n > 1 ? sqrt(sum / (n - 1)) : 0;
	ret->good = n;
}

static int ask_one(const struct query_addresses *addresses, unsigned i, unsigned samples, int64_t wait,
		   struct query_result *ret)
{
	struct sntp_reply replies[QUERY_SAMPLES_MAX];
	int fd = open_socket(addresses, i), error = fd < 0 ? fd : 0;
	unsigned n = 0;

	ret->address = i;
	for (unsigned asked = 0; asked < samples && n < QUERY_SAMPLES_MAX && fd >= 0; asked++) {
		error = sample(fd, wait, &replies[n], &ret->refused);
		if (error == 0)
			n++;
		if (error == -EPROTO)
			ret->best = replies[n];
		if (error && error != -ETIMEDOUT)	/* refused: asking again would be rude, RFC 4330 section 10 */
			break;
		if (error == -ETIMEDOUT && n == 0 && asked == 1)
			break;
		nanosleep(&(struct timespec){.tv_nsec = PAUSE}, NULL);
	}
	if (fd >= 0)
		close(fd);
	if (n == 0)
		return error;
	choose(replies, n, ret);
	return 0;
}

int query_ask(const struct query_addresses *addresses, unsigned samples, int64_t wait, struct query_result *ret)
{
	int error = -ENOENT;

	for (unsigned i = 0; i < addresses->n; i++) {
		*ret = (struct query_result){.refused = SNTP_GOOD};
		error = ask_one(addresses, i, samples, wait, ret);
		if (!error)
			return 0;
	}
	return error;
}
