/*
 * bench_integrity.c - the integrity plugin's first scan and re-scan, beside a bare walk that reads and hashes the same
 * files.
 *
 *   bench_integrity [FOLDER [ROUNDS]]
 *
 * The bare walk is what nobody can go below by much: nftw(3), two threads, read(2) and SHA-256; no order, no metadata,
 * no baseline. The best of ROUNDS (3) of each, after one pass that warms the cache.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "plugins/integrity/scan.h"

#define THREADS 2
#define QUEUE 1024
#define BASELINE "bench_integrity.baseline"

struct cost { double wall, cpu; };

static double clock_of(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct cost cost_since(struct cost begin)
{
	return (struct cost){clock_of(CLOCK_MONOTONIC) - begin.wall, clock_of(CLOCK_PROCESS_CPUTIME_ID) - begin.cpu};
}

static struct cost cost_now(void)
{
	return cost_since((struct cost){0});
}

/* ---- the bare walk ---- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more, room;
	char *paths[QUEUE];
	unsigned long put, taken, files, bytes;
	int end;
} queue = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER, {0}, 0, 0, 0, 0, 0};

static int queue_path(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type != FTW_F || !S_ISREG(st->st_mode))
		return 0;
	pthread_mutex_lock(&queue.lock);
	while (queue.put - queue.taken == QUEUE)
		pthread_cond_wait(&queue.room, &queue.lock);
	queue.paths[queue.put++ % QUEUE] = strdup(path);
	queue.files++;
	queue.bytes += (unsigned long)st->st_size;
	pthread_cond_signal(&queue.more);
	pthread_mutex_unlock(&queue.lock);
	return 0;
}

static char *take_path(void)
{
	char *path = NULL;

	pthread_mutex_lock(&queue.lock);
	while (queue.put == queue.taken && !queue.end)
		pthread_cond_wait(&queue.more, &queue.lock);
	if (queue.put != queue.taken)
		path = queue.paths[queue.taken++ % QUEUE];
	pthread_cond_signal(&queue.room);
	pthread_mutex_unlock(&queue.lock);
	return path;
}

static void *hash_paths(void *unused)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char *buffer = malloc(131072), digest[32];
	char *path;

	(void)unused;
	for (; (path = take_path()); free(path)) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n;
		if (fd < 0)
			continue;
		EVP_DigestInit_ex(md, EVP_sha256(), NULL);
		while ((n = read(fd, buffer, 131072)) > 0)
			EVP_DigestUpdate(md, buffer, (size_t)n);
		EVP_DigestFinal_ex(md, digest, NULL);
		close(fd);
	}
	free(buffer);
	EVP_MD_CTX_free(md);
	return NULL;
}

static struct cost bare_walk(const char *folder)
{
	struct cost begin = cost_now();
	pthread_t threads[THREADS];

	queue.put = queue.taken = queue.files = queue.bytes = 0;
	queue.end = 0;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, hash_paths, NULL);
	nftw(folder, queue_path, 64, FTW_PHYS | FTW_MOUNT);
	pthread_mutex_lock(&queue.lock);
	queue.end = 1;
	pthread_cond_broadcast(&queue.more);
	pthread_mutex_unlock(&queue.lock);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return cost_since(begin);
}

/* ---- ours ---- */

static int add(const struct object *object, void *writer)
{
	return baseline_add(writer, object);
}

static int ignore_change(const struct object *before, const struct object *after, unsigned differences, void *arg)
{
	(void)before, (void)after, (void)differences, (void)arg;
	return 0;
}

static void tell_problem(int error, const char *path, void *arg)
{
	(void)arg;
	fprintf(stderr, "%s: %s\n", path, strerror(error));
}

static struct cost scan(const char *folder, int first, struct scan_counts *counts)
{
	struct scan_options options = {.paths = &folder, .paths_n = 1, .max_size = UINT64_MAX, .threads = THREADS};
	struct scan_sink sink = {.change = ignore_change, .problem = tell_problem};
	struct cost begin = cost_now();
	struct baseline_reader *reader = NULL;
	struct baseline_writer *writer = NULL;
	struct baseline_facts facts;
	int error = first ? baseline_create(&writer, BASELINE, 0) : baseline_open(&reader, BASELINE, &facts);

	if (first) {
		sink.object = add;
		sink.arg = writer;
	}
	if (!error)
		error = scan_run(&options, reader, &sink, counts);
	if (!error && first)
		error = baseline_commit(writer, &facts);
	baseline_close(reader);
	if (error) {
		fprintf(stderr, "scan: %s\n", strerror(-error));
		exit(EXIT_FAILURE);
	}
	return cost_since(begin);
}

static void keep_best(struct cost *best, struct cost now, int round)
{
	if (round == 0 || now.wall < best->wall)
		*best = now;
}

int main(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : "/usr";
	int rounds = argc > 2 ? atoi(argv[2]) : 3;
	struct cost bare = {0}, first = {0}, again = {0};
	struct scan_counts counts;
	struct rusage usage;

	bare_walk(folder);
	for (int i = 0; i < rounds; i++) {	/* in turns, so that another program's load falls on all of them */
		keep_best(&bare, bare_walk(folder), i);
		keep_best(&first, scan(folder, 1, &counts), i);
		keep_best(&again, scan(folder, 0, &counts), i);
	}
	unlink(BASELINE);
	getrusage(RUSAGE_SELF, &usage);
	printf("integrity: %s: %lu files, %.1f GB, %d threads\n", folder, queue.files, (double)queue.bytes / 1e9,
	       THREADS);
	printf("  bare walk, read and hashed   %6.2f s  %6.2f s of CPU\n", bare.wall, bare.cpu);
	printf("  baseline                     %6.2f s  %6.2f s of CPU  (%.2f times the bare walk; at most 2)\n",
	       first.wall, first.cpu, first.wall / bare.wall);
	printf("  re-scan, nothing changed     %6.2f s  %6.2f s of CPU\n", again.wall, again.cpu);
	printf("  peak memory                  %6.1f MiB\n", (double)usage.ru_maxrss / 1024);
	return first.wall <= 2 * bare.wall ? EXIT_SUCCESS : EXIT_FAILURE;
}
