#include "answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "frame.h"
#include "identity.h"
#include "text.h"

static int take_certificate(const ProtobufCBinaryData *der, const char *school, struct enrolment_answer *ret)
{
	const unsigned char *p = der->data;
	struct identity id;

	ret->certificate = d2i_X509(NULL, &p, (long)der->len);
	if (!ret->certificate || p != der->data + der->len || identity_of(ret->certificate, &id) < 0 || id.kind != IDENTITY_AGENT ||
	    strcmp(id.school, school))
		return -EBADMSG;
	snprintf(ret->uuid, sizeof(ret->uuid), "%s", id.name);
	return 0;
}

static X509 *decode(const ProtobufCBinaryData *der)
{
	const unsigned char *p = der->data;

	return der->len ? d2i_X509(NULL, &p, (long)der->len) : NULL;
}

static int take(const Wire__Enrolled *m, const char *school, struct enrolment_answer *ret)
{
	ret->outcome = m->outcome;
	ret->wall = (int64_t)m->wall;
	ret->port = m->agents_port & 0xffff;
	text_escape(m->text, strlen(m->text), ret->text, sizeof(ret->text));
	text_escape(m->host, strlen(m->host), ret->host, sizeof(ret->host));
	if (m->authority) {
		ret->next = decode(&m->authority->root);
		ret->vouched = decode(&m->authority->vouched);
	}
	return m->outcome == WIRE__ENROLMENT__ENROLLED ? take_certificate(&m->certificate, school, ret) : 0;
}

int answer_read(const uint8_t *frame, size_t n, const char *school, struct enrolment_answer *ret)
{
	struct arena *arena = arena_new(frame_ceiling(n));
	const Wire__Enrolled *m = arena ? (const Wire__Enrolled *)frame_unpack(&wire__enrolled__descriptor, frame, n, arena) : NULL;
	int r = m ? take(m, school, ret) : -EBADMSG;

	arena_free(arena);
	return r;
}

void answer_clear(struct enrolment_answer *a)
{
	X509_free(TAKE(a->authority));
	X509_free(TAKE(a->certificate));
	X509_free(TAKE(a->next));
	X509_free(TAKE(a->vouched));
}
