/*
 * main.c - beadle-collect, the collector proper: reads its configuration, starts the threads in the order in which they need each
 * other, waits for a signal, ends them in the other order.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "collector/audit/checkpoint.h"
#include "collector/config.h"
#include "collector/engine/engine.h"
#include "collector/enrol/enrol.h"
#include "collector/ingest/ingest.h"
#include "collector/listen.h"
#include "collector/message.h"
#include "collector/reckoning.h"
#include "collector/standing.h"
#include "collector/store/keeper.h"
#include "collector/store/reader.h"
#include "cleanup.h"
#include "clock.h"
#include "confine.h"
#include "identity.h"
#include "log.h"
#include "ready.h"
#include "renewal.h"
#include "secret.h"
#include "text.h"

#define SIGNER_PATIENCE (10 * NS_PER_S)		/* for its list of revoked identities */
#define SIGNER_BRIEFLY (2 * NS_PER_S)		/* where we have a copy: it may lack one that nobody was yet told is revoked */
#define ENGINE_BACKLOG (32u * 1024 * 1024)	/* bytes of batches that are stored and not judged: above, the store waits */

struct options {
	const char *config, *listen, *account;
	int agents, enrolment, local, launcher;
	bool check;
};

struct collector {
	struct collector_config *config;
	struct site *site;
	SSL_CTX *tls;
	struct budget *in_flight, *backlog;
	struct standing *standing;
	struct reckoning *reckoning;
	struct queue *engine_queue;
	struct ingest *ingest;
	struct enrol *enrol;
	struct store *store;
	struct keeper *keeper;
	struct engine *engine;
	pthread_t engine_thread;
	bool engine_runs;
	int listener;
};

/* ---- options ---- */

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'}, {"listen", required_argument, NULL, 'L'},
	{"agents-fd", required_argument, NULL, 'a'}, {"enrolment-fd", required_argument, NULL, 'e'}, {"local-fd", required_argument, NULL, 'l'},
	{"launcher-fd", required_argument, NULL, 'p'}, {"check-config", no_argument, NULL, 'C'},
	{"init-account", required_argument, NULL, 'i'}, {0},
};

static bool descriptor(const char *text, int *ret)
{
	int64_t n;

	if (text_int(text, &n) || n < 0 || n > INT_MAX)
		return false;
	*ret = (int)n;
	return fcntl(*ret, F_SETFD, FD_CLOEXEC) == 0;
}

static bool read_option(struct options *o, int c)
{
	switch (c) {
	case 'c': o->config = optarg; return true;
	case 'L': o->listen = optarg; return true;
	case 'i': o->account = optarg; return true;
	case 'C': return o->check = true;
	case 'a': return descriptor(optarg, &o->agents);
	case 'e': return descriptor(optarg, &o->enrolment);
	case 'l': return descriptor(optarg, &o->local);
	case 'p': return descriptor(optarg, &o->launcher);
	default: return false;
	}
}

static bool read_options(int argc, char **argv, struct options *o)
{
	bool good = true;
	int c;

	*o = (struct options){.agents = -1, .enrolment = -1, .local = -1, .launcher = -1};
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		good &= read_option(o, c);
	return good && optind == argc && o->config && (o->check || o->account || (o->agents >= 0) != (o->listen != NULL));
}

/* ---- start and stop: mirror images ---- */

static bool read_config(struct collector *c, const char *file)
{
	struct problems *p = problems_new();
	bool good;

	c->config = p ? config_read(file, p) : NULL;
	c->site = c->config ? site_read(c->config->root, p) : NULL;
	if (c->site)
		conf_done(c->config->root, p);
	good = c->site && !problems_count(p);
	if (p)
		problems_print(p);
	problems_free(p);
	return good;
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
	c->standing = standing_new();
	c->reckoning = reckoning_new();
	if (c->in_flight && c->backlog && c->engine_queue && c->standing && c->reckoning)
		return true;
	log_error("out of memory or descriptors");
	return false;
}

