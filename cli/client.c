#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "command.h"
#include "installed.h"
#include "frame.h"
#include "proto/rooms.pb-c.h"
#include "screen.h"

#define ANSWER_MAX (64u * 1024 * 1024)

static const char *chosen, *likely;

void client_socket(const char *path)
{
	chosen = path;
}

void client_likely_socket(const char *path)
{
	likely = path;
}

const char *client_socket_path(void)
{
	const char *path = chosen ? chosen : getenv("BEADLE_SOCKET");

	return path ? path : likely ? likely : LOCALSTATEDIR "/lib/beadle/collector/collector.sock";
}

static int reach(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const char *path = client_socket_path();
	CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(a.sun_path))
		return fd < 0 ? -errno : -ENAMETOOLONG;
	strcpy(a.sun_path, path);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int unreachable(int error)
{
	const char *path = client_socket_path();

	if (error == -EACCES || error == -EPERM)
		fprintf(stderr, "beadle: %s: not allowed: run it as root or as a member of the group beadle-operator\n",
			path);
	else if (error == -ENOENT || error == -ECONNREFUSED)
		fprintf(stderr, "beadle: %s: no collector listens here: start beadle-collector, or name its socket "
			"with --socket\n", path);
	else
		command_failed(path, error);
	return error == -EACCES || error == -EPERM ? EXIT_NOT_ALLOWED : EXIT_UNREACHABLE;
}

/* What the collector says when it refuses: {"error": {"code", "message"}}. */
static int refused(unsigned status, const json_t *body)
{
	const char *message = json_string_value(json_object_get(json_object_get(body, "error"), "message"));

	screen_line(stderr, "beadle: %s", message ? message : "the collector refused, without a reason");
	return status == 404 ? EXIT_NOT_FOUND : status == 401 || status == 403 ? EXIT_NOT_ALLOWED : EXIT_FAILED;
}

int client_ask(const char *name, json_t *arguments, json_t **ret)
{
	FREE char *text = arguments ? json_dumps(arguments, JSON_COMPACT) : NULL;
	Rooms__Message m = ROOMS__MESSAGE__INIT;
	Rooms__Query q = ROOMS__QUERY__INIT;
	struct arena *arena = arena_new(ANSWER_MAX + 1024);
	ProtobufCMessage *answer = NULL;
	const Rooms__Reply *reply = NULL;
	json_t *body = NULL;
	CLOSE int fd = reach();
	int r = fd;

	json_decref(arguments);
	q.id = 1;
	q.name = (char *)name;
	q.arguments = (ProtobufCBinaryData){text ? strlen(text) : 0, (uint8_t *)text};
	m.message_case = ROOMS__MESSAGE__MESSAGE_QUERY;
	m.query = &q;
	if (r >= 0)
		r = frame_write(fd, &m.base);
	if (r >= 0) {
		r = frame_read(fd, &rooms__message__descriptor, ANSWER_MAX, arena, &answer);
		r = r == 0 ? -ECONNRESET : r;
	}
	if (r < 0) {
		arena_free(arena);
		return unreachable(r);
	}
	if (((Rooms__Message *)answer)->message_case == ROOMS__MESSAGE__MESSAGE_REPLY)
		reply = ((Rooms__Message *)answer)->reply;
	if (reply)
		body = json_loadb((const char *)reply->body.data, reply->body.len, 0, NULL);
	r = !reply || !body ? unreachable(-EBADMSG) : reply->status >= 400 ? refused(reply->status, body) : 0;
	arena_free(arena);
	if (r == 0)
		*ret = body;
	else
		json_decref(body);
	return r;
}
