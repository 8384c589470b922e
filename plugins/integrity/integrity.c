/* integrity.c - which files were added, removed or modified since their state was approved (5.4.3). */
#include <beadle/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "plugins/integrity/accept.h"
#include "plugins/integrity/event.h"
#include "plugins/integrity/reported.h"
#include "plugins/integrity/scan.h"

#define SKIPS_MAX 50	/* names of what could not be looked at; all are counted */

struct integrity {
	struct beadle_list *paths;
	struct beadle_globs *exclude;
	bool cross_file_systems;
	const char *rehash;
	struct beadle_size max_size;
	int64_t threads, events, nice;
	struct beadle_duration every;

	const char *told, *told_new;	/* files of struct reported */
	bool handed_over;		/* told_new is of a round that was delivered, once we are called again */
};

static const struct beadle_option options[] = {
	BEADLE_OPTION(struct integrity, paths, "/boot,/etc,/opt,/usr", "real paths to watch, with all below them"),
	BEADLE_OPTION(struct integrity, exclude, "/etc/adjtime,/etc/resolv.conf,/etc/cups/subscriptions.conf*",
		      "what to leave out, with all below it"),
	BEADLE_OPTION(struct integrity, cross_file_systems, "no", "go on to file systems that are mounted below"),
	BEADLE_OPTION(struct integrity, rehash, "changed",
		      "which files to read again: changed (size, times or inode), or always"),
	BEADLE_OPTION(struct integrity, max_size, "4GiB", "larger files are known by size and time, not by content"),
	BEADLE_OPTION(struct integrity, threads, "2", "threads that read and hash, 1 to 16"),
	BEADLE_OPTION(struct integrity, nice, "10", "how far to step back when others want the processor, 0 to 19"),
	BEADLE_OPTION(struct integrity, every, "0s",
		      "how often to scan; rounds in between tell how old the last complete scan is. 0s: in each round"),
	BEADLE_OPTION(struct integrity, events, "100", "changes told one by one in a round; the rest is counted"),
	{0}
};

static const struct beadle_metric added = {"integrity_added", "count", "Objects that the baseline does not know",
					   BEADLE_GAUGE};
static const struct beadle_metric removed = {"integrity_removed", "count", "Objects of the baseline that are gone",
					     BEADLE_GAUGE};
static const struct beadle_metric modified = {
	"integrity_modified", "count",
	"Objects with other content, type, owner, mode, setuid, capabilities or link target than approved",
	BEADLE_GAUGE};
static const struct beadle_metric objects = {"integrity_objects", "count", "Objects found", BEADLE_GAUGE};
static const struct beadle_metric hashed = {"integrity_hashed", "count", "Files read in this scan", BEADLE_GAUGE};
static const struct beadle_metric unreadable = {"integrity_unreadable", "count",
	"Objects that could not be looked at; they count as unchanged", BEADLE_GAUGE};
static const struct beadle_metric unstable = {"integrity_unstable", "count",
	"Files that kept changing while they were read", BEADLE_GAUGE};
static const struct beadle_metric large = {"integrity_large", "count",
	"Files over max_size, known by size and time alone", BEADLE_GAUGE};
static const struct beadle_metric scan_age = {"integrity_scan_age", "seconds", "Since the last complete scan began",
					      BEADLE_GAUGE};
static const struct beadle_metric baseline_age = {"integrity_baseline_age", "seconds",
						  "Since the baseline was approved", BEADLE_GAUGE};
static const struct beadle_metric *const metrics[] = {
	&added, &removed, &modified, &objects, &hashed, &unreadable, &unstable, &large, &scan_age, &baseline_age, NULL
};

static const struct beadle_need needs[] = {
	{BEADLE_NEED_READ, "option:paths", "to read what it watches"},
	{BEADLE_NEED_CAPABILITY, "cap_dac_read_search", "to read files that are closed to others, such as /etc/shadow"},
	{0}
};

/* One round. */
struct round {
	struct beadle_ctx *ctx;
	struct integrity *integrity;
	struct baseline_writer *candidate;
	struct reported told, telling;	/* in earlier rounds; and now, or still */
	EVP_MD_CTX *token;		/* over the numbers of all changes, in order */
	uint64_t added, removed, modified, events, more, skips;
	int64_t now, made;		/* wall clock: of this scan, of the baseline */
};

