#include "channels.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "text.h"

#define USER "beadle-notify"

/* What a webhook and a heartbeat have in common. */
static void read_hook(const struct conf_node *map, struct webhook *hook, struct problems *p)
{
	conf_string(map, "url", "", &hook->url, p);
	conf_string(map, "ca", NULL, &hook->ca, p);
	hook->header = channels_secret(map, "header-file", USER, p);
	if (*hook->url && strncmp(hook->url, "https://", 8))
		problem(p, conf_file(map), conf_line(conf_get(map, "url")), "url", "\"%s\": expected https://...", hook->url);
}

static void read_webhook(const struct conf_node *map, struct channels *c, struct problems *p)
{
	struct webhook *hook;

	if (conf_type(map) != CONF_MAP) {
		problem(p, conf_file(map), conf_line(map), conf_key(map), "expected a map (url: ...)");
		return;
	}
	hook = vec_push(&c->webhooks);
	if (!hook)
		return;
	hook->name = conf_key(map);
	conf_need(map, "url", p);
	read_hook(map, hook, p);
	conf_done(map, p);
}

static void read_heartbeat(const struct conf_node *map, const struct mail *server, struct heartbeat *h, struct problems *p)
{
	static const char *const methods[] = {"get", "post", NULL};
	const struct conf_node *url = conf_get(map, "url"), *mail = conf_get(map, "mail");
	unsigned line;

	if (!map)
		return;
	line = conf_line(mail ? mail : map);
	if (!url == !mail)
		problem(p, conf_file(map), line, "heartbeat", "expected either url or mail: who outside alarms when he does not hear it");
	conf_string(map, "mail", NULL, &h->mail, p);
	if (h->mail && !text_mail_address(h->mail))
		problem(p, conf_file(map), line, "mail", "\"%s\": expected an address such as alarm@monitor.example", h->mail);
	else if (h->mail && !server->server)
		problem(p, conf_file(map), line, "mail", "it needs a mail server: give notify: mail: as well");
	if (url) {
		read_hook(map, &h->hook, p);
		conf_choice(map, "method", methods, 0, &h->post, p);
	}
	conf_duration(map, "every", (mail ? 3600 : 300) * NS_PER_S, NS_PER_S, 86400 * NS_PER_S, &h->every, p);
	conf_done(map, p);
}

void channels_read(const struct conf_node *root, struct channels *ret, struct problems *p)
{
	const struct conf_node *notify = conf_map(root, "notify", p), *hooks;

	channels_read_mail(notify, USER, ret, p);
	if (!notify)
		return;
	hooks = conf_map(notify, "webhooks", p);
	for (size_t i = 0; i < conf_count(hooks); i++)
		read_webhook(conf_at(hooks, i), ret, p);
	read_heartbeat(conf_map(notify, "heartbeat", p), &ret->mail, &ret->heartbeat, p);
	conf_done(notify, p);
}

static void wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void channels_clear(struct channels *c)
{
	wipe(c->mail.password);
	for (size_t i = 0; i < c->webhooks.n; i++)
		wipe(c->webhooks.at[i].header);
	wipe(c->heartbeat.hook.header);
	vec_free(&c->webhooks);
}

const struct webhook *channels_webhook(const struct channels *c, const char *name)
{
	for (size_t i = 0; i < c->webhooks.n; i++)
		if (!strcmp(c->webhooks.at[i].name, name))
			return &c->webhooks.at[i];
	return NULL;
}
