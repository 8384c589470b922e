/*
 * beadle-notifier - alone holds the mail password. Takes notices from the collector, keeps them on disk, sends them, tries again with
 * back-off, and says what became of each.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "channels.h"
#include "cleanup.h"
#include "clock.h"
#include "confine.h"
#include "frame.h"
#include "log.h"
#include "queue.h"
#include "secret.h"
#include "sender.h"
#include "text.h"

#define NOTICE_FRAME (256u * 1024)
#define TIDY_EVERY (3600 * NS_PER_S)

struct notifier {
	int fd;
	struct queue *queue;
	struct sender *sender;
	struct channels channels;
	struct arena *arena;
	bool ended;
};

static void tell(struct notifier *n, const char *id, Rooms__DeliveryState state, uint32_t tries, const char *text)
{
	Rooms__Message m = ROOMS__MESSAGE__INIT;
	Rooms__Delivery d = ROOMS__DELIVERY__INIT;

	d.id = (char *)id;
	d.state = state;
	d.tries = tries;
	d.text = (char *)text;
	m.message_case = ROOMS__MESSAGE__MESSAGE_DELIVERY;
	m.delivery = &d;
	if (frame_write(n->fd, &m.base) < 0)
		n->ended = true;
}

/* Doubles from the shortest to the longest wait, an eighth of it by chance, so that a hundred notices do not knock at once. */
static int64_t wait_after(const struct notifier *n, uint32_t tries)
{
	int64_t wait = n->channels.retry_min;
	uint32_t chance = 0;

	for (uint32_t i = 1; i < tries && wait < n->channels.retry_max; i++)
		wait *= 2;
	if (wait > n->channels.retry_max)
		wait = n->channels.retry_max;
	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0)
		chance = 0;
	return wait + wait / 8 * (int64_t)(chance % 1024) / 1024;
}

static void give_up(struct notifier *n, struct queued *q, const char *why)
{
	log_error("notice %s: given up after %u tries: %s", q->notice->id, q->tries, why);
	tell(n, q->notice->id, ROOMS__DELIVERY_STATE__GIVEN_UP, q->tries, why);
	queue_drop(n->queue, q);
}

/* As often as the waits of that time need: a wall clock that was set forward alone gives nothing up (R12). */
static bool is_hopeless(const struct notifier *n, const struct queued *q)
{
	const struct channels *c = &n->channels;

	return clock_wall() - q->born > c->give_up && q->tries >= c->give_up / c->retry_max / 2;
}

/* The mark first: a crash in between is told again, but nothing is mailed again. */
static void sent(struct notifier *n, struct queued *q)
{
	FREE char *id = strdup(q->notice->id);
	uint32_t tries = q->tries;

	queue_sent(n->queue, q);
	log_info("notice %s: sent", id ? id : "?");
	if (id)
		tell(n, id, ROOMS__DELIVERY_STATE__SENT, tries, "");
}

static void ended(struct queued *q, const char *error, bool final, void *arg)
{
	struct notifier *n = arg;

	if (!error)
		sent(n, q);
	else if (final || is_hopeless(n, q))
		give_up(n, q, error);
	else {
		q->due = clock_boot() + wait_after(n, q->tries);
		log_warning("notice %s: not sent: %s", q->notice->id, error);
		tell(n, q->notice->id, ROOMS__DELIVERY_STATE__RETRYING, q->tries, error);
	}
}

static void start_due(struct notifier *n)
{
	struct queued *q = queue_first(n->queue), *next;
	int64_t now = clock_boot();
	char why[256] = "";

	for (; q; q = next) {
		int r;

		next = q->next;
		if (q->sending || q->due > now || !sender_has_place(n->sender, q->notice))
			continue;
		/* Counted before it is tried, so that a crash in the middle is a try too. A disk that is full stops no mail. */
		r = queue_tried(n->queue, q);
		if (r < 0)
			log_warning("notice %s: the number of tries cannot be kept: %s", q->notice->id, strerror(-r));
		r = sender_start(n->sender, q, why);
		if (r == -EINVAL)
			give_up(n, q, why);
	}
}

static void take(struct notifier *n, const Rooms__Notice *notice)
{
	enum queue_taken taken;
	int r = queue_take(n->queue, notice, clock_boot(), &taken);

	if (r < 0) {
		log_error("notice %s: cannot be kept: %s", notice->id, strerror(-r));
		/* Not told as queued: the collector hands it over again. */
		tell(n, notice->id, r == -EINVAL ? ROOMS__DELIVERY_STATE__GIVEN_UP : ROOMS__DELIVERY_STATE__RETRYING, 0, strerror(-r));
	} else
		tell(n, notice->id, taken == QUEUE_SENT_BEFORE ? ROOMS__DELIVERY_STATE__SENT : ROOMS__DELIVERY_STATE__QUEUED, 0, "");
}

static void read_one(struct notifier *n)
{
	ProtobufCMessage *m;
	int r = frame_read(n->fd, &rooms__message__descriptor, NOTICE_FRAME, n->arena, &m);

	if (r <= 0) {
		n->ended = true;
		if (r < 0)
			log_error("the collector's pipe: %s", strerror(-r));
		return;
	}
	if (((Rooms__Message *)m)->message_case == ROOMS__MESSAGE__MESSAGE_NOTICE)
		take(n, ((Rooms__Message *)m)->notice);
	arena_reset(n->arena);
}

