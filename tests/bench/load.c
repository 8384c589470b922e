/*
 * load.c - many agents in one process: real TLS, real frames, one epoll loop. Prints what was acknowledged, and what the collector
 * spent on it. Connections that break are made anew and go on from what the collector holds; that it holds less than it
 * acknowledged, ends the program (R2). What a result holds follows from agent and sequence, so that a reader of the
 * store can tell whether it is the one that was sent.
 *
 *   load --school FOLDER                                     makes CA and collector's identity
 *   load --school FOLDER --to 127.0.0.1:7411 [--agents 64] [--results 10] [--values 10] [--window 4] [--seconds 60]
 *        [--pid PID] [--ledger FILE] [--idle [--series]] [--retry]
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "crc32c.h"
#include "frame.h"
#include "proto/beadle.pb-c.h"
#include "tests/bench/content.h"
#include "tests/bench/issue.h"
#include "tests/bench/usage.h"

#define CHECKS 20u
#define SERIES_A_CHECK 10u
#define CONNECTING_MAX 24		/* at once; the collector lets 32 strangers of one address in */

enum state { OFF, CONNECTING, GREETED, READY };

struct agent {
	SSL_CTX *ctx;
	SSL *tls;
	int fd;
	enum state state;
	char uuid[37];
	unsigned number;
	uint64_t next, acked;		/* sequences */
	uint32_t digest;		/* of record next - 1; 0: not known */
	unsigned in_flight;		/* batches */
	bool writing;			/* out holds what could not be written */
	uint8_t *in, *out;
	size_t in_n, in_room, out_n, out_from, out_room;
	int64_t again;			/* not to be connected before */
};

static struct {
	const char *school, *to, *ledger;
	unsigned agents, results, values, window, seconds;
	pid_t pid;
	bool idle, retry, series;		/* idle without series: connected, no more */
} its = {.agents = 64, .results = 10, .values = 10, .window = 4, .seconds = 60};

static struct agent *agents;
static unsigned connecting, ready;
static uint64_t acked_results, broken;
static int loop;
static struct arena *arena;
static struct sockaddr_in to;
static volatile sig_atomic_t ended;	/* by SIGTERM: writes the ledger and goes */
static uint64_t epoch = 0x1122334455667788;

static void die(const char *what)
{
	fprintf(stderr, "load: %s\n", what);
	exit(1);
}

/* ---- connections ---- */

static void disconnect(struct agent *a, const char *why)
{
	if (a->state == CONNECTING || a->state == GREETED)
		connecting--;
	if (a->state == READY)
		ready--;
	if (!its.retry)
		fprintf(stderr, "load: agent %u: %s (%s)\n", a->number, why, ERR_peek_error() ?
			ERR_reason_error_string(ERR_peek_error()) : strerror(errno));
	SSL_free(a->tls);
	close(a->fd);
	a->tls = NULL;
	a->state = OFF;
	a->in_n = a->out_n = a->out_from = 0;
	a->in_flight = 0;
	a->writing = false;
	a->again = clock_boot() + 50 * NS_PER_MS;
	broken++;
	if (!its.retry && broken > 10)
		die("too many connections broke");
}

static void watch(struct agent *a, uint32_t events, int op)
{
	struct epoll_event e = {.events = events, .data.ptr = a};

	if (epoll_ctl(loop, op, a->fd, &e) < 0)
		die("epoll_ctl");
}

static void begin(struct agent *a)
{
	a->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (a->fd < 0)
		die("socket");
	a->state = CONNECTING;
	connecting++;
	a->tls = SSL_new(a->ctx);
	if (!a->tls)
		die("SSL_new");
	SSL_set_fd(a->tls, a->fd);
	SSL_set_connect_state(a->tls);
	connect(a->fd, (struct sockaddr *)&to, sizeof(to));
	watch(a, EPOLLIN | EPOLLOUT, EPOLL_CTL_ADD);
}

/* ---- out ---- */

