#include "site.h"

#include <event2/event.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "ask.h"
#include "clock.h"
#include "files.h"
#include "head.h"
#include "json.h"
#include "log.h"
#include "routes.h"
#include "stream.h"

#define SESSION_MAX 128
#define STREAM_LIFE_S 300	/* then the browser comes back by itself, and its session is looked at anew */
#define HELLO_S 15

struct site {
	struct MHD_Daemon *mhd;
	struct event_base *base;
	struct event *ready, *kick, *hello;
	struct asks *asks;
	const struct files *files;
	struct stream *stream;
	struct request *requests;
};

struct request {
	struct request *prev, *next;
	struct site *site;
	struct MHD_Connection *connection;
	const struct route *route;
	char *body;
	size_t n;
	enum { READING, ASKING, ANSWERED } state;
	uint64_t question;
	unsigned status;
	char *answer;			/* what goes to the browser: ours to free */
	size_t answer_n;
	char *cookie;			/* Set-Cookie, or NULL */
	struct reader *reader;
	int64_t until;
	bool suspended;
};

/* ---- answers ---- */

static enum MHD_Result respond(struct MHD_Connection *c, unsigned status, struct MHD_Response *r, const char *type, const char *cache)
{
	enum MHD_Result ok;

	if (!r)
		return MHD_NO;
	if (type)
		MHD_add_response_header(r, "Content-Type", type);
	MHD_add_response_header(r, "Cache-Control", cache);
	ok = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return ok;
}

static enum MHD_Result error(struct MHD_Connection *c, unsigned status, const char *code, const char *message)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}", code, message);

	return respond(c, status, MHD_create_response_from_buffer((size_t)n, text, MHD_RESPMEM_MUST_COPY), "application/json", "no-store");
}

static enum MHD_Result answer_file(struct site *s, struct MHD_Connection *c, const char *method, const char *path)
{
	const struct file *f = files_find(s->files, path);
	const char *known = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "If-None-Match");
	struct MHD_Response *r;
	bool same;

	if (!f)
		return error(c, 404, "not_found", "there is no such page");
	if (!strcmp(method, "POST"))
		return error(c, 405, "bad_request", "this is only read");
	same = known && !strcmp(known, f->etag);
	r = MHD_create_response_from_buffer(same ? 0 : f->n, f->data, MHD_RESPMEM_PERSISTENT);
	if (r)
		MHD_add_response_header(r, "ETag", f->etag);
	return respond(c, same ? 304 : 200, r, same ? NULL : f->type, "no-cache");
}

static enum MHD_Result answer_document(struct request *q)
{
	struct MHD_Response *r;
	char *text = q->answer;

	if (!text)
		return error(q->connection, 503, "unavailable", "the collector did not answer in time");
	q->answer = NULL;
	r = MHD_create_response_from_buffer(q->answer_n, text, MHD_RESPMEM_MUST_FREE);
	if (!r)
		free(text);
	else if (q->cookie)
		MHD_add_response_header(r, "Set-Cookie", q->cookie);
	return respond(q->connection, q->status, r, "application/json", "no-store");
}

/* ---- the live stream ---- */

static void resume(struct request *q)
{
	if (!q->suspended)
		return;
	q->suspended = false;
	MHD_resume_connection(q->connection);
	event_active(q->site->kick, EV_TIMEOUT, 0);
}

static void on_wake(void *arg)
{
	resume(arg);
}

static ssize_t read_stream(void *arg, uint64_t at, char *buf, size_t room)
{
	struct request *q = arg;
	long n = clock_boot() > q->until ? -1 : reader_take(q->reader, buf, room);

	if (n == 0) {
		q->suspended = true;
		MHD_suspend_connection(q->connection);
	}
	return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : n;
}

static enum MHD_Result answer_stream(struct request *q)
{
	if (q->status != 200)
		return answer_document(q);
	q->reader = reader_new(q->site->stream, MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, "Last-Event-ID"), clock_wall(),
			       on_wake, q);
	if (!q->reader)
		return error(q->connection, 429, "too_many", "too many look on at once");
	q->until = clock_boot() + STREAM_LIFE_S * NS_PER_S;
	return respond(q->connection, 200, MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, read_stream, q, NULL),
		       "text/event-stream", "no-store");
}