static bool skip(const char *path, void *arg)
{
	const struct integrity *integrity = arg;

	return beadle_globs_match(integrity->exclude, path);
}

static int take_object(const struct object *object, void *arg)
{
	struct round *round = arg;

	return baseline_add(round->candidate, object);
}

static int take_change(const struct object *before, const struct object *after, unsigned differences, void *arg)
{
	struct round *round = arg;
	uint8_t id[COMPARE_ID];
	int error = compare_id(before, after, id);

	if (error)
		return error;
	*(!before ? &round->added : !after ? &round->removed : &round->modified) += 1;
	EVP_DigestUpdate(round->token, id, sizeof(id));
	if (reported_has(&round->told, id)) {
		error = reported_add(&round->telling, id);
	} else if (round->events < (uint64_t)round->integrity->events &&
		   (error = reported_add(&round->telling, id)) == 0) {
		round->events++;
		event_tell(round->ctx, before, after, differences);
	} else {
		round->more++;
	}
	return error == -ENOSPC ? 0 : error;
}

static void take_problem(int error, const char *path, void *arg)
{
	struct round *round = arg;

	if (round->skips++ < SKIPS_MAX)
		beadle_skip(round->ctx, error, path);
}

static int run_scan(struct round *round, struct baseline_reader *baseline, struct scan_counts *counts)
{
	struct integrity *integrity = round->integrity;
	size_t n = beadle_list_count(integrity->paths);
	const char **paths = calloc(n + 1, sizeof(*paths));
	struct scan_options scan = {
		.paths = paths, .paths_n = n, .filter = {skip, integrity}, .cross = integrity->cross_file_systems,
		.rehash = strcmp(integrity->rehash, "always") == 0, .max_size = integrity->max_size.bytes,
		.threads = (unsigned)integrity->threads,
	};
	struct scan_sink sink = {
		.object = round->candidate ? take_object : NULL,
		.change = take_change,
		.problem = take_problem,
		.arg = round,
	};
	int error;

	if (!paths)
		return -ENOMEM;
	setpriority(PRIO_PROCESS, 0, (int)integrity->nice);	/* ours for good, and that of the threads that come */
	for (size_t i = 0; i < n; i++)
		paths[i] = beadle_list_get(integrity->paths, i);
	error = scan_run(&scan, baseline, &sink, counts);
	free(paths);
	return error;
}

static void put_counts(struct round *round, const struct scan_counts *counts)
{
	beadle_put(round->ctx, &added, (double)round->added);
	beadle_put(round->ctx, &removed, (double)round->removed);
	beadle_put(round->ctx, &modified, (double)round->modified);
	beadle_put(round->ctx, &objects, (double)counts->objects);
	beadle_put(round->ctx, &hashed, (double)counts->hashed);
	beadle_put(round->ctx, &unreadable, (double)counts->unreadable);
	beadle_put(round->ctx, &unstable, (double)counts->unstable);
	beadle_put(round->ctx, &large, (double)counts->large);
}

/* What the scan found becomes the baseline: the first one by itself, a later one on a person's word for this very
 * set. */
static int settle(struct round *round, bool first, const char *accept, const char *wanted, const char *token)
{
	struct baseline_writer *candidate = round->candidate;
	struct baseline_facts facts;
	char digest[EVENT_HEX], number[24];
	int error;

	round->candidate = NULL;
	if (!first && strcmp(wanted, token) != 0) {
		baseline_discard(candidate);
		beadle_log(round->ctx, "%s names changes that are not those found now (%s): nothing was accepted",
			   accept, token);
		return unlink(accept) < 0 ? -errno : 0;
	}
	error = baseline_commit(candidate, &facts);
	if (error)
		return error;
	snprintf(number, sizeof(number), "%llu", (unsigned long long)facts.objects);
	beadle_event(round->ctx, "integrity_baseline", {"baseline", event_hex(facts.sha256, digest)},
		     {"objects", number}, {"reason", first ? "there was none" : "accepted"}, {"changes", token});
	beadle_fact(round->ctx, "integrity_baseline", digest);
	round->made = round->now;
	if (first)
		return 0;
	round->added = round->removed = round->modified = 0;
	reported_clear(&round->telling);
	return unlink(accept) < 0 ? -errno : 0;
}

