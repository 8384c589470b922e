/* doors.c - the engine's peers: web, notifier and signer, whose sockets the launcher hands over at start and after each restart, and
 * the command line on the local socket, where the kernel names the user. */
#include <errno.h>
#include <event2/event.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "clock.h"
#include "collector/launcher/launcher.h"
#include "io.h"
#include "log.h"
#include "room.h"

#define QUERY_FRAME (128u * 1024)
#define SIGNER_FRAME (8u * 1024 * 1024)	/* its list of what was ever revoked */
#define CLIENTS 32

struct client { struct client *prev, *next; struct engine *engine; struct pipe *pipe; struct local_user user; };

/* ---- the command line ---- */

static void client_message(struct pipe *p, const Rooms__Message *m, void *arg)
{
	struct client *c = arg;

	if (m->message_case == ROOMS__MESSAGE__MESSAGE_QUERY)
		api_query(c->engine, p, m->query, &c->user);
	engine_flush(c->engine);
}

static void client_ended(struct pipe *p, void *arg)
{
	struct client *c = arg;

	api_pipe_gone(c->engine, p);
	DL_DELETE(c->engine->clients, c);
	free(c);
}

static const struct pipe_told client_told = {client_message, client_ended};

/* Whom the socket's mode and group let in may look; an account of the same name says what else (authorise.h). */
static bool name_peer(int fd, struct local_user *ret)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);
	struct passwd pw, *found = NULL;
	char buf[2048];

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return false;
	ret->console = peer.uid == 0 || peer.uid == geteuid();
	if (getpwuid_r(peer.uid, &pw, buf, sizeof(buf), &found) == 0 && found)
		snprintf(ret->name, sizeof(ret->name), "%s", found->pw_name);
	else
		snprintf(ret->name, sizeof(ret->name), "uid %u", (unsigned)peer.uid);
	return true;
}

static unsigned count_clients(const struct engine *e)
{
	const struct client *c;
	unsigned n;

	DL_COUNT(e->clients, c, n);
	return n;
}

static void knock(evutil_socket_t listener, short what, void *arg)
{
	struct engine *e = arg;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c = fd >= 0 && count_clients(e) < CLIENTS ? calloc(1, sizeof(*c)) : NULL;

	if (!c || !name_peer(fd, &c->user)) {
		if (fd >= 0)
			close(fd);
		free(c);
		return;
	}
	c->engine = e;
	c->pipe = pipe_new(e->loop, fd, QUERY_FRAME, &client_told, c);
	if (c->pipe)
		DL_APPEND(e->clients, c);
	else
		free(c);
}

/* ---- web, signer, notifier ---- */

static void message(struct pipe *p, const Rooms__Message *m, void *arg)
{
	struct engine *e = arg;

	if (p == e->web && m->message_case == ROOMS__MESSAGE__MESSAGE_QUERY)
		api_query(e, p, m->query, NULL);
	else if (p == e->signer && m->message_case == ROOMS__MESSAGE__MESSAGE_SIGNED)
		signing_answered(e, m->signed_);
	else if (p == e->notifier && m->message_case == ROOMS__MESSAGE__MESSAGE_DELIVERY)
		telling_delivery(e, m->delivery);
	else if (p == e->notifier && m->message_case == ROOMS__MESSAGE__MESSAGE_PROBE)
		probe_by_notifier(e, m->probe);
	else if (p == e->notifier && m->message_case == ROOMS__MESSAGE__MESSAGE_HEARTBEAT)
		probe_heartbeat(e, m->heartbeat->trouble);
	engine_flush(e);
}

static void forget(struct engine *e, struct pipe *p)
{
	api_pipe_gone(e, p);
	if (p == e->web)
		e->web = NULL;
	if (p == e->notifier) {
		e->notifier = NULL;
		e->heartbeat = HEARTBEAT_NONE;
	}
	if (p == e->signer) {
		e->signer = NULL;
		signing_gone(e);
	}
}