/* ---- questions ---- */

static void set_cookie(struct request *q, const char *session)
{
	free(q->cookie);
	if (asprintf(&q->cookie, HEAD_OWN_COOKIE "=%s; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=%d", session, *session ? 12 * 3600 : 0) < 0)
		q->cookie = NULL;
}

static bool plain_session(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= SESSION_MAX &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == n;
}

static void on_answer(void *arg, unsigned status, const char *body, size_t n)
{
	struct request *q = arg;
	char *session = NULL;

	q->question = 0;
	q->state = ANSWERED;
	q->status = status;
	if (body && status == 200 && route_posts(q->route)) {
		q->answer = json_take_session(body, n, &session);
		q->answer_n = q->answer ? strlen(q->answer) : 0;
		if (session && plain_session(session))
			set_cookie(q, session);
		free(session);
	} else if (body && (q->answer = malloc(n + 1))) {
		memcpy(q->answer, body, n);
		q->answer_n = n;
	}
	if (q->route->kind == ROUTE_LOG_OUT || status == 401)
		set_cookie(q, "");
	resume(q);
}

static enum MHD_Result add_argument(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	return json_add(arg, name, value ? value : "") ? MHD_YES : MHD_NO;
}

static char *arguments(struct request *q)
{
	struct json *j;

	if (route_posts(q->route))
		return strdup(q->n ? q->body : "{}");
	if (q->route->kind == ROUTE_STREAM)
		return strdup("{}");
	j = json_open();
	if (j)
		MHD_get_connection_values(q->connection, MHD_GET_ARGUMENT_KIND, add_argument, j);
	return j ? json_close(j) : NULL;
}

static void put_address(struct MHD_Connection *c, char buf[64])
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *a = info ? info->client_addr : NULL;

	if (!a || getnameinfo(a, a->sa_family == AF_INET6 ? 28 : 16, buf, 64, NULL, 0, NI_NUMERICHOST))
		strcpy(buf, "?");
}

/* A page of another site can send neither our header nor this type without being asked first, and we allow nobody (W1). */
static const char *not_ours(struct MHD_Connection *c)
{
	const char *beadle = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "X-Beadle");
	const char *type = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Type");
	const char *origin = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Origin");
	const char *site = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Sec-Fetch-Site");
	const char *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host");

	if (!beadle || strcmp(beadle, "1"))
		return "the header X-Beadle: 1 is missing";
	if (!type || strncmp(type, "application/json", 16) || (type[16] && type[16] != ';'))
		return "the body must be application/json";
	if (origin && (strncmp(origin, "https://", 8) || !host || strcmp(origin + 8, host)))
		return "the request comes from another site";
	if (site && strcmp(site, "same-origin"))
		return "the request comes from another site";
	return NULL;
}

static enum MHD_Result ask_collector(struct request *q)
{
	struct MHD_Connection *c = q->connection;
	const char *session = MHD_lookup_connection_value(c, MHD_COOKIE_KIND, HEAD_OWN_COOKIE);
	const char *foreign = route_posts(q->route) ? not_ours(c) : NULL;
	char from[64], *text;

	if (foreign)
		return error(c, 403, "not_allowed", foreign);
	if (q->route->kind == ROUTE_LOG_IN)
		session = "";
	else if (!session || !plain_session(session))
		return error(c, 401, "log_in", "log in first");
	if (q->n && !json_object_text(q->body, q->n))
		return error(c, 400, "bad_request", "the body is not a JSON object");
	text = arguments(q);
	if (!text)
		return error(c, 400, "bad_request", "the arguments are not UTF-8");
	put_address(c, from);
	q->question = ask(q->site->asks, q->route->query, session, text, from, on_answer, q);
	free(text);
	if (!q->question)
		return error(c, 503, "unavailable", "too many questions at once");
	q->state = ASKING;
	q->suspended = true;
	MHD_suspend_connection(c);
	return MHD_YES;
}

/* ---- libmicrohttpd's side ---- */

static struct request *begin(struct site *s, struct MHD_Connection *c, const char *path)
{
	struct request *q = calloc(1, sizeof(*q));

	if (q) {
		*q = (struct request){.site = s, .connection = c, .route = route_find(path)};
		DL_APPEND(s->requests, q);
	}
	return q;
}

