/*
 * load.c - a crowd of agents (crowd.h) for a collector. Prints what was acknowledged, and what the collector spent on it.
 *
 *   load --school FOLDER                                     makes CA and collector's identity
 *   load --school FOLDER --to 127.0.0.1:7411 [--agents 64] [--results 10] [--values 10] [--window 4] [--every 0] [--seconds 60]
 *        [--pid PID] [--ledger FILE] [--idle [--series]] [--retry] [--spread]
 *
 * With --spread it says when all are connected, and of each time when they lost the collector how long it took until all were back.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "tests/bench/crowd.h"
#include "tests/bench/issue.h"
#include "tests/bench/usage.h"

#define CONNECT_PATIENCE (300 * NS_PER_S)

static struct {
	const char *school, *to, *ledger;
	unsigned seconds;
	pid_t pid;
} its = {.seconds = 60};

static volatile sig_atomic_t ended;	/* by SIGTERM: writes the ledger and goes */

static void write_ledger(void)
{
	FILE *f = fopen(its.ledger, "w");

	if (!f)
		die("cannot write the ledger");
	for (unsigned i = 0; i < crowd.agents_n; i++)
		fprintf(f, "%s %016llx %llu\n", crowd.agents[i].uuid, (unsigned long long)CROWD_EPOCH, (unsigned long long)crowd.agents[i].acked);
	fclose(f);
}

/* Whether all are there, told when it changes. */
static void tell_return(void)
{
	static int64_t since = -1;
	static bool were;
	int64_t now = clock_boot();

	if (since < 0 || (were && crowd.ready < crowd.agents_n))
		since = now;
	if (!were && crowd.ready == crowd.agents_n) {
		printf("all %u connected after %.1f s; %llu attempts failed so far\n", crowd.ready, (double)(now - since) / NS_PER_S,
		       (unsigned long long)crowd.broken);
		fflush(stdout);
	}
	were = crowd.ready == crowd.agents_n;
}

static void turn(void)
{
	crowd_turn();
	if (crowd.spread)
		tell_return();
}

static void run(void)
{
	struct usage before, after, own_before, own;
	int64_t start, deadline;
	uint64_t already;
	double seconds, millions;

	deadline = clock_boot() + CONNECT_PATIENCE;
	while (!ended && crowd.ready < crowd.agents_n && clock_boot() < deadline)
		turn();
	if (crowd.ready < crowd.agents_n && !crowd.retry)
		die("not all agents could connect");
	start = clock_boot();
	already = crowd.acked_results;
	usage_read(its.pid, &before);
	usage_read(getpid(), &own_before);
	while (!ended && clock_boot() - start < its.seconds * NS_PER_S)
		turn();
	seconds = (double)(clock_boot() - start) / NS_PER_S;
	usage_read(its.pid, &after);
	usage_read(getpid(), &own);
	millions = (double)(crowd.acked_results - already) * crowd.values / 1e6;
	if (crowd.idle)
		printf("%u agents connected: collector %.1f MB (peak %.1f MB)\n", crowd.ready, after.rss_mb, after.peak_mb);
	else
		printf("%u agents, %u x %u a batch, %u in flight, %.0f s: %.0f results/s, %.0f values/s; collector %.3f CPU-s per million "
		       "values, %.2f cores, %.1f MB (peak %.1f MB); load generator %.2f cores; %llu reconnected\n",
		       crowd.agents_n, crowd.results, crowd.values, crowd.window, seconds, (double)(crowd.acked_results - already) / seconds,
		       millions * 1e6 / seconds, (after.cpu - before.cpu) / millions, (after.cpu - before.cpu) / seconds, after.rss_mb,
		       after.peak_mb, (own.cpu - own_before.cpu) / seconds, (unsigned long long)crowd.broken);
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
		{"values", 1, NULL, 'v'}, {"window", 1, NULL, 'w'}, {"every", 1, NULL, 'e'}, {"seconds", 1, NULL, 'S'}, {"pid", 1, NULL, 'p'},
		{"ledger", 1, NULL, 'l'}, {"idle", 0, NULL, 'i'}, {"retry", 0, NULL, 'R'}, {"series", 0, NULL, 'D'},
		{"spread", 0, NULL, 'P'}, {0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 's': its.school = optarg; break;
		case 't': its.to = optarg; break;
		case 'a': crowd.agents_n = number(optarg); break;
		case 'r': crowd.results = number(optarg); break;
		case 'v': crowd.values = number(optarg); break;
		case 'w': crowd.window = number(optarg); break;
		case 'e': crowd.every = number(optarg); break;
		case 'S': its.seconds = number(optarg); break;
		case 'p': its.pid = (pid_t)number(optarg); break;
		case 'l': its.ledger = optarg; break;
		case 'i': crowd.idle = true; break;
		case 'D': crowd.series = true; break;
		case 'R': crowd.retry = true; break;
		case 'P': crowd.spread = true; break;
		default: die("see the head of load.c for the options");
		}
}

/* As many connections as there are agents. */
static void allow_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < crowd.agents_n + 64) {
		files.rlim_cur = crowd.agents_n + 64;
		files.rlim_max = files.rlim_max < files.rlim_cur ? files.rlim_cur : files.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &files) < 0)
			die("not so many descriptors are allowed (ulimit -n)");
	}
}

int main(int argc, char **argv)
{
	char host[64] = "";
	unsigned port = 0;

	read_options(argc, argv);
	crowd.series |= !crowd.idle;
	if (!its.school)
		die("--school is missing");
	if (!its.to) {
		issue_school(its.school);
		return 0;
	}
	if (sscanf(its.to, "%63[0-9.]:%u", host, &port) != 2 || inet_pton(AF_INET, host, &crowd.to.sin_addr) != 1)
		die("--to: expected an IPv4 address and a port");
	crowd.to.sin_family = AF_INET;
	crowd.to.sin_port = htons((uint16_t)port);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_end);
	allow_files();
	crowd_make(its.school);
	run();
	return 0;
}
