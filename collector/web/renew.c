#include "renew.h"

#include <event2/event.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "base64.h"
#include "cleanup.h"
#include "clock.h"
#include "door.h"
#include "json.h"
#include "log.h"
#include "renewal.h"

#define FIRST_S 3		/* the signer has come by then */
#define LOOK_S 3600
#define AGAIN_S 300

struct renew {
	struct event *timer;
	struct asks *asks;
	struct door *door;
	const char *folder;
	bool asked;
};

static void next_look(struct renew *r, int seconds)
{
	const struct timeval t = {seconds, 0};

	event_add(r->timer, &t);
}

/* Puts it in its place and uses it. */
static int use(struct renew *r, const char *base64, char why[256])
{
	FREE uint8_t *der = NULL;
	SSL_CTX *ctx;
	size_t n;
	int e = base64_read(base64, &der, &n);

	if (e == 0)
		e = renewal_take(r->folder, "root.pem", der, n);
	if (e == 0)
		e = renewal_settle(r->folder);
	if (e < 0) {
		snprintf(why, 256, "%s: %s", r->folder, strerror(-e));
		return e;
	}
	ctx = door_context(r->folder, why);
	if (!ctx)
		return -EIO;
	door_use(r->door, ctx);
	return 0;
}

static void on_answer(void *arg, unsigned status, const char *body, size_t n)
{
	struct renew *r = arg;
	FREE char *certificate = status == 200 ? json_text(body, n, "certificate") : NULL;
	char why[256] = "the collector does not answer with one";

	if (!r->asked)
		;		/* it was only told */
	else if (certificate && use(r, certificate, why) == 0)
		log_notice("the dashboard's certificate was renewed, with a new key");
	else
		log_error("the dashboard's certificate could not be renewed: %s", why);
	next_look(r, r->asked && !certificate ? AGAIN_S : LOOK_S);
}

static char *request(const char *folder)
{
	uint8_t *csr = NULL;
	size_t n;
	int e = renewal_request(folder, &csr, &n);
	char *text = e == 0 ? base64_write(csr, n) : NULL;

	if (e < 0)
		log_error("%s: no key can be made for the next certificate: %s", folder, strerror(-e));
	OPENSSL_free(csr);
	return text;
}

static void look(evutil_socket_t fd, short what, void *arg)
{
	struct renew *r = arg;
	FREE char *csr = renewal_folder_due(r->folder, "root.pem", clock_wall() / NS_PER_S) ? request(r->folder) : NULL;
	FREE char *arguments = NULL;
	struct json *j = json_open();
	char end[24];

	snprintf(end, sizeof(end), "%lld", (long long)(renewal_end(r->folder) * NS_PER_S));
	json_add(j, "not_after", end);
	if (csr)
		json_add(j, "csr", csr);
	arguments = json_close(j);
	r->asked = csr != NULL;
	if (!arguments || !ask(r->asks, "web.certificate", "", arguments, "", on_answer, r))
		next_look(r, AGAIN_S);
}

struct renew *renew_new(struct event_base *base, struct asks *asks, struct door *door, const char *folder)
{
	struct renew *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	*r = (struct renew){.timer = evtimer_new(base, look, r), .asks = asks, .door = door, .folder = folder};
	if (!r->timer) {
		free(r);
		return NULL;
	}
	next_look(r, FIRST_S);
	return r;
}

void renew_free(struct renew *r)
{
	if (!r)
		return;
	event_free(r->timer);
	free(r);
}