static enum MHD_Result take_body(struct request *q, const char *data, size_t *n)
{
	char *bigger = q->n + *n > HEAD_BODY ? NULL : realloc(q->body, q->n + *n + 1);

	if (!bigger)
		return MHD_NO;
	q->body = bigger;
	memcpy(q->body + q->n, data, *n);
	q->n += *n;
	q->body[q->n] = 0;
	*n = 0;
	return MHD_YES;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *path, const char *method, const char *version,
				  const char *data, size_t *n, void **own)
{
	struct request *q = *own;
	bool posts = !strcmp(method, "POST");

	if (!q) {
		*own = q = begin(arg, c, path);
		return q ? MHD_YES : MHD_NO;
	}
	if (*n)
		return take_body(q, data, n);
	if (q->state == ANSWERED)
		return q->route->kind == ROUTE_STREAM ? answer_stream(q) : answer_document(q);
	if (!q->route)
		return answer_file(arg, c, method, path);
	if (posts != route_posts(q->route) || !strcmp(method, "HEAD"))
		return error(c, 405, "bad_request", posts ? "this is read with GET" : "this is done with POST");
	return ask_collector(q);
}

static void on_completed(void *arg, struct MHD_Connection *c, void **own, enum MHD_RequestTerminationCode why)
{
	struct request *q = *own;

	if (!q)
		return;
	if (q->question)
		ask_forget(q->site->asks, q->question);
	DL_DELETE(q->site->requests, q);
	reader_free(q->reader);
	free(q->body);
	free(q->answer);
	free(q->cookie);
	free(q);
	*own = NULL;
}

static void run(evutil_socket_t fd, short what, void *arg)
{
	struct site *s = arg;
	struct timeval t;
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(s->mhd);
	if (MHD_get_timeout(s->mhd, &ms) == MHD_YES) {
		t = (struct timeval){(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
		event_add(s->kick, &t);
	}
}

static void say_hello(evutil_socket_t fd, short what, void *arg)
{
	struct site *s = arg;

	stream_hello(s->stream, clock_wall());
}

static void log_mhd(void *arg, const char *format, va_list list)
{
	char line[256];

	vsnprintf(line, sizeof(line), format, list);
	log_debug("libmicrohttpd: %s", line);
}

struct site *site_new(struct event_base *base, const struct files *files, struct stream *stream)
{
	struct site *s = calloc(1, sizeof(*s));
	struct timeval often = {HELLO_S, 0};
	const union MHD_DaemonInfo *info = NULL;

	if (!s)
		return NULL;
	*s = (struct site){.base = base, .files = files, .stream = stream};
	s->mhd = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
				  on_request, s, MHD_OPTION_EXTERNAL_LOGGER, log_mhd, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
				  MHD_OPTION_CONNECTION_LIMIT, 512u, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)32768,
				  MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (s->mhd)
		info = MHD_get_daemon_info(s->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (info) {
		s->ready = event_new(base, info->epoll_fd, EV_READ | EV_PERSIST, run, s);
		s->kick = evtimer_new(base, run, s);
		s->hello = event_new(base, -1, EV_PERSIST, say_hello, s);
	}
	if (!s->ready || !s->kick || !s->hello || event_add(s->ready, NULL) < 0 || event_add(s->hello, &often) < 0) {
		site_free(s);
		return NULL;
	}
	return s;
}

void site_use(struct site *s, struct asks *asks)
{
	s->asks = asks;
}

void site_free(struct site *s)
{
	struct request *q, *next;

	if (!s)
		return;
	stream_close(s->stream);
	DL_FOREACH_SAFE(s->requests, q, next)
		resume(q);
	if (s->ready)
		event_free(s->ready);
	if (s->hello)
		event_free(s->hello);
	if (s->mhd)
		MHD_stop_daemon(s->mhd);
	if (s->kick)
		event_free(s->kick);
	free(s);
}

int site_pass(void *arg, int fd, const struct sockaddr *a, socklen_t n)
{
	struct site *s = arg;

	if (MHD_add_connection(s->mhd, fd, a, n) != MHD_YES)
		return -EAGAIN;		/* it has closed fd */
	event_active(s->kick, EV_TIMEOUT, 0);
	return 0;
}