static void tell_rest(struct round *round, const char *token)
{
	char number[24];

	beadle_fact(round->ctx, "integrity_changes", token);
	if (round->more == 0)
		return;
	snprintf(number, sizeof(number), "%llu", (unsigned long long)round->more);
	beadle_event(round->ctx, "integrity_more", {"count", number}, {"changes", token});
}

static int finish(struct round *round, bool first, const char *accept, const char *wanted)
{
	uint64_t changes = round->added + round->removed + round->modified;
	uint8_t digest[32];
	char token[EVENT_HEX] = "none";
	int error = 0;

	if (!EVP_DigestFinal_ex(round->token, digest, NULL))
		return -EIO;
	if (changes > 0)
		event_hex(digest, token);
	if (round->candidate)
		error = settle(round, first, accept, wanted, token);
	tell_rest(round, changes > 0 && round->added + round->removed + round->modified == 0 ? "none" : token);
	if (!error && round->integrity->told_new)
		error = beadle_state_write(round->ctx, "told.new", round->telling.at, round->telling.n * COMPARE_ID);
	round->integrity->handed_over = !error;
	return error;
}

/* The last round's events are with the host: what was told, was told. */
static void confirm_told(struct integrity *integrity)
{
	if (integrity->handed_over && integrity->told)
		rename(integrity->told_new, integrity->told);
	integrity->handed_over = false;
}

/*
 * When the last complete scan began, and the last attempt: ns since 1970, 0: never. The attempt is written down first, because a scan
 * that is ended by its timeout cannot say so any more.
 */
struct scans { int64_t complete, attempt; };

static struct scans scans_load(struct beadle_ctx *ctx)
{
	const char *path = beadle_state_path(ctx, "scans");
	FILE *file = path ? fopen(path, "re") : NULL;
	struct scans s = {0};

	if (!file)
		return s;
	if (fscanf(file, "%" SCNd64 " %" SCNd64, &s.complete, &s.attempt) != 2)
		s = (struct scans){0};
	fclose(file);
	return s;
}

static int scans_save(struct beadle_ctx *ctx, const struct scans *s)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%" PRId64 " %" PRId64 "\n", s->complete, s->attempt);
	int error = beadle_state_write(ctx, "scans", text, (size_t)n);

	return error == -ENOENT ? 0 : error;	/* a dry run keeps nothing */
}

/* A moment that is so long ago, or to come: then the clock was set back. */
static bool is_over(int64_t then, int64_t now, int64_t after)
{
	return now < then || now - then >= after;
}

/* A scan that failed is tried again when a quarter of the time to the next has passed; a person's word is heard at once. */
static bool is_due(struct beadle_ctx *ctx, const struct integrity *integrity, const struct scans *s, int64_t now)
{
	const char *accept = beadle_state_path(ctx, "accept");

	return integrity->every.ns == 0 || (accept && access(accept, F_OK) == 0) ||
	       (is_over(s->complete, now, integrity->every.ns) && is_over(s->attempt, now, integrity->every.ns / 4));
}

static void put_age(struct beadle_ctx *ctx, const struct integrity *integrity, const struct scans *s, int64_t now)
{
	int64_t age = now - s->complete;

	if (s->complete)
		beadle_put(ctx, &scan_age, age > 0 ? (double)age / 1e9 : 0);
	if (is_over(s->complete, now, integrity->every.ns))
		beadle_skip(ctx, ENODATA, s->complete ? "no complete scan since the last one was due" :
			    "no scan was complete so far");
}

static int scan_against(struct round *round, struct baseline_reader *baseline, const struct baseline_facts *facts)
{
	struct beadle_ctx *ctx = round->ctx;
	const char *accept = beadle_state_path(ctx, "accept"), *path = beadle_state_path(ctx, "baseline");
	char wanted[ACCEPT_TOKEN], digest[EVENT_HEX];
	struct scan_counts counts;
	int no_word = baseline && accept ? accept_read(accept, wanted) : -ENOENT, error = 0;

	if (no_word && no_word != -ENOENT)
		beadle_skip(ctx, -no_word, accept);
	round->made = facts->made;
	if (path && (!baseline || !no_word))
		error = baseline_create(&round->candidate, path, round->now);
	if (baseline)
		beadle_fact(ctx, "integrity_baseline", event_hex(facts->sha256, digest));
	if (!error)
		error = run_scan(round, baseline, &counts);
	if (!error)
		error = finish(round, !baseline, accept, wanted);
	if (error)
		return error;
	put_counts(round, &counts);
	if (path)	/* a clock that was set back makes no negative age */
		beadle_put(ctx, &baseline_age, round->now > round->made ? (double)(round->now - round->made) / 1e9 : 0);
	return 0;
}

