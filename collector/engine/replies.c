/* replies.c - answers of queries. That something was done is said when it is on disk, and not before (R1): a crash takes nothing back of which a
 * person was told. */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "api.h"
#include "clock.h"

#define PATIENCE (10 * NS_PER_S)

struct held {
	struct held *prev, *next;
	struct pipe *pipe;
	uint64_t query, change;		/* change: number of the one that it tells of */
	unsigned status;
	int64_t since;			/* boot clock */
	char *text;
};

static void send_text(struct pipe *pipe, uint64_t query, unsigned status, char *text)
{
	Rooms__Message m = ROOMS__MESSAGE__INIT;
	Rooms__Reply reply = ROOMS__REPLY__INIT;

	reply.id = query;
	reply.status = text ? status : 503;
	reply.body = (ProtobufCBinaryData){text ? strlen(text) : 2, text ? (uint8_t *)text : (uint8_t *)"{}"};
	m.message_case = ROOMS__MESSAGE__MESSAGE_REPLY;
	m.reply = &reply;
	pipe_send(pipe, &m);
}

/* Takes text. */
static bool hold(struct engine *e, struct pipe *pipe, uint64_t query, unsigned status, char *text)
{
	struct held *h = calloc(1, sizeof(*h));

	if (!h)
		return false;
	*h = (struct held){.pipe = pipe, .query = query, .change = e->changes, .status = status, .since = clock_boot(), .text = text};
	DL_APPEND(e->held, h);
	return true;
}

static void drop(struct engine *e, struct held *h)
{
	DL_DELETE(e->held, h);
	free(h->text);
	free(h);
}

void replies_send(struct engine *e, struct pipe *pipe, uint64_t query, unsigned status, json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	replies_send_text(e, pipe, query, status, text);
}

void replies_send_text(struct engine *e, struct pipe *pipe, uint64_t query, unsigned status, char *text)
{
	if (e->touched && text && hold(e, pipe, query, status, text))
		return;
	send_text(pipe, query, status, text);
	free(text);
}

void replies_kept(struct engine *e)
{
	struct held *h, *safe;

	DL_FOREACH_SAFE(e->held, h, safe)
		if (h->change < e->changes) {
			send_text(h->pipe, h->query, h->status, h->text);
			drop(e, h);
		}
}

void replies_tick(struct engine *e, int64_t now)
{
	static char late[] = "{\"error\":{\"code\":\"unavailable\",\"message\":\"it is done, but cannot be written to disk yet: look again before it is done once more\"}}";
	struct held *h, *safe;

	DL_FOREACH_SAFE(e->held, h, safe)
		if (now - h->since > PATIENCE) {
			send_text(h->pipe, h->query, 503, late);
			drop(e, h);
		}
}

void replies_pipe_gone(struct engine *e, const struct pipe *pipe)
{
	struct held *h, *safe;

	DL_FOREACH_SAFE(e->held, h, safe)
		if (!pipe || h->pipe == pipe)
			drop(e, h);
}
