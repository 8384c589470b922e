/* journal.c - the figure: a journal of a million entries with a checkpoint every 100 is verified in under 2 s on one core. The entries are made with
 * the collector's own code and go through a file: journal VERIFIER [ENTRIES]. */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/audit/journal.h"

#define EVERY 100
#define LIMIT 2.0
#define START INT64_C(1800000000000000000)

static void must(bool good, const char *what)
{
	if (!good) {
		fprintf(stderr, "journal: %s failed\n", what);
		exit(2);
	}
}

static void put(FILE *f, const struct journal_row *row)
{
	char hash[2 * ENTRY_HASH + 1], salt[2 * ENTRY_SALT + 1];

	checkpoint_hex(row->hash, ENTRY_HASH, hash);
	checkpoint_hex(row->salt, ENTRY_SALT, salt);
	fprintf(f, "entry\t%" PRIu64 "\t%" PRId64 "\t%s\t%s\t%s\t%s\t%s\n", row->number, row->at, row->actor, row->action, hash, salt, row->payload);
}

static void sign(FILE *f, const struct journal *j, EVP_PKEY *key)
{
	struct checkpoint c = {.number = j->number, .time = START};
	char line[CHECKPOINT_LINE];

	memcpy(c.chain, j->chain, ENTRY_HASH);
	memcpy(c.hash, j->last, ENTRY_HASH);
	must(checkpoint_sign(&c, key) == 0, "signing");
	checkpoint_line(&c, line);
	fprintf(f, "%s\n", line);
}

static void make(FILE *f, uint64_t entries)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	char begin[JOURNAL_PAYLOAD], payload[128];
	uint8_t public[CHECKPOINT_KEY];
	struct journal_row row;
	struct journal j;

	must(checkpoint_key_of(key, public) == 0 && journal_begin(&j, public, START, begin, &row) == 0, "beginning");
	fprintf(f, "beadle journal 1\n");
	put(f, &row);
	while (j.number < entries) {
		snprintf(payload, sizeof(payload), "{\"from\":\"192.0.2.%u\",\"name\":\"person%" PRIu64 "\"}", (unsigned)(j.number % 250), j.number);
		must(journal_append(&j, START + (int64_t)j.number, "nobody", "login.failed", payload, &row) == 0, "appending");
		put(f, &row);
		if (j.number % EVERY == 0)
			sign(f, &j, key);
	}
	EVP_PKEY_free(key);
}

int main(int argc, char **argv)
{
	uint64_t entries = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
	char path[] = "/var/tmp/beadle-journal.XXXXXX";
	struct rusage used;
	double seconds;
	int status = -1, fd = argc > 1 ? mkstemp(path) : -1;
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	pid_t pid;

	must(f != NULL, "making the file");
	make(f, entries);
	must(fclose(f) == 0, "writing the file");
	pid = fork();
	if (pid == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execl(argv[1], argv[1], path, NULL);
		_exit(127);
	}
	must(pid > 0 && wait4(pid, &status, 0, &used) == pid && status == 0, "verifying");
	unlink(path);
	seconds = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
	printf("%" PRIu64 " entries, %" PRIu64 " checkpoints: verified in %.2f s of one core (limit %.0f s), %ld MiB\n", entries, entries / EVERY, seconds,
	       LIMIT, used.ru_maxrss / 1024);
	return seconds < LIMIT ? EXIT_SUCCESS : EXIT_FAILURE;
}
