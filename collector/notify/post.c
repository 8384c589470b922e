#include "post.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cleanup.h"
#include "clock.h"
#include "log.h"

#define TIDY_EVERY (3600 * NS_PER_S)
#define LONGEST_WAIT (60 * NS_PER_S)

struct post {
	struct post_setup its;
	struct queue *queue;
	struct sender *sender;
	struct queued once;		/* not in the queue */
	int64_t tidy;
};

static void tell(struct post *p, const char *id, Rooms__DeliveryState state, uint32_t tries, const char *text)
{
	if (p->its.told)
		p->its.told(id, state, tries, text, p->its.arg);
}

/* Doubles from the shortest to the longest wait, an eighth of it by chance, so that a hundred notices do not knock at once. */
static int64_t wait_after(const struct post *p, uint32_t tries)
{
	int64_t wait = p->its.channels->retry_min;
	uint32_t chance = 0;

	for (uint32_t i = 1; i < tries && wait < p->its.channels->retry_max; i++)
		wait *= 2;
	if (wait > p->its.channels->retry_max)
		wait = p->its.channels->retry_max;
	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0)
		chance = 0;
	return wait + wait / 8 * (int64_t)(chance % 1024) / 1024;
}

static void give_up(struct post *p, struct queued *q, const char *why)
{
	log_error("notice %s: given up after %u tries: %s", q->notice->id, q->tries, why);
	tell(p, q->notice->id, ROOMS__DELIVERY_STATE__GIVEN_UP, q->tries, why);
	queue_drop(p->queue, q);
}

/* As often as the waits of that time need: a wall clock that was set forward alone gives nothing up (R12). */
static bool is_hopeless(const struct post *p, const struct queued *q)
{
	const struct channels *c = p->its.channels;

	return clock_wall() - q->born > c->give_up && q->tries >= c->give_up / c->retry_max / 2;
}

/* The mark first: a crash in between is told again, but nothing is mailed again. */
static void sent(struct post *p, struct queued *q)
{
	FREE char *id = strdup(q->notice->id);
	uint32_t tries = q->tries;

	queue_sent(p->queue, q);
	log_info("notice %s: sent", id ? id : "?");
	if (id)
		tell(p, id, ROOMS__DELIVERY_STATE__SENT, tries, "");
}

static void clear_once(struct post *p)
{
	if (p->once.notice)
		rooms__notice__free_unpacked(p->once.notice, NULL);
	p->once = (struct queued){0};
}

static void ended(struct queued *q, const char *error, bool final, void *arg)
{
	struct post *p = arg;

	if (q == &p->once) {
		clear_once(p);
		p->its.done(error, p->its.arg);
	} else if (!error)
		sent(p, q);
	else if (final || is_hopeless(p, q))
		give_up(p, q, error);
	else {
		q->due = clock_boot() + wait_after(p, q->tries);
		log_warning("notice %s: not sent: %s", q->notice->id, error);
		tell(p, q->notice->id, ROOMS__DELIVERY_STATE__RETRYING, q->tries, error);
	}
}

static void start_due(struct post *p)
{
	struct queued *q = queue_first(p->queue), *next;
	int64_t now = clock_boot();
	char why[256] = "";

	for (; q; q = next) {
		int r;

		next = q->next;
		if (q->sending || q->due > now || !sender_has_place(p->sender, q->notice))
			continue;
		/* Counted before it is tried, so that a crash in the middle is a try too. A disk that is full stops no mail. */
		r = queue_tried(p->queue, q);
		if (r < 0)
			log_warning("notice %s: the number of tries cannot be kept: %s", q->notice->id, strerror(-r));
		r = sender_start(p->sender, q, why);
		if (r == -EINVAL)
			give_up(p, q, why);
	}
}

int post_take(struct post *p, const Rooms__Notice *notice, enum queue_taken *ret)
{
	return queue_take(p->queue, notice, clock_boot(), ret);
}

int post_once(struct post *p, const Rooms__Notice *notice)
{
	char why[256] = "";
	int r;

	if (p->once.notice)
		return -EAGAIN;
	p->once = (struct queued){.notice = queue_copy(notice), .born = clock_wall(), .brief = true};
	r = p->once.notice ? sender_start(p->sender, &p->once, why) : -EAGAIN;
	if (r < 0)
		clear_once(p);
	if (r == -EINVAL)
		log_error("notice %s: %s", notice->id, why);
	return r;
}

static int next_wait(struct post *p, int64_t until)
{
	int64_t now = clock_boot(), wait = until - now < LONGEST_WAIT ? until - now : LONGEST_WAIT;

	for (struct queued *q = queue_first(p->queue); q; q = q->next)
		if (!q->sending && sender_has_place(p->sender, q->notice) && q->due - now < wait)
			wait = q->due - now;
	return wait < 0 ? 0 : (int)(wait / NS_PER_MS) + 1;
}

int post_turn(struct post *p, int fd, int64_t until)
{
	struct curl_waitfd other = {fd, CURL_WAIT_POLLIN, 0};

	start_due(p);
	sender_look(p->sender);
	if (curl_multi_poll(sender_multi(p->sender), &other, 1, next_wait(p, until), NULL) != CURLM_OK)
		return -EIO;
	sender_look(p->sender);
	if (clock_boot() > p->tidy) {
		queue_tidy(p->queue, clock_wall());
		p->tidy = clock_boot() + TIDY_EVERY;
	}
	return other.revents != 0;
}

int post_open(const struct post_setup *setup, struct post **ret)
{
	struct post *p = calloc(1, sizeof(*p));
	int r = -ENOMEM;

	if (p) {
		*p = (struct post){.its = *setup, .tidy = clock_boot()};
		r = queue_open(setup->folder, &p->queue);
	}
	if (r == 0 && !(p->sender = sender_new(setup->channels, ended, p)))
		r = -ENOMEM;
	if (r == 0) {
		*ret = p;
		return 0;
	}
	log_error("%s: %s", setup->folder, strerror(-r));
	post_close(p);
	return r;
}

void post_close(struct post *p)
{
	if (!p)
		return;
	sender_free(p->sender);
	clear_once(p);
	queue_close(p->queue);
	free(p);
}
