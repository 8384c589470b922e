/* beadle enroll: this server, or its watcher, gets its identity from the collector that made the token. The key is made here and stays here. */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "asked.h"
#include "authority.h"
#include "cleanup.h"
#include "clock.h"
#include "command.h"
#include "conf.h"
#include "enrolment.h"
#include "installed.h"
#include "io.h"
#include "pem.h"
#include "renewal.h"
#include "request.h"
#include "screen.h"

#define ASK_AGAIN (2 * NS_PER_S)	/* while a person has not approved */
#define BUSY_TRIES 5
#define SUSPECT (3600 * NS_PER_S)	/* clocks so far apart are worth a word */

/* Whose identity it is: the agent's of this server, or its watcher's. */
static const struct kind { const char *config, *state, *user, *unit; } agent = {SYSCONFDIR "/agent.yaml", LOCALSTATEDIR "/lib/beadle/agent", "beadle", "beadle-agent"},
	watcher = {SYSCONFDIR "/watch.yaml", LOCALSTATEDIR "/lib/beadle/watch", "beadle-watch", "beadle-watch"};

struct place { char folder[PATH_MAX], collector[300]; const struct kind *kind; const char *config; };

/* ---- the token ---- */

/* Whoever looks at the list of processes shall not see it. */
static void take_argument(char *argument, char *text, size_t room)
{
	snprintf(text, room, "%s", argument);
	OPENSSL_cleanse(argument, strlen(argument));
}

static int read_token(char *text, struct token *ret)
{
	char *from = text + strspn(text, " \t\r\n");
	int r;

	from[strcspn(from, " \t\r\n")] = 0;
	r = token_read(from, ret);
	if (r == -EINVAL)
		fprintf(stderr, "beadle: that is no token: one begins with beadle1_, and beadle token new makes it on the collector\n");
	else if (r == -EBADMSG)
		fprintf(stderr, "beadle: the token is mistyped or cut off: copy the whole of it\n");
	else if (r == -EPROTONOSUPPORT)
		fprintf(stderr, "beadle: the token is of a later version than this program: install the collector's version here\n");
	else if (r < 0)
		fprintf(stderr, "beadle: %s\n", strerror(-r));
	return r;
}

/* ---- where it goes ---- */

static void take_config(struct place *p, bool folder_given)
{
	struct problems *problems = problems_new();
	struct conf *c = problems ? conf_read(p->config, problems) : NULL;
	const char *identity = NULL, *state = p->kind->state, *collector = NULL;

	if (c && !problems_count(problems)) {
		conf_string(conf_root(c), "identity", NULL, &identity, problems);
		conf_string(conf_root(c), "state", state, &state, problems);
		if (conf_type(conf_need(conf_root(c), "collector", problems)) == CONF_TEXT)
			conf_string(conf_root(c), "collector", NULL, &collector, problems);
	}
	if (!folder_given && identity)
		snprintf(p->folder, sizeof(p->folder), "%s", identity);
	else if (!folder_given)
		snprintf(p->folder, sizeof(p->folder), "%s/identity", state);
	snprintf(p->collector, sizeof(p->collector), "%s", collector ? collector : "");
	conf_free(c);
	problems_free(problems);
}

/* The folder is made as root; from here on we are its owner, and what comes from the network is not parsed as root. */
static int prepare(const char *folder, const char *owner)
{
	static const char *const names[] = {".", "ca.pem", "cert.pem", "key.pem", NULL};
	const struct passwd *user = geteuid() == 0 ? getpwnam(owner) : NULL;
	int r = io_make_folders(folder, 0711);

	if (r == 0 && user)
		r = io_give(folder, names, user->pw_uid, user->pw_gid);
	if (r == 0 && user && (initgroups(user->pw_name, user->pw_gid) < 0 || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
			       setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0))
		r = -errno;
	if (r == 0 && chmod(folder, 0700) < 0)
		r = -errno;
	if (r == 0)
		r = renewal_recover(folder);
	if (r < 0)
		fprintf(stderr, "beadle: %s: %s%s\n", folder, strerror(-r), r == -EACCES && geteuid() ? ": run it as root" : "");
	return r;
}

