/*
 * channels.h - the item notify: of collector.yaml: the mail server, the webhooks, and who outside hears that we live. The mail server also
 * of watch.yaml.
 *
 *   notify:
 *     mail: {server: mail.school.example, port: 587, security: starttls, user: beadle, password-file: /etc/beadle/mail.password,
 *            from: beadle@school.example, ca: /etc/ssl/certs/school.pem}
 *     webhooks: {chat: {url: "https://chat.school.example/hook", header-file: /etc/beadle/chat.header, ca: ...}}
 *     heartbeat: {url: "https://alarm.example/ping/...", method: get, header-file: ..., ca: ..., every: 5min}, or {mail: ADDRESS, every: 1h}
 */
#ifndef CHANNELS_H
#define CHANNELS_H

#include <stdint.h>

#include "conf.h"
#include "vec.h"

enum channel_security { CHANNEL_STARTTLS, CHANNEL_TLS, CHANNEL_NONE };

struct mail { const char *server, *user, *from, *ca; char *password; int64_t port; int security; };
struct webhook { const char *name, *url, *ca; char *header; };
struct heartbeat { struct webhook hook; const char *mail; int64_t every; int post; };	/* url or mail, not both; every 0: none */

struct channels {
	struct mail mail;			/* server NULL: no mail */
	VEC(struct webhook) webhooks;
	struct heartbeat heartbeat;
	int64_t retry_min, retry_max, give_up;	/* ns */
};

/* Texts belong to the conf. Secrets are read from their files, which must not be readable by others. */
void channels_read(const struct conf_node *root, struct channels *ret, struct problems *);
/* The same of a map with mail: and the times of sending alone. user: who reads the secrets, for the mend. */
void channels_read_mail(const struct conf_node *map, const char *user, struct channels *ret, struct problems *);
/* The first line of the file that the member names; nobody else can read it. NULL: none is named, or a problem. */
char *channels_secret(const struct conf_node *map, const char *key, const char *user, struct problems *);
void channels_clear(struct channels *);		/* wipes what is secret */

const struct webhook *channels_webhook(const struct channels *, const char *name);

#endif
