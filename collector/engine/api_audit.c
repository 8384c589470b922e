/* api_audit.c - the journal's export, page by page (doc/journal-format.md). Read on another thread; the last page has the rows that it vouches for, in
 * the same view of the store. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"

#define PAGE (2u * 1024 * 1024)

struct export {
	struct asked asked;
	struct job job;
	uint64_t from, next;		/* next: number that the next page begins with; 0: this is the last */
	FILE *out;
	char *text;
	size_t n;
	int error;
};

static struct export *export_of(struct job *job)
{
	return (struct export *)((char *)job - offsetof(struct export, job));
}

static void put_checkpoint(FILE *out, const struct reader_entry *e)
{
	struct checkpoint c = {.number = e->number, .time = e->at};
	char line[CHECKPOINT_LINE];

	memcpy(c.chain, e->chain, sizeof(c.chain));
	memcpy(c.hash, e->hash, sizeof(c.hash));
	memcpy(c.signature, e->signature, sizeof(c.signature));
	checkpoint_line(&c, line);
	fprintf(out, "%s\n", line);
}

static int put_entry(const struct reader_entry *e, void *arg)
{
	char hash[2 * ENTRY_HASH + 1], salt[2 * ENTRY_HASH + 1];
	struct export *x = arg;

	if (e->signature) {
		put_checkpoint(x->out, e);
		return 0;
	}
	if (ftell(x->out) > PAGE) {
		x->next = e->number;
		return 1;
	}
	checkpoint_hex(e->hash, ENTRY_HASH, hash);
	checkpoint_hex(e->salt ? e->salt : e->digest, e->salt ? ENTRY_SALT : ENTRY_HASH, salt);
	fprintf(x->out, "%s\t%" PRIu64 "\t%" PRId64 "\t%s\t%s\t%s\t%s%s%s\n", e->salt ? "entry" : "erased", e->number, e->at, e->actor, e->action, hash,
		salt, e->salt ? "\t" : "", e->salt ? e->payload : "");
	return 0;
}

static int put_row(const char *table, const char *key, const char *digest, void *arg)
{
	struct export *x = arg;

	fprintf(x->out, "row\t%s\t%s\t%s\n", table, key, digest);
	return 0;
}

static void read_page(struct job *job, void *reader)
{
	struct export *x = export_of(job);

	x->out = open_memstream(&x->text, &x->n);
	if (!x->out) {
		x->error = -ENOMEM;
		return;
	}
	x->error = reader_journal(reader, x->from, put_entry, put_row, x);
	if (fclose(x->out) && x->error >= 0)
		x->error = -ENOMEM;
}

static void done(struct job *job)
{
	struct export *x = export_of(job);

	if (api_put_out(&x->asked, &x->job))
		;
	else if (x->error < 0)
		api_refuse_later(&x->asked, 503, "unavailable", strerror(-x->error));
	else
		api_answer_later(&x->asked, 200, json_pack("{s:s, s:I}", "text", x->text, "next", (json_int_t)x->next));
	free(x->text);
	free(x);
}

void api_audit_export(const struct asker *a, const json_t *arguments)
{
	struct export *x;
	int64_t from;

	if (!api_number(a, arguments, "from", 1, 1, INT64_MAX, &from))
		return;
	x = calloc(1, sizeof(*x));
	if (x) {
		x->from = (uint64_t)from;
		x->job = (struct job){.work = read_page, .done = done};
		if (jobs_add(a->engine->reading, &x->job, a->origin)) {
			api_later(&x->asked, a);
			return;
		}
	}
	free(x);
	api_refuse(a, 429, "too_many", "too many questions at once: try again in a moment");
}
