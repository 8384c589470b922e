/* channels_mail.c - the mail server and how often it is tried, which watch.yaml has as well; and secrets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "channels.h"
#include "clock.h"
#include "io.h"
#include "text.h"

#define SECRET_MAX 4096

char *channels_secret(const struct conf_node *map, const char *key, const char *user, struct problems *p)
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
		problem(p, conf_file(node), conf_line(node), key, "%s cannot be read: %s%s%s", path, strerror(-r),
			r == -EACCES ? ": it must belong to the user who sends: chown " : "", r == -EACCES ? user : "");
		return NULL;
	}
	text[strcspn(text, "\r\n")] = 0;
	return text;
}

static void read_mail(const struct conf_node *map, const char *user, struct mail *mail, struct problems *p)
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
	mail->password = channels_secret(map, "password-file", user, p);
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

void channels_read_mail(const struct conf_node *map, const char *user, struct channels *ret, struct problems *p)
{
	*ret = (struct channels){.retry_min = 60 * NS_PER_S, .retry_max = 3600 * NS_PER_S, .give_up = 5 * 86400 * NS_PER_S};
	read_mail(conf_map(map, "mail", p), user, &ret->mail, p);
	/* A thirtieth to ten times of the default, never off (SECURITY, limits). */
	conf_duration(map, "retry-min", ret->retry_min, 2 * NS_PER_S, 600 * NS_PER_S, &ret->retry_min, p);
	conf_duration(map, "retry-max", ret->retry_max, 120 * NS_PER_S, 36000 * NS_PER_S, &ret->retry_max, p);
	conf_duration(map, "give-up", ret->give_up, 4 * 3600 * NS_PER_S, 50 * 86400 * NS_PER_S, &ret->give_up, p);
}
