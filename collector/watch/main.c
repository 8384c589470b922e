/*
 * beadle-watch - on any server but the collector's own: looks every half minute whether the collector works, and mails by itself when it does
 * not (SECURITY R13). Runs as a user of its own, with an identity of its own.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "collector/notify/post.h"
#include "collector/notify/walls.h"
#include "installed.h"
#include "io.h"
#include "log.h"
#include "ready.h"
#include "words.h"

struct watcher {
	struct settings settings;
	struct post *post;
	struct watch *watch;
	char here[HOST_NAME_MAX + 1];
	struct stat identity;		/* the folder around which the walls are */
	int signals;
};

static void mail_one(struct watcher *w, const struct telling *t, const char *to)
{
	Rooms__Notice n = ROOMS__NOTICE__INIT;
	enum queue_taken taken;
	struct words words;
	char *each[] = {(char *)to};
	int r;

	words_of(t, to, w->here, w->settings.chinese, &words);
	n.id = words.id;
	n.channel = "mail";
	n.to = each;
	n.n_to = 1;
	n.subject = words.subject;
	n.text = words.text;
	r = post_take(w->post, &n, &taken);
	if (r < 0)
		log_error("%s: the mail to %s cannot be kept, and is not sent: %s", t->address, to, strerror(-r));
	else if (taken == QUEUE_NEW)
		log_notice("%s: %s: %s is mailed", t->address, look_name(t->now), to);
}

static void mail(const struct telling *t, void *arg)
{
	struct watcher *w = arg;

	for (size_t i = 0; i < w->settings.to.list.n; i++)
		mail_one(w, t, w->settings.to.list.at[i]);
}

static void tell_manager(unsigned bad, size_t all)
{
	char text[80];

	snprintf(text, sizeof(text), "WATCHDOG=1\nSTATUS=%zu of %zu work", all - bad, all);
	ready_tell(text);
}

static void identity_folder(const struct watcher *w, struct stat *ret)
{
	if (stat(w->settings.identity, ret) < 0)
		*ret = (struct stat){0};
}

/* Landlock knows the folder, not its name: another one in its place is read after a start alone. Our own is inside the state's. */
static bool identity_is_another(const struct watcher *w)
{
	struct stat now;

	if (w->settings.kept)
		return false;
	identity_folder(w, &now);
	if (!now.st_ino || (now.st_ino == w->identity.st_ino && now.st_dev == w->identity.st_dev))
		return false;
	log_notice("%s: is another folder than at the start; ends, to be started again", w->settings.identity);
	return true;
}

static int serve(struct watcher *w)
{
	int64_t due = clock_boot();

	ready_tell("READY=1");
	for (;;) {
		int r;

		if (identity_is_another(w))
			return 0;
		if (clock_boot() >= due) {
			tell_manager(watch_look(w->watch), w->settings.collectors.list.n);
			due = clock_boot() + w->settings.every;
		}
		r = post_turn(w->post, w->signals, due);
		if (r < 0)
			log_error("waiting failed: %s", strerror(-r));
		if (r)
			return r < 0 ? r : 0;
	}
}

/* ---- start ---- */

static int enter_walls(const struct settings *s)
{
	struct walls w = {0};

	walls_add(&w, s->state, LANDLOCK_WRITE);
	walls_add(&w, s->identity, LANDLOCK_READ);
	walls_add_channels(&w, &s->channels);
	return walls_enter(&w, CONFINE_WATCH);
}

static int take_signals(void)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	return signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int open_all(struct watcher *w)
{
	char queue[PATH_MAX];
	int r = io_make_folders(w->settings.state, 0700);

	if (r < 0) {
		log_error("%s: %s", w->settings.state, strerror(-r));
		return r;
	}
	gethostname(w->here, sizeof(w->here) - 1);
	w->signals = take_signals();
	snprintf(queue, sizeof(queue), "%s/mail", w->settings.state);
	r = post_open(&(struct post_setup){.channels = &w->settings.channels, .folder = queue, .arg = w}, &w->post);
	identity_folder(w, &w->identity);
	if (r == 0)
		r = enter_walls(&w->settings);
	if (r < 0)
		return r;
	w->watch = watch_new(&w->settings, mail, w);
	return w->watch && w->signals >= 0 ? 0 : -ENOMEM;
}

static int run(const char *config, bool check_only)
{
	struct problems *p = problems_new();
	struct conf *c = p ? conf_read(config, p) : NULL;
	struct watcher w = {.signals = -1};
	int r = -ENOMEM;

	if (c && problems_count(p) == 0)
		settings_read(conf_root(c), &w.settings, p);
	if (p)
		problems_print(p);
	if (c)
		r = problems_count(p) ? -EINVAL : 0;
	if (r == 0 && !check_only)
		r = open_all(&w);
	if (r == 0 && !check_only)
		r = serve(&w);
	watch_free(w.watch);
	post_close(w.post);
	if (w.signals >= 0)
		close(w.signals);
	settings_clear(&w.settings);
	conf_free(c);
	problems_free(p);
	return r;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {"check-config", no_argument, NULL, 'C'},
		{NULL, 0, NULL, 0}};
	const char *config = SYSCONFDIR "/watch.yaml";
	bool check_only = false;
	int o;

	log_open("watch");
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'c')
			config = optarg;
		else if (o == 'C')
			check_only = true;
		else
			return 2;
	}
	if (optind != argc) {
		fprintf(stderr, "usage: beadle-watch [--config FILE] [--check-config]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	return run(config, check_only) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
