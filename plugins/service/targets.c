/* targets.c - see targets.h */
#define _GNU_SOURCE
#include "plugins/service/targets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define SECOND INT64_C(1000000000)
#define TIMEOUT (5 * SECOND)
#define TIMEOUT_MAX (60 * SECOND)

static int refuse(char *why, const char *name, const char *what)
{
	snprintf(why, WORDS_WHY, "%.50s: %s", name, what);
	return -EINVAL;
}

static int only_known(const struct words *words, const char *const known[], const char *list, char *why)
{
	for (size_t i = 0; i < words->count; i++) {
		size_t k = 0;

		while (known[k] && strcmp(known[k], words->list[i].key) != 0)
			k++;
		if (!known[k]) {
			snprintf(why, WORDS_WHY, "%.50s: \"%.30s\" is not known here: expected %s", words->name,
				 words->list[i].key, list);
			return -EINVAL;
		}
	}
	return 0;
}

/* The value as a C string; one with a NUL inside is none. */
static const char *text(const struct words *words, const char *key)
{
	const struct word *w = words_get(words, key);

	return w && !memchr(w->value, '\0', w->size) ? w->value : NULL;
}

static int check_process(struct process *p, char *why)
{
	static const char *const known[] = {"exe", "pidfile", "user", NULL};
	int error = only_known(&p->words, known, "exe= pidfile= user=", why);

	if (error)
		return error;
	p->name = p->words.name;
	p->exe = text(&p->words, "exe");
	p->pidfile = text(&p->words, "pidfile");
	p->user = text(&p->words, "user");
	if (!p->exe && !p->pidfile)
		return refuse(why, p->name, "expected exe=/path or pidfile=/path");
	if ((p->exe && p->exe[0] != '/') || (p->pidfile && p->pidfile[0] != '/'))
		return refuse(why, p->name, "expected an absolute path: exe=/usr/sbin/nginx, pidfile=/run/nginx.pid");
	if (p->pidfile && p->user)
		return refuse(why, p->name, "user= goes with exe= alone: a pid file names one process");
	return 0;
}

int target_process(const char *line, struct process *ret, char *why)
{
	struct process p = {0};
	int error = words_split(line, &p.words, why);

	if (!error)
		error = check_process(&p, why);
	if (error) {
		words_free(&p.words);
		return error;
	}
	*ret = p;
	return 0;
}

void target_free_process(struct process *p)
{
	words_free(&p->words);
}

static int seconds(const char *s, int64_t *ret)
{
	char *end;
	unsigned long n = s[0] >= '0' && s[0] <= '9' ? strtoul(s, &end, 10) : 0;

	if (n == 0 || n > 60000)
		return -EINVAL;
	if (!strcmp(end, "s"))
		*ret = (int64_t)n * SECOND;
	else if (!strcmp(end, "ms"))
		*ret = (int64_t)n * (SECOND / 1000);
	else
		return -EINVAL;
	return *ret <= TIMEOUT_MAX ? 0 : -EINVAL;
}

/* "name:80", "192.0.2.1:80", "[2001:db8::1]:80" */
static int host_port(struct endpoint *e, const char *s)
{
	unsigned char address[sizeof(struct in6_addr)];
	const char *colon = strrchr(s, ':');
	const char *from = s, *to = colon;
	char *end;
	unsigned long port;

	if (!colon || colon[1] < '0' || colon[1] > '9')
		return -EINVAL;
	port = strtoul(colon + 1, &end, 10);
	if (*end || port == 0 || port > UINT16_MAX)
		return -EINVAL;
	if (*s == '[') {
		if (colon - s < 3 || colon[-1] != ']')
			return -EINVAL;
		from = s + 1;
		to = colon - 1;
	} else if (memchr(s, ':', (size_t)(colon - s))) {
		return -EINVAL;
	}
	if (to == from || to - from > 253)
		return -EINVAL;
	e->host = strndup(from, (size_t)(to - from));
	if (!e->host)
		return -ENOMEM;
	e->port = (uint16_t)port;
	e->numeric = inet_pton(AF_INET, e->host, address) == 1 || inet_pton(AF_INET6, e->host, address) == 1;
	return *s == '[' && !e->numeric ? -EINVAL : 0;
}

static int check_address(struct endpoint *e, char *why)
{
	const char *tcp = text(&e->words, "tcp");
	int error;

	e->path = text(&e->words, "unix");
	if (!tcp == !e->path)
		return refuse(why, e->name, "expected one of tcp=HOST:PORT and unix=/path");
	if (e->path)
		return e->path[0] == '/' && strlen(e->path) < sizeof(((struct sockaddr_un *)0)->sun_path) ? 0 :
			refuse(why, e->name, "expected an absolute path of at most 107 bytes: unix=/run/x.sock");
	error = host_port(e, tcp);
	if (error == -EINVAL)
		return refuse(why, e->name, "expected tcp=HOST:PORT, tcp=192.0.2.1:80 or tcp=[::1]:80");
	return error;
}

static int check_endpoint(struct endpoint *e, char *why)
{
	static const char *const known[] = {"tcp", "unix", "send", "expect", "timeout", NULL};
	const struct word *send = words_get(&e->words, "send"), *expect = words_get(&e->words, "expect");
	const char *timeout = text(&e->words, "timeout");
	int error = only_known(&e->words, known, "tcp= unix= send= expect= timeout=", why);

	if (error)
		return error;
	e->name = e->words.name;
	e->timeout = TIMEOUT;
	if (words_get(&e->words, "timeout") && (!timeout || seconds(timeout, &e->timeout) < 0))
		return refuse(why, e->name, "expected a timeout from 1ms to 60s: timeout=5s");
	if (send) {
		e->send = send->value;
		e->send_size = send->size;
	}
	if (expect) {
		e->expect = expect->value;
		e->expect_size = expect->size;
	}
	return check_address(e, why);
}

int target_endpoint(const char *line, struct endpoint *ret, char *why)
{
	struct endpoint e = {0};
	int error = words_split(line, &e.words, why);

	if (!error)
		error = check_endpoint(&e, why);
	if (error) {
		target_free_endpoint(&e);
		return error;
	}
	*ret = e;
	return 0;
}

void target_free_endpoint(struct endpoint *e)
{
	words_free(&e->words);
	free(e->host);
	e->host = NULL;
}
