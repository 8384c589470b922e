/*
 * beadle-signer - alone holds the authority's key and the journal's. Answers the requests of rooms.Sign on one socket pair and does nothing else.
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

#include "confine.h"
#include "frame.h"
#include "io.h"
#include "log.h"
#include "requests.h"
#include "secret.h"
#include "text.h"

#define REQUEST_MAX (64u * 1024)
#define ANSWER_MAX (2u * 1024 * 1024)

/* Until the collector closes its end. */
static int serve(struct office *office, int fd)
{
	struct arena *asked = arena_new(8 * REQUEST_MAX), *answer = arena_new(ANSWER_MAX);
	ProtobufCMessage *request;
	int r = asked && answer ? 1 : -ENOMEM;

	while (r > 0 && (r = frame_read(fd, &rooms__message__descriptor, REQUEST_MAX, asked, &request)) > 0) {
		const Rooms__Message *m = (const Rooms__Message *)request;
		Rooms__Message reply = ROOMS__MESSAGE__INIT;
		Rooms__Signed out = ROOMS__SIGNED__INIT;

		if (m->message_case != ROOMS__MESSAGE__MESSAGE_SIGN) {
			r = -EBADMSG;
			break;
		}
		if (requests_answer(office, m->sign, answer, &out) < 0)
			log_warning("refused: %s", out.error);
		reply.message_case = ROOMS__MESSAGE__MESSAGE_SIGNED;
		reply.signed_ = &out;
		r = frame_write(fd, &reply.base) < 0 ? -EPIPE : 1;
		OPENSSL_cleanse(out.secret.data, out.secret.len);
		arena_reset(asked);
		arena_reset(answer);
	}
	arena_free(asked);
	arena_free(answer);
	return r;
}

static int enter_walls(const char *state)
{
	char books[PATH_MAX], why[CONFINE_WHY];
	const struct confine_path own = {io_path(books, state, "signer"), LANDLOCK_WRITE};
	int r = confine_enter(CONFINE_SIGNER, &own, 1, why);

	if (r < 0)
		log_error("%s", why);
	return r;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"state", required_argument, NULL, 's'}, {"fd", required_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
	const char *state = NULL;
	struct office office;
	char why[256];
	int64_t fd = -1;
	int o, r;

	log_open("signer");
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (o == 's')
			state = optarg;
		else if (o != 'f' || text_int(optarg, &fd) < 0)
			return 2;
	if (!state || fd < 0) {
		fprintf(stderr, "usage: beadle-signer --state FOLDER --fd N\n");
		return 2;
	}
	/* The keys must not end up in a core file, in swap, or under another process's ptrace. */
	secret_keep();
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		log_debug("memory cannot be locked here: %s", strerror(errno));
	fcntl((int)fd, F_SETFD, FD_CLOEXEC);
#ifdef SANITIZED
	signal(SIGTERM, SIG_IGN);	/* comes with the pipe's end; that one leads to where leaks are looked for */
#endif
	r = office_open(state, &office, why);
	if (r < 0)
		log_error("%s", why);
	else if ((r = enter_walls(state)) == 0 && (r = serve(&office, (int)fd)) < 0)
		log_error("the collector's pipe: %s", strerror(-r));
	office_close(&office);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