static int next_wait(struct notifier *n)
{
	int64_t now = clock_boot(), wait = 60 * NS_PER_S;

	for (struct queued *q = queue_first(n->queue); q; q = q->next)
		if (!q->sending && sender_has_place(n->sender, q->notice) && q->due - now < wait)
			wait = q->due - now;
	return wait < 0 ? 0 : (int)(wait / NS_PER_MS) + 1;
}

/* Until the collector closes its end. What waits stays on disk for the next start. */
static void serve(struct notifier *n)
{
	int64_t tidy = clock_boot();

	while (!n->ended) {
		struct curl_waitfd pipe = {n->fd, CURL_WAIT_POLLIN, 0};

		start_due(n);
		sender_look(n->sender);
		if (curl_multi_poll(sender_multi(n->sender), &pipe, 1, next_wait(n), NULL) != CURLM_OK)
			return;
		if (pipe.revents)
			read_one(n);
		sender_look(n->sender);
		if (clock_boot() > tidy) {
			queue_tidy(n->queue, clock_wall());
			tidy = clock_boot() + TIDY_EVERY;
		}
	}
}

/* --check-config: tells every mistake of notify, as whoever runs us may read its secrets. */
static int check(struct notifier *n, const char *file, const struct conf *c, struct problems *p)
{
	if (problems_count(p) && access(file, R_OK) == 0)
		return -EINVAL;		/* no YAML: the collector proper, who reads most of it, tells */
	channels_read(conf_root(c), &n->channels, p);
	problems_print(p);
	return problems_count(p) ? -EINVAL : 0;
}

static int open_all(struct notifier *n, const struct conf *c, const char *queue, struct problems *p)
{
	int r;

	channels_read(conf_root(c), &n->channels, p);
	problems_print(p);
	if (problems_count(p))
		return -EINVAL;
	r = queue_open(queue, &n->queue);
	if (r < 0) {
		log_error("%s: %s", queue, strerror(-r));
		return r;
	}
	n->arena = arena_new(8 * NOTICE_FRAME);
	n->sender = sender_new(&n->channels, ended, n);
	return n->arena && n->sender ? 0 : -ENOMEM;
}

/* ---- walls ---- */

struct walls { VEC(struct confine_path) paths; };	/* their texts are ours */

static void add(struct walls *w, char *path, unsigned rights)
{
	struct confine_path *place = path ? vec_push(&w->paths) : NULL;

	if (place)
		*place = (struct confine_path){path, rights};
	else
		free(path);
}

static void add_folder_of(struct walls *w, char *file)
{
	char *slash = file ? strrchr(file, '/') : NULL;

	if (slash)
		*slash = 0;
	add(w, file, LANDLOCK_READ);
}

/* It is read at each connection, and may have been replaced by then: its folder stays open, and that of what it is a link to. */
static void add_authority(struct walls *w, const char *ca)
{
	if (!ca)
		return;
	add_folder_of(w, strdup(ca));
	add_folder_of(w, realpath(ca, NULL));
}

static int enter_walls(const struct channels *c, const char *queue)
{
	struct walls w = {0};
	char why[CONFINE_WHY];
	int r;

	add(&w, strdup(queue), LANDLOCK_WRITE);
	add_authority(&w, c->mail.ca);
	for (size_t i = 0; i < c->webhooks.n; i++)
		add_authority(&w, c->webhooks.at[i].ca);
	r = confine_enter(CONFINE_NOTIFIER, w.paths.at, w.paths.n, why);
	if (r < 0)
		log_error("%s", why);
	for (size_t i = 0; i < w.paths.n; i++)
		free((void *)w.paths.at[i].path);
	vec_free(&w.paths);
	return r;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {"queue", required_argument, NULL, 'q'},
		{"fd", required_argument, NULL, 'f'}, {"check-config", no_argument, NULL, 'C'}, {NULL, 0, NULL, 0}};
	const char *config = NULL, *queue = NULL;
	struct problems *problems = problems_new();
	struct notifier n = {.fd = -1};
	struct conf *conf;
	bool check_only = false;
	int64_t fd = -1;
	int o, r;

	log_open("notifier");
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'c')
			config = optarg;
		else if (o == 'q')
			queue = optarg;
		else if (o == 'C')
			check_only = true;
		else if (o != 'f' || text_int(optarg, &fd) < 0)
			return 2;
	}
	if (!config || !problems || (!check_only && (!queue || fd < 0))) {
		fprintf(stderr, "usage: beadle-notifier --config FILE (--queue FOLDER --fd N | --check-config)\n");
		return 2;
	}
	secret_keep();
	signal(SIGPIPE, SIG_IGN);
#ifdef SANITIZED
	signal(SIGTERM, SIG_IGN);	/* comes with the pipe's end; that one leads to where leaks are looked for */
#endif
	n.fd = (int)fd;
	if (n.fd >= 0)
		fcntl(n.fd, F_SETFD, FD_CLOEXEC);
	conf = conf_read(config, problems);
	r = !conf ? -ENOMEM : check_only ? check(&n, config, conf, problems) : open_all(&n, conf, queue, problems);
	if (r == 0 && !check_only)
		r = enter_walls(&n.channels, queue);
	if (r == 0 && !check_only)
		serve(&n);
	sender_free(n.sender);
	queue_close(n.queue);
	channels_clear(&n.channels);
	arena_free(n.arena);
	conf_free(conf);
	problems_free(problems);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