/* Shut until the engine knows of a token; the collector before us may have left it open. */
static bool make_enrolment(struct collector *c, const struct options *o)
{
	const struct ingest_setup *limits = &c->config->ingest;
	struct enrol_setup its = {.door = o->enrolment, .patience = limits->greeting, .of_one = (limits->strangers_of_one + 3) / 4,
		.in_all = (limits->strangers + 3) / 4};
	char why[256];
	bool good;

	if (o->enrolment < 0)
		return true;
	its.tls = identity_enrolment(c->config->identity, why);
	if (!its.tls) {
		log_error("%s", why);
		return false;
	}
	enrol_turn(o->enrolment, false);
	good = enrol_new(&its, &c->enrol) == 0;
	SSL_CTX_free(its.tls);
	return good;
}

static bool start_engine(struct collector *c, const struct options *o)
{
	struct engine_setup setup = {.site = c->site, .store_folder = c->config->store, .identity_folder = c->config->identity,
		.queue = c->engine_queue, .store = keeper_queue(c->keeper), .ingest = ingest_queues(c->ingest),
		.threads = c->config->ingest.threads, .in_flight = c->in_flight, .standing = c->standing, .reckoning = c->reckoning,
		.checkpoint_entries = c->config->checkpoint_entries, .checkpoint_age = c->config->checkpoint_age,
		.login_details = c->config->login_details, .local = o->local, .launcher = o->launcher,
		.enrol = enrol_queue(c->enrol), .door = o->enrolment, .door_port = listen_port(o->enrolment), .agents_port = listen_port(o->agents)};
	char why[256];

	if (engine_new(&setup, &c->engine, why) < 0) {
		log_error("%s", why);
		return false;
	}
	c->engine_runs = pthread_create(&c->engine_thread, NULL, engine_run, c->engine) == 0;
	return c->engine_runs;
}

static int enter_walls(const struct collector_config *config)
{
	const struct confine_path own[] = {{config->store, LANDLOCK_WRITE}, {config->identity, LANDLOCK_WRITE}};
	char why[CONFINE_WHY];
	int r = confine_enter(CONFINE_COLLECT, own, 2, why);

	if (r < 0)
		log_error("%s", why);
	else if (confine_missing(why))
		log_notice("this kernel leaves to users and modes: %s", why);
	return r;
}

/* That of the journal's checkpoints, which it begins with. */
static int read_key(const struct collector_config *config, uint8_t ret[CHECKPOINT_KEY])
{
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/checkpoint.pem", config->identity);
	r = checkpoint_key(path, ret);
	if (r < 0)
		log_error("%s: %s: beadle-collector init makes what is missing", path, strerror(-r));
	return r;
}

static bool begin_journal(struct collector *c)
{
	uint8_t key[CHECKPOINT_KEY];
	int r = read_key(c->config, key);

	if (r == 0 && (r = store_begin(c->store, key, clock_wall())) < 0)
		log_error("the journal cannot be begun: %s", strerror(-r));
	return r == 0;
}

/* May the clock be believed? It is asked before the first certificate is judged and before anything is deleted. */
static bool begin_reckoning(struct collector *c)
{
	char boot_id[CLOCK_BOOT_ID], why[256] = "it cannot be read";
	struct store_reader *reader = NULL;
	FREE char *kept = NULL;
	int r = reader_open(c->config->store, &reader, why);

	if (r == 0)
		r = reader_setting(reader, RECKONING_SETTING, &kept);
	reader_close(reader);
	if (r < 0 && r != -ENOENT) {
		log_error("the store: the time that was kept: %s", why);
		return false;
	}
	clock_boot_id(boot_id);
	if (reckoning_begin(c->reckoning, kept, boot_id) < 0)
		log_warning("the store: the time that was kept is none: the clock is believed");
	return true;
}

/* No agent is served before the signer has said who is revoked; but one that does not run must not stop the school's alarms (R13, I4). */
static void wait_for_signer(const struct collector *c, const struct options *o)
{
	bool copy = engine_knows_revoked(c->engine);

	if (o->launcher < 0 || standing_wait(c->standing, copy ? SIGNER_BRIEFLY : SIGNER_PATIENCE))
		return;
	log_warning("the signer has not sent its list of revoked identities: until then those count that %s", copy ?
		    "it told last, and those that the store knows" : "the store knows");
}

