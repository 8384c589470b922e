/*
 * beadle-web - alone parses browsers' bytes. The door (TLS, strict heads, deadlines) before libmicrohttpd; questions go to the collector
 * proper over a socket pair, and its JSON goes back as it is.
 */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "ask.h"
#include "cleanup.h"
#include "clock.h"
#include "confine.h"
#include "door.h"
#include "files.h"
#include "installed.h"
#include "log.h"
#include "renew.h"
#include "renewal.h"
#include "site.h"
#include "stream.h"
#include "text.h"

#define NICE 10			/* who looks may not take the processor from what takes measurements in (N6) */

struct web {
	struct event_base *base;
	struct event *term, *interrupt;
	struct files files;
	struct stream *stream;
	struct site *site;
	struct asks *asks;
	struct door *door;
	struct renew *renew;
};

static void on_push(void *arg, const char *topic, const char *body, size_t n)
{
	struct web *w = arg;

	stream_push(w->stream, topic, body, n);
}

static void on_collector_gone(void *arg, const char *why)
{
	struct web *w = arg;

	log_info("the collector: %s; ends", why);
	event_base_loopbreak(w->base);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct web *w = arg;

	event_base_loopbreak(w->base);
}

/* Where the pages are: installed, or in the build tree (lib/program.h). */
static int load_files(struct web *w, const char *folder)
{
	const char *tree = getenv("BEADLE_LIBEXEC");
	char path[4096];
	int r;

	if (!folder && tree)
		snprintf(path, sizeof(path), "%s/web/dist", tree);
	else
		snprintf(path, sizeof(path), "%s", folder ? folder : PKGDATADIR "/web");
	r = files_load(path, &w->files);
	if (r < 0)
		log_error("%s: the dashboard's pages cannot be read: %s (they are built with npm: make)", path, strerror(-r));
	return r;
}

static bool start(struct web *w, const char *identity, int listener, int collector)
{
	const struct asks_calls calls = {on_push, on_collector_gone, w};
	char why[256];
	int r = renewal_recover(identity);
	SSL_CTX *ctx = door_context(identity, why);

	if (r < 0)
		log_error("%s: the renewed certificate cannot be put in its place: %s", identity, strerror(-r));
	if (!ctx) {
		log_error("%s", why);
		return false;
	}
	w->stream = stream_new();
	w->site = w->stream ? site_new(w->base, &w->files, w->stream) : NULL;
	w->asks = w->site ? asks_new(w->base, collector, calls) : NULL;
	w->door = w->asks ? door_new(w->base, ctx, listener, site_pass, w->site) : NULL;
	w->renew = w->door ? renew_new(w->base, w->asks, w->door, identity) : NULL;
	w->term = evsignal_new(w->base, SIGTERM, on_signal, w);
	w->interrupt = evsignal_new(w->base, SIGINT, on_signal, w);
	if (!w->renew || !w->term || !w->interrupt || event_add(w->term, NULL) < 0 || event_add(w->interrupt, NULL) < 0) {
		if (!w->door)
			SSL_CTX_free(ctx);
		log_error("cannot start: %s", strerror(errno));
		return false;
	}
	site_use(w->site, w->asks);
	return true;
}

static void end(struct web *w)
{
	renew_free(w->renew);
	door_free(w->door);
	site_free(w->site);
	asks_free(w->asks);
	stream_free(w->stream);
	files_free(&w->files);
	if (w->term)
		event_free(w->term);
	if (w->interrupt)
		event_free(w->interrupt);
	event_base_free(w->base);
}

static int enter_walls(const char *identity)
{
	const struct confine_path own = {identity, LANDLOCK_WRITE};
	char why[CONFINE_WHY];
	int r = confine_enter(CONFINE_WEB, &own, 1, why);

	if (r < 0)
		log_error("%s", why);
	return r;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"identity", required_argument, NULL, 'i'}, {"web-fd", required_argument, NULL, 'w'},
		{"collector-fd", required_argument, NULL, 'c'}, {"pages", required_argument, NULL, 'p'}, {NULL, 0, NULL, 0}};
	const char *identity = NULL, *pages = NULL;
	int64_t listener = -1, collector = -1;
	struct web w = {0};
	int o, r = 0;

	log_open("web");
	while (r == 0 && (o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'i')
			identity = optarg;
		else if (o == 'p')
			pages = optarg;
		else if (o == 'w')
			r = text_int(optarg, &listener);
		else if (o == 'c')
			r = text_int(optarg, &collector);
		else
			r = -EINVAL;
	}
	if (r < 0 || !identity || listener < 0 || collector < 0) {
		fprintf(stderr, "usage: beadle-web --identity FOLDER --web-fd N --collector-fd N [--pages FOLDER]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	w.base = event_base_new();
	setpriority(PRIO_PROCESS, 0, NICE);
	r = !w.base || load_files(&w, pages) < 0 || !start(&w, identity, (int)listener, (int)collector) || enter_walls(identity) < 0;
	if (r == 0)
		event_base_dispatch(w.base);
	if (w.base)
		end(&w);
	return r ? EXIT_FAILURE : EXIT_SUCCESS;
}
