#include "collector/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "frame.h"

void message_free(struct node *n, struct budget *in_flight)
{
	switch ((enum message_kind)n->kind) {
	case MESSAGE_BATCH:
		budget_give(in_flight, ((struct batch *)n)->bytes);
		if (((struct batch *)n)->backlog)
			budget_give(((struct batch *)n)->backlog, ((struct batch *)n)->bytes);
		break;
	case MESSAGE_HELLO:
		arena_free(((struct hello *)n)->arena);
		break;
	case MESSAGE_SERIES:
		arena_free(((struct series *)n)->arena);
		break;
	case MESSAGE_CHANGE:
		change_free((struct store_change *)n);
		return;
	case MESSAGE_SOCKET:
		close(((struct arrival *)n)->fd);
		break;
	default:
		break;
	}
	free(n);
}

struct sending *message_sending(const struct reference *to, const ProtobufCMessage *message)
{
	FREE uint8_t *frame = NULL;
	size_t room = 0;
	int64_t n = frame_pack(message, &frame, &room);
	struct sending *s = n > 0 ? calloc(1, sizeof(*s) + (size_t)n) : NULL;

	if (!s)
		return NULL;
	s->node.kind = MESSAGE_SEND;
	s->from = *to;
	s->n = (size_t)n;
	memcpy(s->frame, frame, (size_t)n);
	return s;
}

void message_free_list(struct node *n, struct budget *in_flight)
{
	while (n) {
		struct node *next = n->next;

		message_free(n, in_flight);
		n = next;
	}
}

void message_tell(struct queue *engine, enum trouble_kind kind, uint32_t host, const char *agent, const char *format, ...)
{
	struct trouble *t = calloc(1, sizeof(*t));
	va_list list;

	if (!t)
		return;
	t->node.kind = MESSAGE_TROUBLE;
	t->trouble = kind;
	t->host = host;
	snprintf(t->agent, sizeof(t->agent), "%s", agent);
	va_start(list, format);
	vsnprintf(t->text, sizeof(t->text), format, list);
	va_end(list);
	queue_push(engine, &t->node);
}