static bool start(struct collector *c, const struct options *o)
{
	struct ingest_setup in = c->config->ingest;
	struct keeper_setup keep;
	char why[256];
	int r = renewal_recover(c->config->identity);

	if (r < 0)
		log_error("%s: the renewed certificate cannot be put in its place: %s", c->config->identity, strerror(-r));
	c->tls = identity_context(c->config->identity, 1, why);
	if (!c->tls) {
		log_error("%s", why);
		return false;
	}
	if (store_open(c->config->store, c->config->reserve, &c->store, why)) {
		log_error("%s", why);
		return false;
	}
	if (!begin_journal(c) || !begin_reckoning(c))
		return false;
	/* Who finds the door open is served. */
	if (!open_listener(c, o) || enter_walls(c->config) < 0)
		return false;
	in.tls = c->tls;
	in.in_flight = c->in_flight;
	in.standing = c->standing;
	in.reckoning = c->reckoning;
	if (ingest_new(&in, &c->ingest))
		return false;
	keep = (struct keeper_setup){c->store, c->engine_queue, ingest_queues(c->ingest), in.threads, c->in_flight, c->backlog, c->reckoning,
				     c->config->retention_days};
	if (keeper_start(&keep, &c->keeper))
		return false;
	c->store = NULL;	/* the keeper's */
	if (!make_enrolment(c, o) || !start_engine(c, o))
		return false;
	wait_for_signer(c, o);
	return (!c->enrol || enrol_start(c->enrol, c->engine_queue) == 0) &&
	       ingest_start(c->ingest, c->listener, keeper_queue(c->keeper), c->engine_queue) == 0;
}

static void stop_engine(struct collector *c)
{
	struct node *end = c->engine_runs ? calloc(1, sizeof(*end)) : NULL;

	if (c->engine_runs && !end)
		abort();
	if (!end)
		return;
	end->kind = MESSAGE_STOP;
	queue_push(c->engine_queue, end);
	pthread_join(c->engine_thread, NULL);
}

static void stop(struct collector *c)
{
	if (c->ingest)
		ingest_stop(c->ingest);
	enrol_stop(c->enrol);
	stop_engine(c);				/* its last changes go to the keeper */
	keeper_stop(c->keeper);
	engine_free(c->engine);
	if (c->engine_queue)
		message_free_list(queue_take(c->engine_queue), c->in_flight);
	ingest_free(c->ingest);
	enrol_free(c->enrol);
	store_close(c->store);
	queue_free(c->engine_queue);
	budget_free(c->backlog);
	budget_free(c->in_flight);
	standing_free(c->standing);
	reckoning_free(c->reckoning);
	SSL_CTX_free(c->tls);
	site_free(c->site);
	config_free(c->config);
}

/* ---- the process ---- */

static void prepare_process(void)
{
	struct rlimit files;

	/* A few threads allocate little and long; more arenas than that only keep memory apart. */
	mallopt(M_ARENA_MAX, 2);
	secret_keep();
	if (!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	umask(077);
	signal(SIGPIPE, SIG_IGN);
}

static int init_account(const struct collector_config *config, const char *name)
{
	char password[32], why[256] = "";
	uint8_t key[CHECKPOINT_KEY];
	int r = read_key(config, key);

	if (r == 0)
		r = engine_init_account(config->store, key, name, password, why);

	if (r == -EEXIST) {
		log_info("%s", why);
		return EXIT_SUCCESS;
	}
	if (r < 0) {
		if (*why)
			log_error("%s", why);
		return EXIT_FAILURE;
	}
	printf("administrator: %s\none-time password: %s\n", name, password);
	explicit_bzero(password, sizeof(password));
	return EXIT_SUCCESS;
}

static int serve(struct collector *c, const struct options *o)
{
	sigset_t ends;
	int got;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	if (!make_queues(c) || !start(c, o))
		return EXIT_FAILURE;
	engine_ready(c->engine);
	ready_tell("READY=1");
	sigwait(&ends, &got);
	log_notice("ending");
	ready_tell("STOPPING=1");
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct collector c = {.listener = -1};
	struct options o;
	int status = EXIT_FAILURE;

	log_open("collector");
	if (!read_options(argc, argv, &o)) {
		log_error("usage: beadle-collect --config FILE (--agents-fd N | --listen ADDRESS:PORT) [--local-fd N] [--launcher-fd N]");
		return EXIT_FAILURE;
	}
	prepare_process();
	if (!read_config(&c, o.config))
		status = EXIT_FAILURE;
	else if (o.check)
		status = EXIT_SUCCESS;
	else if (o.account)
		status = init_account(c.config, o.account);
	else
		status = serve(&c, &o);
	stop(&c);
	return status;
}
