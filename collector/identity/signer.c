/*
 * beadle-signer - alone holds the CA key. Answers the requests of rooms.Sign on one socket pair and does nothing else; with
 * --init it makes the certificate authority and the first certificates, and ends.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cleanup.h"
#include "clock.h"
#include "confine.h"
#include "desk.h"
#include "frame.h"
#include "log.h"
#include "office.h"
#include "proto/rooms.pb-c.h"
#include "seal.h"
#include "secret.h"
#include "text.h"

#define REQUEST_MAX (64u * 1024)
#define HOSTS_MAX 16

static int renew_agent(struct office *o, const Rooms__RenewAgent *a, uint8_t **ret_der, size_t *ret_n, char why[256])
{
	const struct office_renewal its = {a->current.data, a->csr.data, a->proof.data, a->current.len, a->csr.len, a->proof.len, a->host};

	return office_renew_agent(o, &its, ret_der, ret_n, why);
}

static int checkpoint(struct seal *seal, const Rooms__Checkpoint *c, char why[256])
{
	int r = 0;

	for (size_t i = 0; i < c->n_entries && r == 0; i++)
		r = seal_show(seal, c->entries[i].data, c->entries[i].len);
	if (r == 0 && c->n_entries)
		r = seal_sign(seal, clock_wall());
	if (r < 0)
		snprintf(why, 256, "checkpoint: %s", r == -ESTALE ? "this is not how the journal went on" : strerror(-r));
	return r;
}

static int change_key(struct seal *seal, struct desk *desk, Rooms__Signed *out, char why[256])
{
	struct seal_change *its = &desk->change;
	int r = seal_change(seal, its);

	rooms__key_change__init(&desk->key_change);
	desk->key_change.key = (ProtobufCBinaryData){sizeof(its->key), its->key};
	desk->key_change.old = (ProtobufCBinaryData){sizeof(its->old), its->old};
	desk->key_change.new_ = (ProtobufCBinaryData){sizeof(its->new_key), its->new_key};
	if (r == 0)
		out->key_change = &desk->key_change;
	else
		snprintf(why, 256, "the journal's key: %s", r == -ENOENT ? "it has signed nothing yet" : strerror(-r));
	return r;
}

static int change_authority(struct office *o, const Rooms__ChangeAuthority *c, char why[256])
{
	if (c->change == ROOMS__AUTHORITY_CHANGE__SHOW)
		return 0;
	return office_roll(o, c->change == ROOMS__AUTHORITY_CHANGE__FINISH, why);
}

static ProtobufCBinaryData encode(X509 *cert)
{
	uint8_t *der = NULL;
	int n = cert ? i2d_X509(cert, &der) : 0;

	return (ProtobufCBinaryData){n > 0 ? (size_t)n : 0, der};
}

static void spell_authority(const struct roll *a, Rooms__Authority *to)
{
	to->root = encode(a->root);
	to->vouched = encode(a->vouched);
	to->former = encode(a->former);
	to->over = a->over;
}

static void clear_authority(Rooms__Authority *a)
{
	OPENSSL_free(a->root.data);
	OPENSSL_free(a->vouched.data);
	OPENSSL_free(a->former.data);
}

struct signer { struct office *office; struct seal *seal; };

static int answer(const struct signer *signer, const Rooms__Sign *s, struct desk *desk, Rooms__Signed *out, char **ret_revoked, char why[256])
{
	struct office *o = signer->office;
	uint8_t *der = NULL;
	size_t n = 0;
	int r = -EINVAL;

	snprintf(why, 256, "a request that the signer does not know");
	if (s->request_case == ROOMS__SIGN__REQUEST_ISSUE_AGENT)
		r = office_issue_agent(o, s->issue_agent->uuid, s->issue_agent->host, s->issue_agent->csr.data,
				       s->issue_agent->csr.len, &der, &n, why);
	else if (s->request_case == ROOMS__SIGN__REQUEST_RENEW_AGENT)
		r = renew_agent(o, s->renew_agent, &der, &n, why);
	else if (s->request_case == ROOMS__SIGN__REQUEST_RENEW_SERVER)
		r = office_renew(o, s->renew_server->role, s->renew_server->csr.data, s->renew_server->csr.len, &der, &n, why);
	else if (s->request_case == ROOMS__SIGN__REQUEST_REVOKE)
		r = office_revoke(o, s->revoke->uuid, why);
	else if (s->request_case == ROOMS__SIGN__REQUEST_LIST_REVOKED)
		r = office_revoked(o, ret_revoked, why);
	else if (desk_knows(s->request_case))
		r = desk_answer(o, s, desk, out, &der, &n, why);
	else if (s->request_case == ROOMS__SIGN__REQUEST_CHECKPOINT)
		r = checkpoint(signer->seal, s->checkpoint, why);
	else if (s->request_case == ROOMS__SIGN__REQUEST_CHANGE_KEY)
		r = change_key(signer->seal, desk, out, why);
	else if (s->request_case == ROOMS__SIGN__REQUEST_CHANGE_AUTHORITY)
		r = change_authority(o, s->change_authority, why);
	out->id = s->id;
	if (r < 0)
		out->error = why;
	else
		out->certificate = (ProtobufCBinaryData){n, der};
	if (*ret_revoked)
		out->revoked = (ProtobufCBinaryData){strlen(*ret_revoked), (uint8_t *)*ret_revoked};
	return r;
}

/* Until the collector closes its end. */
static int serve(const struct signer *signer, int fd)
{
	struct arena *arena = arena_new(8 * REQUEST_MAX);
	ProtobufCMessage *request;
	int r = arena ? 1 : -ENOMEM;

	while (r > 0 && (r = frame_read(fd, &rooms__message__descriptor, REQUEST_MAX, arena, &request)) > 0) {
		const Rooms__Message *m = (const Rooms__Message *)request;
		Rooms__Message reply = ROOMS__MESSAGE__INIT;
		Rooms__Signed out = ROOMS__SIGNED__INIT;
		Rooms__Authority authority = ROOMS__AUTHORITY__INIT;
		FREE char *revoked = NULL;
		struct desk desk = {0};
		char why[256] = "", line[CHECKPOINT_LINE];

		if (m->message_case != ROOMS__MESSAGE__MESSAGE_SIGN) {
			r = -EBADMSG;
			break;
		}
		if (answer(signer, m->sign, &desk, &out, &revoked, why) < 0)
			log_warning("refused: %s", why);
		seal_last(signer->seal, line);
		if (m->sign->request_case == ROOMS__SIGN__REQUEST_CHECKPOINT)
			out.checkpoint = (ProtobufCBinaryData){strlen(line), (uint8_t *)line};
		if (m->sign->request_case == ROOMS__SIGN__REQUEST_CHANGE_AUTHORITY) {
			spell_authority(office_authority(signer->office), &authority);
			out.authority = &authority;
		}
		reply.message_case = ROOMS__MESSAGE__MESSAGE_SIGNED;
		reply.signed_ = &out;
		r = frame_write(fd, &reply.base) < 0 ? -EPIPE : 1;
		OPENSSL_free(out.certificate.data);
		clear_authority(&authority);
		desk_clear(&desk);
		arena_reset(arena);
	}
	arena_free(arena);
	return r;
}