static bool is_there(const char *folder, const char *name)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path) && access(path, F_OK) == 0;
}

/* ---- asking ---- */

static void tell_clock(const struct enrolment_answer *a)
{
	int64_t apart = clock_wall() - a->wall;

	if (apart > SUSPECT || apart < -SUSPECT)
		fprintf(stderr, "beadle: this server's clock is %lld h %s the collector's: set it\n",
			(long long)((apart < 0 ? -apart : apart) / (3600 * NS_PER_S)), apart < 0 ? "behind" : "ahead of");
}

static void tell_waiting(const struct token *t, const uint8_t *csr, size_t n)
{
	KEY *key = request_key(csr, n);
	char id[2 * TOKEN_ID + 1], fingerprint[TOKEN_FINGERPRINT];
	uint8_t hash[TOKEN_HASH];

	token_spell_id(t->id, id);
	if (key && token_hash_key(key, hash) == 0) {
		token_fingerprint(hash, fingerprint);
		fprintf(stderr, "waiting for a person's approval; this server's key is %s; on the collector: beadle token approve %s %s\n",
			fingerprint, id, fingerprint);
	}
}

static void pause_for(int64_t ns)
{
	const struct timespec t = {ns / NS_PER_S, ns % NS_PER_S};

	nanosleep(&t, NULL);
}

/* Until there is an answer that is neither "wait" nor "busy". -EPERM: the collector refused. */
static int ask(const struct enrolment *q, struct enrolment_answer *a)
{
	int64_t until = clock_boot() + q->token->hours * 3600 * NS_PER_S;
	char why[512];
	int busy = 0;
	bool told = false;

	for (;;) {
		int r;

		answer_clear(a);
		r = enrolment_ask(q, a, why);
		if (r < 0) {
			fprintf(stderr, "beadle: %s\n", why);
			return r;
		}
		tell_clock(a);
		if (a->outcome == WIRE__ENROLMENT__WAITING && clock_boot() < until) {
			if (!told)
				tell_waiting(q->token, q->csr, q->csr_n);
			told = true;
			pause_for(ASK_AGAIN);
		} else if (a->outcome == WIRE__ENROLMENT__BUSY && ++busy < BUSY_TRIES)
			pause_for(NS_PER_S);
		else
			break;
	}
	if (a->outcome == WIRE__ENROLMENT__ENROLLED)
		return 0;
	screen_line(stderr, "beadle: the collector refused: %s", *a->text ? a->text : "without a reason");
	return a->outcome == WIRE__ENROLMENT__REFUSED_ENROLMENT ? -EPERM : -EAGAIN;
}

/* ---- the end ---- */

static int tell_done(const struct place *p, const struct enrolment_answer *a)
{
	if (command_json)
		return command_print(json_pack("{s:s, s:s, s:s, s:s}", "host", a->host, "uuid", a->uuid, "identity", p->folder,
					       "collector", a->agents));
	if (!strcmp(p->collector, a->agents))
		printf("%s is enrolled; next: systemctl enable --now %s\n", a->host, p->kind->unit);
	else
		printf("%s is enrolled; next: set \"collector: %s\" in %s, then systemctl enable --now %s\n", a->host, a->agents,
		       p->config, p->kind->unit);
	return EXIT_DONE;
}

static int settle(const struct place *p, const struct enrolment_answer *a)
{
	X509 *trusted[] = {a->authority, a->authority};
	size_t n = 1;
	int r;

	/* The token is of before another authority took its place: the one that it leads to vouches for that. */
	if (a->next && a->vouched && authority_is_vouched(a->next, a->vouched, &a->authority, 1)) {
		trusted[0] = a->next;
		n = 2;
	}
	r = renewal_adopt(p->folder, trusted, n, a->certificate);

	if (r == 0)
		r = renewal_settle(p->folder);
	if (r == 0)
		return tell_done(p, a);
	fprintf(stderr, "beadle: %s: %s\n", p->folder, r == -EKEYREJECTED ? "the collector's certificate is not for our key" : strerror(-r));
	return EXIT_FAILED;
}