static int scan_once(struct beadle_ctx *ctx, void *state, const struct scans *scans)
{
	struct integrity *integrity = state;
	struct round round = {.ctx = ctx, .integrity = integrity, .token = EVP_MD_CTX_new(), .now = scans->attempt};
	const char *path = beadle_state_path(ctx, "baseline");
	struct baseline_reader *baseline = NULL;
	struct baseline_facts facts = {0};
	int error = round.token && EVP_DigestInit_ex(round.token, EVP_sha256(), NULL) ? 0 : -ENOMEM;

	confirm_told(integrity);
	if (integrity->told)
		reported_load(&round.told, integrity->told);
	if (!path)
		beadle_log(ctx, "no state directory: nothing to compare with");
	else if (!error)
		error = baseline_open(&baseline, path, &facts);
	if (error == -EBADMSG)
		beadle_log(ctx, "%s is damaged: restore it, or remove it to take the present state as approved", path);
	if (error == -ENOENT)
		error = 0;
	if (!error)
		error = scan_against(&round, baseline, &facts);

	baseline_close(baseline);
	baseline_discard(round.candidate);
	reported_clear(&round.told);
	reported_clear(&round.telling);
	EVP_MD_CTX_free(round.token);
	return error;
}

static int collect(struct beadle_ctx *ctx, void *state)
{
	struct scans scans = scans_load(ctx);
	int64_t now = beadle_now_wall(ctx);
	int error;

	if (!is_due(ctx, state, &scans, now)) {
		put_age(ctx, state, &scans, now);
		return 0;
	}
	scans.attempt = now;
	error = scans_save(ctx, &scans);
	if (!error)
		error = scan_once(ctx, state, &scans);
	if (error)
		return error;
	scans.complete = now;
	beadle_put(ctx, &scan_age, (double)(beadle_now_wall(ctx) - now) / 1e9);
	return scans_save(ctx, &scans);
}

static int check_paths(struct beadle_ctx *ctx, const struct integrity *integrity)
{
	const char *path;
	int error = 0;

	for (size_t i = 0; (path = beadle_list_get(integrity->paths, i)); i++)
		if (path[0] != '/')
			error = beadle_refuse(ctx, "paths", i, "\"%.200s\": expected an absolute path", path);
	return error;
}

static int check_number(struct beadle_ctx *ctx, const char *option, int64_t value, int least, int most)
{
	return value >= least && value <= most ? 0 :
		beadle_refuse(ctx, option, 0, "%" PRId64 ": expected %d to %d", value, least, most);
}

static int open_integrity(struct beadle_ctx *ctx, void *state)
{
	struct integrity *integrity = state;
	const struct { const char *option; int64_t value; int least, most; } bounds[] = {
		{"threads", integrity->threads, 1, 16}, {"events", integrity->events, 0, 10000},
		{"nice", integrity->nice, 0, 19}};
	int error;

	integrity->told = beadle_state_path(ctx, "told");
	integrity->told_new = beadle_state_path(ctx, "told.new");
	error = check_paths(ctx, integrity);
	if (strcmp(integrity->rehash, "changed") != 0 && strcmp(integrity->rehash, "always") != 0)
		error = beadle_refuse(ctx, "rehash", 0, "\"%.60s\": expected changed or always", integrity->rehash);
	if (integrity->every.ns < 0)
		error = beadle_refuse(ctx, "every", 0, "expected no less than 0s");
	for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++)
		if (check_number(ctx, bounds[i].option, bounds[i].value, bounds[i].least, bounds[i].most))
			error = -EINVAL;
	return error;
}

static void close_integrity(void *state)
{
	confirm_told(state);
}

BEADLE_PLUGIN(integrity, .version = "1", .help = "Files added, removed or modified since they were approved",
	.state_size = sizeof(struct integrity), .options = options, .metrics = metrics, .needs = needs,
	.open = open_integrity, .collect = collect, .close = close_integrity);