/* The key must not end up in a core file, in swap, or under another process's ptrace; also while it is made. */
static void keep_secret(void)
{
	secret_keep();
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		log_debug("memory cannot be locked here: %s", strerror(errno));
}

static int enter_walls(const char *state)
{
	char books[PATH_MAX], why[CONFINE_WHY];
	const struct confine_path own = {books, LANDLOCK_WRITE};
	int r;

	snprintf(books, sizeof(books), "%s/signer", state);
	r = confine_enter(CONFINE_SIGNER, &own, 1, why);
	if (r < 0)
		log_error("%s", why);
	return r;
}

static int init(const char *state, const char *school, const char *name, const char *const *hosts, size_t n)
{
	char why[256], fingerprint[120];
	int r = office_init(state, school, name, hosts, n, why);

	if (r == 0 && (r = office_fingerprint(state, fingerprint)) < 0)
		snprintf(why, sizeof(why), "%s/web/root.pem cannot be read", state);
	if (r < 0) {
		fprintf(stderr, "beadle-signer: %s\n", why);
		return EXIT_FAILURE;
	}
	printf("root certificate: %s/web/root.pem\nfingerprint: %s\n", state, fingerprint);
	return EXIT_SUCCESS;
}

static int open_all(const char *state, struct signer *s)
{
	char why[256], folder[512];
	int r = office_open(state, &s->office, why);

	snprintf(folder, sizeof(folder), "%s/signer", state);
	if (r == 0 && (r = seal_open(folder, &s->seal)) < 0)
		snprintf(why, sizeof(why), "%.180s: checkpoint: %s", folder, strerror(-r));
	if (r < 0)
		log_error("%s", why);
	return r;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"init", no_argument, NULL, 'i'}, {"state", required_argument, NULL, 's'},
		{"fd", required_argument, NULL, 'f'}, {"school", required_argument, NULL, 'S'},
		{"name", required_argument, NULL, 'n'}, {"host", required_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	const char *state = NULL, *school = NULL, *name = "collector", *hosts[HOSTS_MAX];
	struct signer signer = {NULL, NULL};
	bool initial = false;
	size_t n = 0;
	int64_t fd = -1;
	int o, r;

	log_open("signer");
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'i')
			initial = true;
		else if (o == 's')
			state = optarg;
		else if (o == 'S')
			school = optarg;
		else if (o == 'n')
			name = optarg;
		else if (o == 'h' && n < HOSTS_MAX)
			hosts[n++] = optarg;
		else if (o != 'f' || text_int(optarg, &fd) < 0)
			return 2;
	}
	if (!state || (initial ? !school || !n : fd < 0)) {
		fprintf(stderr, "usage: beadle-signer --state FOLDER --fd N | --init --state FOLDER --school S --name N --host H...\n");
		return 2;
	}
	keep_secret();
	if (initial)
		return init(state, school, name, hosts, n);
	if (open_all(state, &signer) < 0)
		return EXIT_FAILURE;
	fcntl((int)fd, F_SETFD, FD_CLOEXEC);
#ifdef SANITIZED
	signal(SIGTERM, SIG_IGN);	/* comes with the pipe's end; that one leads to where leaks are looked for */
#endif
	if (enter_walls(state) < 0) {
		office_close(signer.office);
		seal_close(signer.seal);
		return EXIT_FAILURE;
	}
	r = serve(&signer, (int)fd);
	office_close(signer.office);
	seal_close(signer.seal);
	if (r < 0)
		log_error("the collector's pipe: %s", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