static int enrol(const struct place *p, const struct token *t, const char *host)
{
	struct enrolment q = {.token = t, .host = host};
	struct enrolment_answer a = {0};
	uint8_t *csr = NULL;
	int r = renewal_request(p->folder, &csr, &q.csr_n);

	q.csr = csr;
	if (r < 0)
		command_failed(p->folder, r);
	else
		r = ask(&q, &a);
	if (r == -EPERM)	/* it was the collector that said no: the token is not this key's */
		renewal_drop(p->folder);
	r = r < 0 ? EXIT_FAILED : settle(p, &a);
	OPENSSL_free(csr);
	answer_clear(&a);
	return r;
}

/* What an earlier run with this token has begun goes on; what another one has begun is of no use. */
static int begin(const struct place *p, const struct token *t, const char *host, bool another)
{
	char id[2 * TOKEN_ID + 1];
	int r;

	token_spell_id(t->id, id);
	if (renewal_marked(p->folder, id) && renewal_complete(p->folder)) {
		r = renewal_settle(p->folder);
		if (r < 0)
			return command_failed(p->folder, r);
		if (!command_json)
			printf("enrolled, as an earlier run of this command had been answered; next: systemctl enable --now %s\n", p->kind->unit);
		return EXIT_DONE;
	}
	if (!another && (is_there(p->folder, "key.pem") || is_there(p->folder, "cert.pem"))) {
		fprintf(stderr, "beadle: %s: this server has an identity already: --again lets another one take its place\n", p->folder);
		return EXIT_FAILED;
	}
	if (!renewal_marked(p->folder, id))
		renewal_drop(p->folder);
	r = renewal_mark(p->folder, id);
	return r == 0 ? enrol(p, t, host) : command_failed(p->folder, r);
}

static const struct option options[] = {{"host", required_argument, NULL, 'H'}, {"again", no_argument, NULL, 'a'},
	{"identity", required_argument, NULL, 'i'}, {"agent-config", required_argument, NULL, 'c'}, {"watcher", no_argument, NULL, 'w'},
	{"watch-config", required_argument, NULL, 'W'}, {NULL, 0, NULL, 0}};

int command_enroll(int argc, char **argv)
{
	struct place p = {.kind = &agent, .config = agent.config};
	char text[2048], own[256] = "watcher-";
	const size_t before = strlen(own);
	const char *host = NULL;
	bool another = false, given = false;
	struct token t;
	int o, r;

	gethostname(own + before, sizeof(own) - before - 1);
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'H')
			host = optarg;
		else if (o == 'a')
			another = true;
		else if (o == 'c')
			p.config = optarg;
		else if (o == 'w' || o == 'W') {
			p.kind = &watcher;
			p.config = o == 'W' ? optarg : watcher.config;
		} else if (o == 'i') {
			snprintf(p.folder, sizeof(p.folder), "%s", optarg);
			given = true;
		} else
			return command_usage_option(argv);
	}
	if (optind + 1 < argc)
		return command_usage(argv[0], "takes one token");
	if (optind < argc)
		take_argument(argv[optind], text, sizeof(text));
	else if (!asked_secret("token: ", text, sizeof(text)))
		return command_usage(argv[0], "needs a token, as an argument or on standard input");
	r = read_token(text, &t);
	OPENSSL_cleanse(text, sizeof(text));
	if (r < 0)
		return EXIT_FAILED;
	if (!host)
		host = p.kind == &watcher ? own : own + before;
	take_config(&p, given);
	r = prepare(p.folder, p.kind->user) < 0 ? EXIT_FAILED : begin(&p, &t, host, another);
	OPENSSL_cleanse(&t, sizeof(t));
	return r;
}
