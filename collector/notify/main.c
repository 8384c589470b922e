/*
 * beadle-notifier - alone holds the mail password. Takes notices from the collector, keeps them on disk, sends them, tries again with
 * back-off, and says what became of each (post.h). Sends the heartbeat for those outside (beat.h).
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "beat.h"
#include "frame.h"
#include "log.h"
#include "secret.h"
#include "text.h"
#include "walls.h"

#define NOTICE_FRAME (256u * 1024)

struct notifier {
	int fd;
	struct post *post;
	struct beat *beat;
	struct channels channels;
	struct arena *arena;
	bool ended;
};

static void say(struct notifier *n, const Rooms__Message *m)
{
	if (frame_write(n->fd, &m->base) < 0)
		n->ended = true;
}

static void told(const char *id, Rooms__DeliveryState state, uint32_t tries, const char *text, void *arg)
{
	Rooms__Message m = ROOMS__MESSAGE__INIT;
	Rooms__Delivery d = ROOMS__DELIVERY__INIT;

	d.id = (char *)id;
	d.state = state;
	d.tries = tries;
	d.text = (char *)text;
	m.message_case = ROOMS__MESSAGE__MESSAGE_DELIVERY;
	m.delivery = &d;
	say(arg, &m);
}

/* ---- the heartbeat ---- */

static void ask(uint64_t id, void *arg)
{
	Rooms__Message m = ROOMS__MESSAGE__INIT;
	Rooms__Probe probe = ROOMS__PROBE__INIT;

	probe.id = id;
	m.message_case = ROOMS__MESSAGE__MESSAGE_PROBE;
	m.probe = &probe;
	say(arg, &m);
}

static void tell_heartbeat(const char *trouble, void *arg)
{
	Rooms__Message m = ROOMS__MESSAGE__INIT;
	Rooms__Heartbeat beat = ROOMS__HEARTBEAT__INIT;

	beat.trouble = (char *)trouble;
	m.message_case = ROOMS__MESSAGE__MESSAGE_HEARTBEAT;
	m.heartbeat = &beat;
	say(arg, &m);
}

static void done(const char *error, void *arg)
{
	beat_done(((struct notifier *)arg)->beat, error);
}

/* ---- what the collector sends ---- */

static void take(struct notifier *n, const Rooms__Notice *notice)
{
	enum queue_taken taken;
	int r = post_take(n->post, notice, &taken);

	if (r < 0) {
		log_error("notice %s: cannot be kept: %s", notice->id, strerror(-r));
		/* Not told as queued: the collector hands it over again. */
		told(notice->id, r == -EINVAL ? ROOMS__DELIVERY_STATE__GIVEN_UP : ROOMS__DELIVERY_STATE__RETRYING, 0, strerror(-r), n);
	} else
		told(notice->id, taken == QUEUE_SENT_BEFORE ? ROOMS__DELIVERY_STATE__SENT : ROOMS__DELIVERY_STATE__QUEUED, 0, "", n);
}

static void read_one(struct notifier *n)
{
	ProtobufCMessage *read;
	int r = frame_read(n->fd, &rooms__message__descriptor, NOTICE_FRAME, n->arena, &read);
	const Rooms__Message *m = r > 0 ? (const Rooms__Message *)read : NULL;

	if (r <= 0) {
		n->ended = true;
		if (r < 0)
			log_error("the collector's pipe: %s", strerror(-r));
		return;
	}
	if (m->message_case == ROOMS__MESSAGE__MESSAGE_NOTICE)
		take(n, m->notice);
	else if (m->message_case == ROOMS__MESSAGE__MESSAGE_WORKING)
		beat_working(n->beat, m->working->id, m->working->trouble);
	arena_reset(n->arena);
}

/* Until the collector closes its end. What waits stays on disk for the next start. */
static void serve(struct notifier *n)
{
	while (!n->ended) {
		int r = post_turn(n->post, n->fd, beat_due(n->beat));

		if (r < 0)
			return;
		if (r)
			read_one(n);
		beat_look(n->beat);
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

static struct beat *open_beat(struct notifier *n, const struct conf_node *root, struct problems *p)
{
	static const char *const languages[] = {"zh-TW", "en", NULL};
	struct beat_setup its = {.its = &n->channels.heartbeat, .post = n->post, .ask = ask, .told = tell_heartbeat, .arg = n};
	int language;

	conf_string(root, "school", "", &its.title, p);
	conf_string(root, "title", its.title, &its.title, p);
	conf_choice(root, "language", languages, 0, &language, p);	/* a wrong one is told by the collector proper */
	its.chinese = language == 0;
	return beat_new(&its);
}

static int open_all(struct notifier *n, const struct conf *c, const char *queue, struct problems *p)
{
	int r;

	channels_read(conf_root(c), &n->channels, p);
	problems_print(p);
	if (problems_count(p))
		return -EINVAL;
	r = post_open(&(struct post_setup){&n->channels, queue, told, done, n}, &n->post);
	if (r < 0)
		return r;
	n->arena = arena_new(8 * NOTICE_FRAME);
	n->beat = open_beat(n, conf_root(c), p);
	return n->arena && n->beat ? 0 : -ENOMEM;
}

static int enter_walls(const struct channels *c, const char *queue)
{
	struct walls w = {0};

	walls_add(&w, queue, LANDLOCK_WRITE);
	walls_add_channels(&w, c);
	return walls_enter(&w, CONFINE_NOTIFIER);
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
	post_close(n.post);
	beat_free(n.beat);
	channels_clear(&n.channels);
	arena_free(n.arena);
	conf_free(conf);
	problems_free(problems);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