static void ended(struct pipe *p, void *arg)
{
	forget(arg, p);
}

static const struct pipe_told told = {message, ended};

static void replace(struct engine *e, struct pipe **place, int fd)
{
	struct pipe *old = *place;

	if (old) {
		forget(e, old);
		pipe_free(old);
	}
	*place = pipe_new(e->loop, fd, place == &e->signer ? SIGNER_FRAME : QUERY_FRAME, &told, e);
}

/* The launcher is gone: without it nothing would be restarted, and its service manager takes us for ended. */
static void orphaned(struct engine *e)
{
	log_error("the launcher has ended; so do we");
	event_del(e->launcher);
	kill(getpid(), SIGTERM);
}

static void launcher_tells(evutil_socket_t socket, short what, void *arg)
{
	struct engine *e = arg;
	struct launcher_tell tell;
	ssize_t n;
	int fd;

	n = io_receive(socket, &tell, sizeof(tell), &fd);
	if (n <= 0) {
		orphaned(e);
		return;
	}
	if (n != sizeof(tell) || fd < 0) {
		if (fd >= 0)
			close(fd);
		return;
	}
	switch (tell.what) {
	case LAUNCHER_SIGNER:
		replace(e, &e->signer, fd);
		signing_begin(e);
		break;
	case LAUNCHER_WEB:
		replace(e, &e->web, fd);
		break;
	case LAUNCHER_NOTIFIER:
		replace(e, &e->notifier, fd);
		notices_revive(e->notices);
		doors_notices_again(e);
		break;
	default:
		close(fd);
	}
}

/* ---- notices ---- */

void doors_notice(struct engine *e, const struct notice *n)
{
	Rooms__Message m = ROOMS__MESSAGE__INIT;
	Rooms__Notice out = ROOMS__NOTICE__INIT;
	char *to[] = {n->to};

	if (!e->notifier)
		return;		/* it gets all of them when it comes */
	out.id = n->id;
	out.channel = n->channel;
	out.n_to = 1;
	out.to = to;
	out.subject = n->subject;
	out.text = n->text;
	out.json = (ProtobufCBinaryData){strlen(n->json), (uint8_t *)n->json};
	out.incident = n->incident;
	m.message_case = ROOMS__MESSAGE__MESSAGE_NOTICE;
	m.notice = &out;
	pipe_send(e->notifier, &m);
}

/* The notifier drops those that it has, and says again what became of them. */
void doors_notices_again(struct engine *e)
{
	for (const struct notice *n = e->notices->list; n; n = n->next)
		if (n->kept && notices_open(n))
			doors_notice(e, n);
}

/* ---- life ---- */

static struct event *watch(struct engine *e, int fd, event_callback_fn call)
{
	struct event *ev = event_new(e->loop, fd, EV_READ | EV_PERSIST, call, e);

	if (ev && event_add(ev, NULL) < 0) {
		event_free(ev);
		ev = NULL;
	}
	return ev;
}

int doors_open(struct engine *e)
{
	if (e->its.local >= 0 && (evutil_make_socket_nonblocking(e->its.local) < 0 || !(e->local = watch(e, e->its.local, knock))))
		return -EIO;
	if (e->its.launcher >= 0 && !(e->launcher = watch(e, e->its.launcher, launcher_tells)))
		return -EIO;
	return 0;
}

void doors_close(struct engine *e)
{
	struct client *c, *safe;

	signing_gone(e);	/* what it was asked last is not answered any more */
	DL_FOREACH_SAFE(e->clients, c, safe) {
		DL_DELETE(e->clients, c);
		api_pipe_gone(e, c->pipe);
		pipe_free(c->pipe);
		free(c);
	}
	if (e->web)
		api_pipe_gone(e, e->web);
	pipe_free(e->web);
	pipe_free(e->signer);
	pipe_free(e->notifier);
	e->web = e->signer = e->notifier = NULL;
	if (e->local)
		event_free(e->local);
	if (e->launcher)
		event_free(e->launcher);
}
