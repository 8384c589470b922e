#include "watch.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "io.h"
#include "log.h"

#define LOOK_MIN (2 * NS_PER_S)		/* for one look: its interval, within these */
#define LOOK_MAX (10 * NS_PER_S)
#define STANDSTILL (60 * NS_PER_S)	/* between two looks, beside their interval: this machine slept */
#define STATE_MAX 65536
#define LOOKS (LOOK_BLIND + 1)

struct watched {
	const char *address;
	enum look seen, told;
	int64_t bad, since;		/* boot clock: it does not work; it is as seen. Without a break */
	int64_t began, said;		/* wall: of the trouble told; of its last mail */
	int64_t again;			/* boot clock: when to say that it lasts */
	unsigned time;
	char why[LOOK_WHY];
};

struct watch {
	const struct settings *its;
	watch_tell *tell;
	void *arg;
	VEC(struct watched) all;
	struct own own;
	int64_t looked;			/* boot clock; 0: not yet */
	char path[PATH_MAX];
};

/* ---- what was told, on disk ---- */

static void save(struct watch *w)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	int r = -ENOMEM;

	for (size_t i = 0; out && i < w->all.n; i++) {
		const struct watched *c = &w->all.at[i];

		fprintf(out, "%s %s %" PRId64 " %" PRId64 " %u\n", c->address, look_name(c->told), c->began, c->said, c->time);
	}
	if (out && fclose(out) == 0)
		r = io_replace_file(w->path, text, n, 0600);
	if (r < 0)
		log_error("%s: %s: after a restart a mail may come twice", w->path, strerror(-r));
	free(text);
}

static struct watched *find(struct watch *w, const char *address)
{
	for (size_t i = 0; i < w->all.n; i++)
		if (!strcmp(w->all.at[i].address, address))
			return &w->all.at[i];
	return NULL;
}

static void load_line(struct watch *w, const char *line)
{
	char address[300], name[16];
	int64_t began, said;
	unsigned time;
	struct watched *c;

	if (sscanf(line, "%299s %15s %" SCNd64 " %" SCNd64 " %u", address, name, &began, &said, &time) != 5)
		return;
	c = find(w, address);
	for (enum look l = LOOK_WORKS; c && l < LOOKS; l++)
		if (!strcmp(look_name(l), name)) {
			c->told = l;
			c->began = began;
			c->said = said;
			c->time = time;
		}
}

static void load(struct watch *w)
{
	FREE char *text = NULL;
	int r = io_read_file(w->path, STATE_MAX, &text, NULL);
	char *save_at = NULL;

	if (r < 0 && r != -ENOENT)
		log_warning("%s: %s: what was told before is not known", w->path, strerror(-r));
	for (char *line = r < 0 ? NULL : strtok_r(text, "\n", &save_at); line; line = strtok_r(NULL, "\n", &save_at))
		load_line(w, line);
}

/* ---- telling ---- */

static void hand_on(struct watch *w, const struct watched *c)
{
	w->tell(&(struct telling){c->address, c->why, c->told, c->began, c->said, c->time}, w->arg);
}

static void tell(struct watch *w, struct watched *c, enum look what)
{
	c->time = c->told == LOOK_WORKS ? 1 : c->time + 1;
	c->told = what;
	c->said = clock_wall();
	c->again = clock_boot() + w->its->again;
	save(w);
	hand_on(w, c);
}

/* Nobody knows whether the last mail was handed on before we ended; with the same id it is mailed once. */
static void go_on(struct watch *w, struct watched *c)
{
	int64_t ago = clock_wall() - c->said;

	if (!c->said)
		return;
	if (ago >= 0 && ago < w->its->again)
		hand_on(w, c);
	c->again = clock_boot() + (ago < 0 || ago > w->its->again ? 0 : w->its->again - ago);
}

/* ---- looking ---- */

static void saw(struct watched *c, enum look now, const char *why, int64_t boot)
{
	if (now == c->seen)
		return;
	if (now == LOOK_WORKS)
		log_notice("%s: works", c->address);
	else
		log_warning("%s: %s: %s", c->address, look_name(now), why);
	if (c->seen == LOOK_WORKS)
		c->bad = boot;
	c->seen = now;
	c->since = boot;
}

/* It is the first mail of a trouble; or another one than was told, and that of the kind that nobody may miss. */
static bool is_news(const struct watched *c, int64_t boot, int64_t patience)
{
	if (c->told == LOOK_WORKS)
		return boot - c->bad >= patience;
	return c->seen == LOOK_STRANGER && c->told != LOOK_STRANGER && boot - c->since >= patience;
}

void watch_found(struct watch *w, size_t i, enum look now, const char *why)
{
	struct watched *c = &w->all.at[i];
	int64_t boot = clock_boot();

	saw(c, now, why, boot);
	snprintf(c->why, sizeof(c->why), "%s", why);
	if (now == LOOK_WORKS) {
		if (c->told != LOOK_WORKS)
			tell(w, c, LOOK_WORKS);
	} else if (is_news(c, boot, w->its->patience)) {
		if (c->told == LOOK_WORKS)
			c->began = clock_wall() - (boot - c->bad);
		tell(w, c, now);
	} else if (c->told != LOOK_WORKS && boot >= c->again)
		tell(w, c, c->told == LOOK_STRANGER ? c->told : now);
}

/* While this machine slept it saw nothing. */
static void forgive(struct watch *w)
{
	int64_t now = clock_boot();

	if (w->looked && now - w->looked > w->its->every + STANDSTILL)
		for (size_t i = 0; i < w->all.n; i++)
			w->all.at[i].bad = w->all.at[i].since = now;
}

unsigned watch_look(struct watch *w)
{
	int64_t patience = w->its->every < LOOK_MIN ? LOOK_MIN : w->its->every > LOOK_MAX ? LOOK_MAX : w->its->every;
	unsigned bad = 0;

	forgive(w);
	for (size_t i = 0; i < w->all.n; i++) {
		char why[LOOK_WHY];
		enum look found = look_at(&w->own, w->all.at[i].address, clock_boot() + patience, why);

		bad += found != LOOK_WORKS;
		watch_found(w, i, found, why);
	}
	w->looked = clock_boot();
	return bad;
}

/* ---- life ---- */

struct watch *watch_new(const struct settings *s, watch_tell *tell_it, void *arg)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	*w = (struct watch){.its = s, .tell = tell_it, .arg = arg, .own = {.folder = s->identity, .keeps = s->kept}};
	snprintf(w->path, sizeof(w->path), "%s/told", s->state);
	for (size_t i = 0; i < s->collectors.list.n; i++) {
		struct watched *c = find(w, s->collectors.list.at[i]) ? NULL : vec_push(&w->all);

		if (c)
			*c = (struct watched){.address = s->collectors.list.at[i]};
	}
	load(w);
	for (size_t i = 0; i < w->all.n; i++)
		go_on(w, &w->all.at[i]);
	return w;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	vec_free(&w->all);
	free(w);
}
