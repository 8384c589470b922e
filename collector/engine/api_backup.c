/* api_backup.c - a backup, of which the command line makes one file: begun (what belongs to it), the store's files copied one by one, ended (its digest,
 * for the journal). The copies are made on a thread of their own: they take as long as they take, and nobody else waits for them. */
#include <errno.h>
#include <limits.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "clock.h"
#include "collector/store/copy.h"
#include "config.h"
#include "log.h"

#define BY_ROOT "a backup is made"	/* whoever has it and its passphrase has all keys */

/* Of all that there are the last one begun counts: one that was broken off does not stand in the way. */
static bool is_the_one(const struct asker *a, const json_t *arguments)
{
	const char *id;

	if (!api_text(a, arguments, "id", NULL, BACKUP_ID - 1, &id))
		return false;
	if (*id && !strcmp(id, a->engine->backup.id))
		return true;
	api_refuse(a, 409, "conflict", "this backup is over: another one was begun, the journal's key was changed, or the collector was started again");
	return false;
}

static void tell(const struct asker *a, const char *action, json_t *what)
{
	const struct deed deed = {a->name, a->from, action};

	if (engine_change(a->engine))
		record_fact(a->engine->change, &deed, a->engine->backup.id, what);
	else
		json_decref(what);
}

/* ---- begun ---- */

static int put_part(const char *name, void *list)
{
	return json_array_append_new(list, json_string(name)) < 0 ? -ENOMEM : 0;
}

static json_t *absolute(const char *file)
{
	char path[PATH_MAX];

	return json_string(realpath(file, path) ? path : file);
}

static json_t *begun(const struct engine *e, json_t *parts)
{
	const struct site *s = e->its.site;
	char state[PATH_MAX];

	snprintf(state, sizeof(state), "%s", e->its.store_folder);
	*strrchr(state, '/') = 0;
	return json_pack("{s:s, s:I, s:s, s:s, s:s, s:I, s:s, s:[o,o], s:o}", "id", e->backup.id, "at", (json_int_t)clock_wall(), "version", PACKAGE_VERSION,
			 "school", s->school, "name", s->name, "entry", (json_int_t)e->checkpoints.kept, "state", state,
			 "files", absolute(s->file), absolute(s->procedure_file), "parts", parts);
}

void api_backup_begin(const struct asker *a, const json_t *arguments)
{
	struct engine *e = a->engine;
	json_t *parts = json_array();
	uint8_t id[(BACKUP_ID - 1) / 2];
	int r = -EIO;

	if (!api_is_console(a, BY_ROOT))
		json_decref(parts);
	else if (RAND_bytes(id, sizeof(id)) != 1 || (r = copy_parts(e->checkpoints.reader, put_part, parts)) < 0) {
		json_decref(parts);
		api_refuse(a, 503, "unavailable", "%s", strerror(-r));
	} else {
		checkpoint_hex(id, sizeof(id), e->backup.id);
		tell(a, "backup.begun", json_object());
		api_answer(a, 200, begun(e, parts));
	}
}

/* ---- a part ---- */

struct copying {
	struct asked asked;
	struct job job;
	char name[64];
	uint64_t bytes;
	int error;
};

static struct copying *copying_of(struct job *job)
{
	return (struct copying *)((char *)job - offsetof(struct copying, job));
}

static void copy(struct job *job, void *reader)
{
	struct copying *c = copying_of(job);

	c->error = copy_part(reader, c->name, &c->bytes);
}

static void copied(struct job *job)
{
	struct copying *c = copying_of(job);
	char why[160];

	snprintf(why, sizeof(why), "%s: %s", c->name, c->error == -EBADMSG ? "it is damaged: restart the collector, which sets it aside and rescues what can be read" :
		 c->error == -ENOSPC ? "the store's disk has no room for a copy of it" :
		 c->error == -EAGAIN ? "the store is being opened anew: try again" : strerror(-c->error));
	if (api_put_out(&c->asked, &c->job))
		;
	else if (c->error == -ENOENT)
		api_refuse_later(&c->asked, 404, "not_found", why);
	else if (c->error)
		api_refuse_later(&c->asked, 503, "unavailable", why);
	else
		api_answer_later(&c->asked, 200, json_pack("{s:s, s:I}", "file", STORE_COPY, "bytes", (json_int_t)c->bytes));
	free(c);
}

void api_backup_copy(const struct asker *a, const json_t *arguments)
{
	const char *part;
	struct copying *c;

	if (!api_is_console(a, BY_ROOT) || !is_the_one(a, arguments) || !api_text(a, arguments, "part", NULL, sizeof(c->name) - 1, &part))
		return;
	c = calloc(1, sizeof(*c));
	if (c) {
		snprintf(c->name, sizeof(c->name), "%s", part);
		c->job = (struct job){.work = copy, .done = copied};
		if (jobs_add(a->engine->copying, &c->job, NULL)) {
			api_later(&c->asked, a);
			return;
		}
	}
	free(c);
	api_refuse(a, 429, "too_many", "too much was asked at once: try again in a moment");
}

/* ---- ended ---- */

/* sha256 "": it was given up. */
void api_backup_end(const struct asker *a, const json_t *arguments)
{
	struct engine *e = a->engine;
	const char *sha256;
	int64_t bytes;

	if (!api_is_console(a, BY_ROOT) || !is_the_one(a, arguments) || !api_text(a, arguments, "sha256", "", 64, &sha256) ||
	    !api_number(a, arguments, "bytes", 0, 0, INT64_MAX, &bytes))
		return;
	copy_remove(e->its.store_folder);
	if (*sha256) {
		tell(a, "backup.made", json_pack("{s:s, s:I}", "sha256", sha256, "bytes", (json_int_t)bytes));
		log_notice("a backup was made by %s: %lld bytes, SHA-256 %s", a->name, (long long)bytes, sha256);
	} else
		tell(a, "backup.failed", json_object());
	*e->backup.id = 0;
	api_answer(a, 200, json_object());
}
