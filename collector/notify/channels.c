#include "channels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "io.h"
#include "text.h"

#define SECRET_MAX 4096

/* One line of a file that nobody else can read. */
static char *read_secret(const struct conf_node *map, const char *key, struct problems *p)
{
	const struct conf_node *node = conf_get(map, key);
	const char *path;
	struct stat st;
	char *text;
	int r;

	conf_string(map, key, NULL, &path, p);
	if (!path)
		return NULL;
	if (stat(path, &st) == 0 && (st.st_mode & 077)) {
		problem(p, conf_file(node), conf_line(node), key, "%s can be read by others: chmod 600 %s", path, path);
		return NULL;
	}
	r = io_read_file(path, SECRET_MAX, &text, NULL);
	if (r < 0) {
		problem(p, conf_file(node), conf_line(node), key, "%s cannot be read: %s%s", path, strerror(-r),
			r == -EACCES ? ": it must belong to the notifier's user: chown beadle-notify" : "");
		return NULL;
	}
	text[strcspn(text, "\r\n")] = 0;
	return text;
}

static void read_mail(const struct conf_node *map, struct mail *mail, struct problems *p)
{
	static const char *const securities[] = {"starttls", "tls", "none", NULL};
	static const int64_t ports[] = {587, 465, 25};

	if (!map)
		return;
	conf_need(map, "server", p);
	conf_string(map, "server", NULL, &mail->server, p);
	conf_choice(map, "security", securities, CHANNEL_STARTTLS, &mail->security, p);
	conf_int(map, "port", ports[mail->security], 1, 65535, &mail->port, p);
	conf_string(map, "user", NULL, &mail->user, p);
	conf_string(map, "ca", NULL, &mail->ca, p);
	conf_need(map, "from", p);
	conf_string(map, "from", NULL, &mail->from, p);
	mail->password = read_secret(map, "password-file", p);
	if (mail->from && !text_mail_address(mail->from))
		problem(p, conf_file(map), conf_line(conf_get(map, "from")), "from", "\"%s\": expected an address such as "
			"beadle@school.example", mail->from);
	if (mail->server && !mail->server[strcspn(mail->server, "/@?# \t\r\n")])
		;
	else if (mail->server)
		problem(p, conf_file(map), conf_line(conf_get(map, "server")), "server", "\"%s\": expected a host name", mail->server);
	if (mail->user && mail->security == CHANNEL_NONE)
		problem(p, conf_file(map), conf_line(conf_get(map, "user")), "user", "a password is not sent over an open line: "
			"set security to starttls or tls");
	conf_done(map, p);
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
	conf_string(map, "url", "", &hook->url, p);
	conf_string(map, "ca", NULL, &hook->ca, p);
	hook->header = read_secret(map, "header-file", p);
	if (*hook->url && strncmp(hook->url, "https://", 8))
		problem(p, conf_file(map), conf_line(conf_get(map, "url")), "url", "\"%s\": expected https://...", hook->url);
	conf_done(map, p);
}

void channels_read(const struct conf_node *root, struct channels *ret, struct problems *p)
{
	const struct conf_node *notify = conf_map(root, "notify", p), *hooks;

	*ret = (struct channels){.retry_min = 60 * NS_PER_S, .retry_max = 3600 * NS_PER_S, .give_up = 5 * 86400 * NS_PER_S};
	if (!notify)
		return;
	read_mail(conf_map(notify, "mail", p), &ret->mail, p);
	hooks = conf_map(notify, "webhooks", p);
	for (size_t i = 0; i < conf_count(hooks); i++)
		read_webhook(conf_at(hooks, i), ret, p);
	/* A thirtieth to ten times of the default, never off (SECURITY, limits). */
	conf_duration(notify, "retry-min", ret->retry_min, 2 * NS_PER_S, 600 * NS_PER_S, &ret->retry_min, p);
	conf_duration(notify, "retry-max", ret->retry_max, 120 * NS_PER_S, 36000 * NS_PER_S, &ret->retry_max, p);
	conf_duration(notify, "give-up", ret->give_up, 4 * 3600 * NS_PER_S, 50 * 86400 * NS_PER_S, &ret->give_up, p);
	conf_done(notify, p);
}

void channels_clear(struct channels *c)
{
	if (c->mail.password)
		explicit_bzero(c->mail.password, strlen(c->mail.password));
	free(c->mail.password);
	for (size_t i = 0; i < c->webhooks.n; i++) {
		if (c->webhooks.at[i].header)
			explicit_bzero(c->webhooks.at[i].header, strlen(c->webhooks.at[i].header));
		free(c->webhooks.at[i].header);
	}
	vec_free(&c->webhooks);
}

const struct webhook *channels_webhook(const struct channels *c, const char *name)
{
	for (size_t i = 0; i < c->webhooks.n; i++)
		if (!strcmp(c->webhooks.at[i].name, name))
			return &c->webhooks.at[i];
	return NULL;
}