static bool flush(struct agent *a)
{
	while (a->out_from < a->out_n) {
		size_t k;
		int r = SSL_write_ex(a->tls, a->out + a->out_from, a->out_n - a->out_from, &k);

		if (r != 1 && SSL_get_error(a->tls, r) == SSL_ERROR_WANT_WRITE) {
			if (!a->writing)
				watch(a, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
			a->writing = true;
			return true;
		}
		if (r != 1) {
			disconnect(a, "write");
			return false;
		}
		a->out_from += k;
	}
	if (a->writing)
		watch(a, EPOLLIN, EPOLL_CTL_MOD);
	a->writing = false;
	a->out_n = a->out_from = 0;
	return true;
}

static void add_frame(struct agent *a, Wire__Envelope *e)
{
	static uint8_t *buf;
	static size_t room;
	int64_t n = frame_pack(&e->base, &buf, &room);

	if (n < 0)
		die("frame_pack");
	if (a->out_n + (size_t)n > a->out_room) {
		a->out_room = a->out_n + (size_t)n;
		a->out = realloc(a->out, a->out_room);
	}
	memcpy(a->out + a->out_n, buf, (size_t)n);
	a->out_n += (size_t)n;
}

static bool hello(struct agent *a)
{
	Wire__Envelope e = WIRE__ENVELOPE__INIT;
	Wire__Hello h = WIRE__HELLO__INIT;
	Wire__Spool spool = WIRE__SPOOL__INIT, *spools = &spool;
	Wire__Check check[CHECKS], *checks[CHECKS];
	char names[CHECKS][16];

	for (unsigned i = 0; i < CHECKS; i++) {
		wire__check__init(&check[i]);
		snprintf(names[i], sizeof(names[i]), "check_%u", i);
		check[i].id = i + 1;
		check[i].name = names[i];
		check[i].plugin = "disk";
		check[i].interval_ns = 60 * NS_PER_S;
		checks[i] = &check[i];
	}
	spool.epoch = epoch;
	spool.oldest = a->acked + 1;
	spool.next = a->next;
	h.agent = a->uuid;
	h.n_spools = 1;
	h.spools = &spools;
	h.n_checks = CHECKS;
	h.checks = checks;
	e.message_case = WIRE__ENVELOPE__MESSAGE_HELLO;
	e.hello = &h;
	add_frame(a, &e);
	return flush(a);
}

/* The first batch of a connection: definitions alone. */
static void define(struct agent *a)
{
	static Wire__Series series[CHECKS * SERIES_A_CHECK], *each[CHECKS * SERIES_A_CHECK];
	static char labels[CHECKS * SERIES_A_CHECK][16];
	static Wire__Label label[CHECKS * SERIES_A_CHECK], *one[CHECKS * SERIES_A_CHECK];
	Wire__Envelope e = WIRE__ENVELOPE__INIT;
	Wire__Batch b = WIRE__BATCH__INIT;

	for (unsigned i = 0; i < CHECKS * SERIES_A_CHECK; i++) {
		wire__series__init(&series[i]);
		wire__label__init(&label[i]);
		snprintf(labels[i], sizeof(labels[i]), "%u", i % SERIES_A_CHECK);
		label[i].name = "mount";
		label[i].value = (ProtobufCBinaryData){strlen(labels[i]), (uint8_t *)labels[i]};
		one[i] = &label[i];
		series[i].id = i + 1;
		series[i].check = i / SERIES_A_CHECK + 1;
		series[i].metric = "disk_space_used_ratio";
		series[i].n_labels = 1;
		series[i].labels = &one[i];
		each[i] = &series[i];
	}
	b.epoch = epoch;
	b.first = 1;
	b.n_series = CHECKS * SERIES_A_CHECK;
	b.series = each;
	e.message_case = WIRE__ENVELOPE__MESSAGE_BATCH;
	e.batch = &b;
	add_frame(a, &e);
}

/* As an agent does (beadle.proto). */
static void put_digests(struct agent *a, Wire__Batch *b)
{
	static uint8_t *packed;
	static size_t room;
	uint64_t wide = htole64(epoch);
	uint32_t salt = crc32c(0, &wide, sizeof(wide)), wire;

	b->before = a->digest;
	for (size_t i = 0; i < b->n_records; i++) {
		size_t n = wire__record__get_packed_size(b->records[i]);

		if (n > room) {
			packed = realloc(packed, n);
			room = n;
		}
		wire__record__pack(b->records[i], packed);
		a->digest = crc32c(salt, packed, n);
		wire = htole32(a->digest);
		b->digest = crc32c(b->digest, &wire, sizeof(wire));
	}
}

static void add_batch(struct agent *a)
{
	static Wire__Record *records, **each;
	static uint32_t *series;
	static double *values;
	Wire__Envelope e = WIRE__ENVELOPE__INIT;
	Wire__Batch b = WIRE__BATCH__INIT;
	uint64_t now = (uint64_t)clock_wall();

	if (!records) {
		records = calloc(its.results, sizeof(*records));
		each = calloc(its.results, sizeof(struct Wire__Record *));
		series = calloc(its.results * its.values, sizeof(*series));
		values = calloc(its.results * its.values, sizeof(*values));
	}
	for (unsigned i = 0; i < its.results; i++) {
		Wire__Record *r = each[i] = &records[i];
		uint64_t sequence = a->next + i;

		wire__record__init(r);
		r->check = (uint32_t)(sequence % CHECKS) + 1;
		r->at = now;
		r->took_ns = 1000000;
		r->round = true;
		r->n_series = r->n_values = its.values;
		r->series = series + i * its.values;
		r->values = values + i * its.values;
		for (unsigned k = 0; k < its.values; k++) {
			r->series[k] = (r->check - 1) * SERIES_A_CHECK + k % SERIES_A_CHECK + 1;
			r->values[k] = content_value(a->number, sequence, its.values, k);
		}
	}
	b.epoch = epoch;
	b.first = a->next;
	b.n_records = its.results;
	b.records = each;
	put_digests(a, &b);
	e.message_case = WIRE__ENVELOPE__MESSAGE_BATCH;
	e.batch = &b;
	add_frame(a, &e);
	a->next += its.results;
	a->in_flight++;
}

static void fill_window(struct agent *a)
{
	if (its.idle || a->writing)
		return;
	while (a->in_flight < its.window)
		add_batch(a);
	flush(a);
}

/* ---- in ---- */

static void on_welcome(struct agent *a, const Wire__Welcome *w)
{
	uint64_t held = w->n_held == 1 ? w->held[0]->through : 0;

	if (held < a->acked) {
		fprintf(stderr, "load: agent %u: %llu were acknowledged, %llu are held\n", a->number, (unsigned long long)a->acked,
			(unsigned long long)held);
		die("the collector holds less than it acknowledged");
	}
	acked_results += held - a->acked;
	a->acked = held;
	a->next = held + 1;
	a->digest = w->n_held == 1 ? w->held[0]->digest : 0;
	connecting--;
	ready++;
	a->state = READY;
	if (its.series)
		define(a);
	fill_window(a);
	flush(a);
}

static void on_ack(struct agent *a, const Wire__Ack *ack)
{
	if (ack->through < a->acked || ack->through >= a->next)
		die("an acknowledgement of what was not sent");
	acked_results += ack->through - a->acked;
	a->acked = ack->through;
	a->in_flight = (unsigned)((a->next - 1 - a->acked) / its.results);
	fill_window(a);
}

static bool on_frame(struct agent *a, const uint8_t *frame, size_t n)
{
	const Wire__Envelope *e;

	arena_reset(arena);
	e = (const Wire__Envelope *)frame_unpack(&wire__envelope__descriptor, frame, n, arena);
	if (!e)
		die("the collector sent what is no frame");
	if (e->message_case == WIRE__ENVELOPE__MESSAGE_WELCOME)
		on_welcome(a, e->welcome);
	else if (e->message_case == WIRE__ENVELOPE__MESSAGE_ACK)
		on_ack(a, e->ack);
	else if (e->message_case == WIRE__ENVELOPE__MESSAGE_REFUSAL)
		disconnect(a, e->refusal->reason);
	return a->state != OFF;
}

static void use_input(struct agent *a)
{
	size_t used = 0;
	int64_t n;

	while ((n = frame_size(a->in + used, a->in_n - used, FRAME_MAX)) > 0 && (size_t)n <= a->in_n - used) {
		if (!on_frame(a, a->in + used, (size_t)n))
			return;
		used += (size_t)n;
	}
	memmove(a->in, a->in + used, a->in_n - used);
	a->in_n -= used;
}

static void receive(struct agent *a)
{
	do {
		size_t k;
		int r;

		if (a->in_n == a->in_room) {
			a->in_room += 4096;
			a->in = realloc(a->in, a->in_room);
		}
		ERR_clear_error();
		r = SSL_read_ex(a->tls, a->in + a->in_n, a->in_room - a->in_n, &k);
		if (r != 1) {
			if (SSL_get_error(a->tls, r) != SSL_ERROR_WANT_READ)
				disconnect(a, "read");
			return;
		}
		a->in_n += k;
		use_input(a);
	} while (a->state != OFF && SSL_pending(a->tls));
}

static void on_event(struct agent *a, uint32_t events)
{
	int r;

	if (a->state == CONNECTING) {
		ERR_clear_error();
		r = SSL_do_handshake(a->tls);
		if (r == 1) {
			a->state = GREETED;
			watch(a, EPOLLIN, EPOLL_CTL_MOD);
			hello(a);
		} else if (SSL_get_error(a->tls, r) != SSL_ERROR_WANT_READ && SSL_get_error(a->tls, r) != SSL_ERROR_WANT_WRITE) {
			disconnect(a, "handshake");
		} else {
			watch(a, SSL_get_error(a->tls, r) == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
		}
		return;
	}
	if (events & EPOLLOUT && !flush(a))
		return;
	if (a->state != OFF && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive(a);
	if (a->state == READY && !a->writing)
		fill_window(a);
}

/* ---- the run ---- */

static void connect_some(void)
{
	int64_t now = clock_boot();

	for (unsigned i = 0; i < its.agents && connecting < CONNECTING_MAX; i++)
		if (agents[i].state == OFF && agents[i].again <= now)
			begin(&agents[i]);
}

static void turn(void)
{
	struct epoll_event events[64];
	int n;

	if (ready < its.agents)
		connect_some();
	n = epoll_wait(loop, events, 64, 20);
	for (int i = 0; i < n; i++)
		if (((struct agent *)events[i].data.ptr)->state != OFF)
			on_event(events[i].data.ptr, events[i].events);
}

static void write_ledger(void)
{
	FILE *f = fopen(its.ledger, "w");

	if (!f)
		die("cannot write the ledger");
	for (unsigned i = 0; i < its.agents; i++)
		fprintf(f, "%s %016llx %llu\n", agents[i].uuid, (unsigned long long)epoch, (unsigned long long)agents[i].acked);
	fclose(f);
}

static void run(void)
{
	struct usage before, after, own_before, own;
	int64_t start, deadline;
	uint64_t already;
	double seconds, millions;

	deadline = clock_boot() + 120 * NS_PER_S;
	while (!ended && ready < its.agents && clock_boot() < deadline)
		turn();
	if (ready < its.agents && !its.retry)
		die("not all agents could connect");
	start = clock_boot();
	already = acked_results;
	usage_read(its.pid, &before);
	usage_read(getpid(), &own_before);
	while (!ended && clock_boot() - start < its.seconds * NS_PER_S)
		turn();
	seconds = (double)(clock_boot() - start) / NS_PER_S;
	usage_read(its.pid, &after);
	usage_read(getpid(), &own);
	millions = (double)(acked_results - already) * its.values / 1e6;
	if (its.idle)
		printf("%u agents connected: collector %.1f MB (peak %.1f MB)\n", ready, after.rss_mb, after.peak_mb);
	else
		printf("%u agents, %u x %u a batch, %u in flight, %.0f s: %.0f results/s, %.0f values/s; collector %.3f CPU-s per million "
		       "values, %.2f cores, %.1f MB (peak %.1f MB); load generator %.2f cores; %llu reconnected\n",
		       its.agents, its.results, its.values, its.window, seconds, (double)(acked_results - already) / seconds,
		       millions * 1e6 / seconds, (after.cpu - before.cpu) / millions, (after.cpu - before.cpu) / seconds, after.rss_mb,
		       after.peak_mb, (own.cpu - own_before.cpu) / seconds, (unsigned long long)broken);
	if (its.ledger)
		write_ledger();
}

static void on_end(int signo)
{
	ended = 1;
}

static unsigned number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!*text || *end || n > 1000000)
		die("a number was expected");
	return (unsigned)n;
}

static void read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{"school", 1, NULL, 's'}, {"to", 1, NULL, 't'}, {"agents", 1, NULL, 'a'}, {"results", 1, NULL, 'r'},
		{"values", 1, NULL, 'v'}, {"window", 1, NULL, 'w'}, {"seconds", 1, NULL, 'S'}, {"pid", 1, NULL, 'p'},
		{"ledger", 1, NULL, 'l'}, {"idle", 0, NULL, 'i'}, {"retry", 0, NULL, 'R'}, {"series", 0, NULL, 'D'}, {0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 's': its.school = optarg; break;
		case 't': its.to = optarg; break;
		case 'a': its.agents = number(optarg); break;
		case 'r': its.results = number(optarg); break;
		case 'v': its.values = number(optarg); break;
		case 'w': its.window = number(optarg); break;
		case 'S': its.seconds = number(optarg); break;
		case 'p': its.pid = (pid_t)number(optarg); break;
		case 'l': its.ledger = optarg; break;
		case 'i': its.idle = true; break;
		case 'D': its.series = true; break;
		case 'R': its.retry = true; break;
		default: die("see the head of load.c for the options");
		}
}

int main(int argc, char **argv)
{
	char host[64] = "";
	unsigned port = 0;

	read_options(argc, argv);
	its.series |= !its.idle;
	if (!its.school)
		die("--school is missing");
	if (!its.to) {
		issue_school(its.school);
		return 0;
	}
	if (sscanf(its.to, "%63[0-9.]:%u", host, &port) != 2 || inet_pton(AF_INET, host, &to.sin_addr) != 1)
		die("--to: expected an IPv4 address and a port");
	to.sin_family = AF_INET;
	to.sin_port = htons((uint16_t)port);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_end);
	loop = epoll_create1(EPOLL_CLOEXEC);
	arena = arena_new(FRAME_MAX);
	agents = calloc(its.agents, sizeof(*agents));
	if (loop < 0 || !arena || !agents)
		die("out of memory");
	for (unsigned i = 0; i < its.agents; i++) {
		agents[i].number = i;
		agents[i].next = 1;
		agents[i].ctx = issue_agent(its.school, i, agents[i].uuid);
	}
	run();
	return 0;
}
