#include "beat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "log.h"
#include "text.h"

#define AGAIN_MIN (5 * NS_PER_S)
#define BUSY (NS_PER_S)

struct beat {
	struct beat_setup its;
	int64_t due, asked;	/* boot clock */
	uint64_t id;		/* of the last question */
	bool open, sending;	/* the question is; the beat is */
	bool heard;		/* somebody took one, and that was told */
	unsigned failures;	/* since then */
};

struct beat *beat_new(const struct beat_setup *setup)
{
	struct beat *b = calloc(1, sizeof(*b));

	if (b)
		*b = (struct beat){.its = *setup, .due = clock_boot()};
	return b;
}

void beat_free(struct beat *b)
{
	free(b);
}

int64_t beat_due(const struct beat *b)
{
	return b->its.its->every ? b->due : INT64_MAX;
}

/* Soon again at first: one beat that was lost shall raise no alarm. */
static int64_t back_off(const struct beat *b)
{
	int64_t wait = AGAIN_MIN;

	for (unsigned i = 1; i < b->failures && wait < b->its.its->every; i++)
		wait *= 2;
	return wait < b->its.its->every ? wait : b->its.its->every;
}

/* The log has the first of a row. */
static void failed(struct beat *b, const char *why)
{
	log_line(b->failures++ ? LOG_DEBUG : LOG_WARNING, "heartbeat: nobody outside hears it: %s", why);
	b->heard = false;
}

static void ask(struct beat *b, int64_t now)
{
	b->open = true;
	b->asked = now;
	b->due = now + b->its.its->every;
	b->its.ask(++b->id, b->its.arg);
}

void beat_look(struct beat *b)
{
	int64_t now = clock_boot();

	if (now < beat_due(b))
		return;
	if (b->open) {		/* it is not asked twice, and would not hear that it is silent */
		failed(b, "the collector has not answered whether it works");
		b->due = now + b->its.its->every;
	} else if (b->sending)
		b->due = now + BUSY;
	else
		ask(b, now);
}

static int send_one(struct beat *b)
{
	const struct heartbeat *h = b->its.its;
	Rooms__Notice n = ROOMS__NOTICE__INIT;
	char *to[] = {(char *)h->mail}, id[48], subject[300], text[400], every[24];
	bool chinese = b->its.chinese;

	text_put_duration(h->every, every);
	snprintf(id, sizeof(id), "heartbeat-%lld", (long long)(clock_wall() / NS_PER_MS));
	snprintf(subject, sizeof(subject), chinese ? "[%s] 收集器運作中" : "[%s] the collector works", b->its.title);
	snprintf(text, sizeof(text), chinese ? "收集器運作中。每 %s 寄出一次；久未收到時，請查看收集器。\n" :
		 "The collector works. This is sent every %s; when it does not come any more, look at the collector.\n", every);
	n.id = id;
	n.channel = h->mail ? "mail" : "heartbeat";
	n.to = to;
	n.n_to = h->mail ? 1 : 0;
	n.subject = subject;
	n.text = text;
	return post_once(b->its.post, &n);
}

static void not_heard(struct beat *b, const char *why)
{
	failed(b, why);
	b->due = clock_boot() + back_off(b);
	b->its.told(why, b->its.arg);
}

void beat_working(struct beat *b, uint64_t id, const char *trouble)
{
	int r;

	if (!b->open || id != b->id)
		return;
	b->open = false;
	if (clock_boot() - b->asked > b->its.its->every) {	/* late: it counts for nothing */
		b->due = clock_boot();
		return;
	}
	if (*trouble) {
		not_heard(b, trouble);
		return;
	}
	r = send_one(b);
	b->sending = r == 0;
	if (r < 0)
		not_heard(b, r == -EINVAL ? "it can never be sent as it is configured" : "too much else is being sent");
}

void beat_done(struct beat *b, const char *error)
{
	b->sending = false;
	if (error) {
		not_heard(b, error);
		return;
	}
	if (b->failures)
		log_notice("heartbeat: it is heard again");
	b->failures = 0;
	if (!b->heard)
		b->its.told("", b->its.arg);
	b->heard = true;
}
