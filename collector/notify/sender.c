#include "sender.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "clock.h"
#include "message.h"

#define PLACES 4u		/* at once, a channel */
#define CONNECT_SECONDS 30L
#define TOTAL_SECONDS 300L	/* RFC 5321 4.5.3.2 would wait longer; a notice must try again sooner */

#define BRIEF_SECONDS 30L

enum channel { WEBHOOK, MAIL, HEARTBEAT, CHANNELS };

struct transfer {
	struct transfer *prev, *next;
	struct queued *queued;
	CURL *easy;
	struct curl_slist *list;	/* recipients, or headers */
	char *body;
	size_t n, at;
	enum channel channel;
	char error[CURL_ERROR_SIZE];
};

struct sender {
	const struct channels *channels;
	sender_told *told;
	void *arg;
	CURLM *multi;
	struct transfer *list;
	unsigned busy[CHANNELS];
};

struct sender *sender_new(const struct channels *channels, sender_told *told, void *arg)
{
	struct sender *s = calloc(1, sizeof(*s));

	if (!s || curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
		free(s);
		return NULL;
	}
	*s = (struct sender){.channels = channels, .told = told, .arg = arg, .multi = curl_multi_init()};
	return s;
}

static void transfer_free(struct sender *s, struct transfer *t)
{
	DL_DELETE(s->list, t);
	s->busy[t->channel]--;
	curl_multi_remove_handle(s->multi, t->easy);
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->list);
	free(t->body);
	free(t);
}

void sender_free(struct sender *s)
{
	struct transfer *t, *safe;

	if (!s)
		return;
	DL_FOREACH_SAFE(s->list, t, safe)
		transfer_free(s, t);
	curl_multi_cleanup(s->multi);
	curl_global_cleanup();
	free(s);
}

CURLM *sender_multi(struct sender *s)
{
	return s->multi;
}

static enum channel channel_of(const Rooms__Notice *n)
{
	return !strcmp(n->channel, "mail") ? MAIL : !strcmp(n->channel, "heartbeat") ? HEARTBEAT : WEBHOOK;
}

bool sender_has_place(const struct sender *s, const Rooms__Notice *n)
{
	return s->busy[channel_of(n)] < PLACES;
}

static size_t give(char *to, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t n = t->n - t->at < size * count ? t->n - t->at : size * count;

	memcpy(to, t->body + t->at, n);
	t->at += n;
	return n;
}

static size_t ignore(char *data, size_t size, size_t count, void *arg)
{
	return size * count;	/* what a webhook answers is nobody's business */
}

static void set_common(CURL *e, struct transfer *t, const char *ca)
{
	curl_easy_setopt(e, CURLOPT_PRIVATE, t);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl_easy_setopt(e, CURLOPT_TIMEOUT, t->queued->brief ? BRIEF_SECONDS : TOTAL_SECONDS);
	curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, ignore);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (ca)
		curl_easy_setopt(e, CURLOPT_CAINFO, ca);
}

static int set_mail(struct sender *s, struct transfer *t, char why[256])
{
	const struct mail *mail = &s->channels->mail;
	const Rooms__Notice *n = t->queued->notice;
	char url[400], from[300];

	if (!mail->server) {
		snprintf(why, 256, "no mail server is configured (notify: mail: in collector.yaml)");
		return -EINVAL;
	}
	t->body = message_build(n, mail->from, t->queued->born, &t->n);
	if (!t->body) {
		snprintf(why, 256, "a recipient is not a mail address");
		return -EINVAL;
	}
	for (size_t i = 0; i < n->n_to; i++)
		t->list = curl_slist_append(t->list, n->to[i]);
	snprintf(url, sizeof(url), "%s://%s:%d", mail->security == CHANNEL_TLS ? "smtps" : "smtp", mail->server, (int)mail->port);
	snprintf(from, sizeof(from), "<%s>", mail->from);
	set_common(t->easy, t, mail->ca);
	curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(t->easy, CURLOPT_URL, url);
	curl_easy_setopt(t->easy, CURLOPT_USE_SSL, mail->security == CHANNEL_NONE ? (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
	curl_easy_setopt(t->easy, CURLOPT_MAIL_FROM, from);
	curl_easy_setopt(t->easy, CURLOPT_MAIL_RCPT, t->list);
	curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, give);
	curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
	if (mail->user) {
		curl_easy_setopt(t->easy, CURLOPT_USERNAME, mail->user);
		curl_easy_setopt(t->easy, CURLOPT_PASSWORD, mail->password ? mail->password : "");
	}
	return 0;
}

/* What a webhook and a heartbeat have in common. */
static void set_hook(struct transfer *t, const struct webhook *hook)
{
	if (hook->header && *hook->header)
		t->list = curl_slist_append(t->list, hook->header);
	set_common(t->easy, t, hook->ca);
	curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(t->easy, CURLOPT_URL, hook->url);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->list);
}

