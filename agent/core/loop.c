#include "config.h"

#include "agent/core/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/clock.h"

struct loop {
	struct event_base *base;
	int timer;			/* on the boot clock: it goes on while the machine sleeps */
	int64_t armed;
	struct watch *tick;
};

struct watch {
	struct event_base *base;
	struct event *event;
	int fd, events;
	void (*ready)(void *arg, int events);
	void *arg;
};

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	w->ready(w->arg, (what & EV_READ ? LOOP_READ : 0) | (what & EV_WRITE ? LOOP_WRITE : 0));
}

static void on_timer(void *arg, int events)
{
	struct loop *l = arg;

	l->armed = -1;		/* not read: setting it anew is enough */
}

struct loop *loop_new(void)
{
	struct event_config *config = event_config_new();
	struct loop *l = calloc(1, sizeof(*l));

	if (l && config) {
		event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
		l->base = event_base_new_with_config(config);
		l->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
		l->armed = LOOP_NEVER;
		if (l->base && l->timer >= 0)
			l->tick = loop_watch(l, l->timer, LOOP_READ, on_timer, l);
	}
	if (config)
		event_config_free(config);
	if (l && l->tick)
		return l;
	loop_free(l);
	return NULL;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	loop_unwatch(l->tick);
	if (l->timer >= 0)
		close(l->timer);
	if (l->base)
		event_base_free(l->base);
	free(l);
}

struct watch *loop_watch(struct loop *l, int fd, int events, void (*ready)(void *, int), void *arg)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	*w = (struct watch){.base = l->base, .fd = fd, .ready = ready, .arg = arg};
	w->event = event_new(l->base, fd, EV_READ | EV_PERSIST, on_event, w);
	if (!w->event || loop_change(w, events) < 0) {
		loop_unwatch(w);
		return NULL;
	}
	return w;
}

int loop_change(struct watch *w, int events)
{
	short wanted = (short)((events & LOOP_READ ? EV_READ : 0) | (events & LOOP_WRITE ? EV_WRITE : 0));

	if (events == w->events)
		return 0;
	event_del(w->event);
	w->events = events;
	if (!wanted)
		return 0;
	if (event_assign(w->event, w->base, w->fd, wanted | EV_PERSIST, on_event, w) < 0 || event_add(w->event, NULL) < 0) {
		w->events = 0;
		return -ENOMEM;
	}
	return 0;
}

void loop_unwatch(struct watch *w)
{
	if (!w)
		return;
	if (w->event)
		event_free(w->event);
	free(w);
}

static int arm(struct loop *l, int64_t wake)
{
	struct itimerspec at = {0};

	if (wake == l->armed)
		return 0;
	if (wake != LOOP_NEVER) {
		if (wake < 1)
			wake = 1;	/* zero would disarm it */
		at.it_value.tv_sec = wake / NS_PER_S;
		at.it_value.tv_nsec = wake % NS_PER_S;
	}
	if (timerfd_settime(l->timer, TFD_TIMER_ABSTIME, &at, NULL) < 0)
		return -errno;
	l->armed = wake;
	return 0;
}

int loop_once(struct loop *l, int64_t wake)
{
	int r = arm(l, wake);

	if (r < 0)
		return r;
	return event_base_loop(l->base, EVLOOP_ONCE) < 0 ? -EIO : 0;
}
