/*
 * main.c - beadle-collect, the collector proper: reads its configuration, starts the threads in the order in which they need each
 * other, waits for a signal, ends them in the other order.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "collector/config.h"
#include "collector/engine_thread.h"
#include "collector/ingest/ingest.h"
#include "collector/listen.h"
#include "collector/store/keeper.h"
#include "identity.h"
#include "log.h"
#include "ready.h"
#include "text.h"

#define ENGINE_BACKLOG (32u * 1024 * 1024)	/* bytes of batches that are stored and not judged: above, the store waits */

struct options {
	const char *config, *listen;
	int agents;
	struct engine_doors doors;
};

struct collector {
	struct collector_config *config;
	SSL_CTX *tls;
	struct budget *in_flight, *backlog;
	struct queue *engine_queue;
	struct ingest *ingest;
	struct store *store;
	struct keeper *keeper;
	struct engine_thread *engine;
	int listener;
};

/* ---- options ---- */

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'}, {"listen", required_argument, NULL, 'L'},
	{"agents-fd", required_argument, NULL, 'a'}, {"web-fd", required_argument, NULL, 'w'},
	{"signer-fd", required_argument, NULL, 's'}, {"notifier-fd", required_argument, NULL, 'n'},
	{"local-fd", required_argument, NULL, 'l'}, {0},
};

static bool descriptor(const char *text, int *ret)
{
	int64_t n;

	if (text_int(text, &n) || n < 0 || n > INT_MAX)
		return false;
	*ret = (int)n;
	return true;
}

static bool read_options(int argc, char **argv, struct options *o)
{
	bool good = true;
	int c;

	*o = (struct options){.agents = -1, .doors = {-1, -1, -1, -1}};
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'L':
			o->listen = optarg;
			break;
		case 'a':
			good &= descriptor(optarg, &o->agents);
			break;
		case 'w':
			good &= descriptor(optarg, &o->doors.web);
			break;
		case 's':
			good &= descriptor(optarg, &o->doors.signer);
			break;
		case 'n':
			good &= descriptor(optarg, &o->doors.notifier);
			break;
		case 'l':
			good &= descriptor(optarg, &o->doors.local);
			break;
		default:
			good = false;
		}
	return good && optind == argc && o->config && (o->agents >= 0) != (o->listen != NULL);
}

/* ---- start and stop: mirror images ---- */

static struct collector_config *read_config(const char *file)
{
	struct problems *p = problems_new();
	struct collector_config *c = p ? config_read(file, p) : NULL;

	if (c && !problems_count(p))
		engine_thread_configure(c, p);
	if (p && problems_count(p)) {
		problems_print(p);
		config_free(c);
		c = NULL;
	}
	problems_free(p);
	return c;
}

static bool open_listener(struct collector *c, const struct options *o)
{
	if (o->listen) {
		c->listener = listen_open(o->listen);
		return c->listener >= 0;
	}
	c->listener = o->agents;
	return listen_adopt(c->listener);
}

static bool make_queues(struct collector *c)
{
	c->in_flight = budget_new(c->config->in_flight);
	c->backlog = budget_new(ENGINE_BACKLOG);
	c->engine_queue = queue_new();
	if (c->in_flight && c->backlog && c->engine_queue)
		return true;
	log_error("out of memory or descriptors");
	return false;
}

static bool start(struct collector *c, const struct options *o)
{
	struct ingest_setup in = c->config->ingest;
	struct keeper_setup keep;
	char why[256];

	c->tls = identity_context(c->config->identity, 1, why);
	if (!c->tls) {
		log_error("%s", why);
		return false;
	}
	if (store_open(c->config->store, c->config->reserve, &c->store, why)) {
		log_error("%s", why);
		return false;
	}
	in.tls = c->tls;
	in.in_flight = c->in_flight;
	if (ingest_new(&in, &c->ingest))
		return false;
	keep = (struct keeper_setup){c->store, c->engine_queue, ingest_queues(c->ingest), in.threads, c->in_flight, c->backlog,
				     c->config->retention_days};
	if (keeper_start(&keep, &c->keeper))
		return false;
	c->store = NULL;	/* the keeper's */
	if (engine_thread_start(c->config, &o->doors, c->engine_queue, c->keeper, ingest_queues(c->ingest), c->in_flight, c->backlog,
				&c->engine))
		return false;
	return ingest_start(c->ingest, c->listener, keeper_queue(c->keeper), c->engine_queue) == 0;
}

static void stop(struct collector *c)
{
	if (c->ingest)
		ingest_stop(c->ingest);
	engine_thread_stop(c->engine);		/* its last changes go to the keeper */
	keeper_stop(c->keeper);
	if (c->engine_queue)
		message_free_list(queue_take(c->engine_queue), c->in_flight);
	ingest_free(c->ingest);
	store_close(c->store);
	queue_free(c->engine_queue);
	budget_free(c->backlog);
	budget_free(c->in_flight);
	SSL_CTX_free(c->tls);
	config_free(c->config);
}

/* ---- the process ---- */

static void prepare_process(void)
{
	struct rlimit files;

	/* A few threads allocate little and long; more arenas than that only keep memory apart. */
	mallopt(M_ARENA_MAX, 2);
	prctl(PR_SET_DUMPABLE, 0);
	if (!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	umask(077);
	signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
	struct collector c = {.listener = -1};
	struct options o;
	sigset_t ends;
	int got, status = EXIT_FAILURE;

	log_open("collector");
	if (!read_options(argc, argv, &o)) {
		log_error("usage: beadle-collect --config FILE (--agents-fd N | --listen ADDRESS:PORT) [--web-fd N] [--signer-fd N] "
			  "[--notifier-fd N] [--local-fd N]");
		return EXIT_FAILURE;
	}
	prepare_process();
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	c.config = read_config(o.config);
	if (c.config && make_queues(&c) && open_listener(&c, &o) && start(&c, &o)) {
		ready_tell("READY=1");
		sigwait(&ends, &got);
		log_notice("ending");
		ready_tell("STOPPING=1");
		status = EXIT_SUCCESS;
	}
	stop(&c);
	return status;
}