static int set_webhook(struct sender *s, struct transfer *t, char why[256])
{
	const Rooms__Notice *n = t->queued->notice;
	const struct webhook *hook = n->n_to == 1 ? channels_webhook(s->channels, n->to[0]) : NULL;

	if (!hook) {
		snprintf(why, 256, "no webhook is configured under that name");
		return -EINVAL;
	}
	t->list = curl_slist_append(NULL, "Content-Type: application/json");
	set_hook(t, hook);
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE, (long)n->json.len);
	curl_easy_setopt(t->easy, CURLOPT_COPYPOSTFIELDS, n->json.len ? (const char *)n->json.data : "");
	return 0;
}

static int set_heartbeat(struct sender *s, struct transfer *t)
{
	set_hook(t, &s->channels->heartbeat.hook);
	if (s->channels->heartbeat.post)
		curl_easy_setopt(t->easy, CURLOPT_COPYPOSTFIELDS, "");
	return 0;
}

static int set_up(struct sender *s, struct transfer *t, char why[256])
{
	switch (t->channel) {
	case MAIL: return set_mail(s, t, why);
	case HEARTBEAT: return set_heartbeat(s, t);
	default: return set_webhook(s, t, why);
	}
}

int sender_start(struct sender *s, struct queued *q, char why[256])
{
	struct transfer *t;
	int r;

	if (!sender_has_place(s, q->notice))
		return -EAGAIN;
	t = calloc(1, sizeof(*t));
	if (!t || !(t->easy = curl_easy_init())) {
		free(t);
		return -EAGAIN;
	}
	t->queued = q;
	t->channel = channel_of(q->notice);
	DL_APPEND(s->list, t);
	s->busy[t->channel]++;
	r = set_up(s, t, why);
	if (r == 0 && curl_multi_add_handle(s->multi, t->easy) != CURLM_OK)
		r = -EAGAIN;
	if (r < 0)
		transfer_free(s, t);
	else
		q->sending = true;
	return r;
}

/* 5xx of a mail server is its last word, but a wrong password or a refused recipient may be mended by a person: those are
 * tried again like everything else, until the notice is given up. */
static const char *verdict(struct transfer *t, CURLcode code, char buf[256])
{
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK && (t->channel == MAIL || (status >= 200 && status < 300)))
		return NULL;
	if (code == CURLE_OK)
		snprintf(buf, 256, "the %s answered %ld", t->channel == HEARTBEAT ? "other side" : "webhook", status);
	else
		snprintf(buf, 256, "%s", t->error[0] ? t->error : curl_easy_strerror(code));
	return buf;
}

void sender_look(struct sender *s)
{
	int running, left;
	CURLMsg *m;

	curl_multi_perform(s->multi, &running);
	while ((m = curl_multi_info_read(s->multi, &left))) {
		struct transfer *t;
		struct queued *q;
		const char *error;
		char buf[256];

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		q = t->queued;
		error = verdict(t, m->data.result, buf);
		transfer_free(s, t);
		q->sending = false;
		s->told(q, error, false, s->arg);
	}
}
