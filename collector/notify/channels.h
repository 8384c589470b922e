/*
 * channels.h - the item notify: of collector.yaml: the mail server and the webhooks.
 *
 *   notify:
 *     mail: {server: mail.school.example, port: 587, security: starttls, user: beadle, password-file: /etc/beadle/mail.password,
 *            from: beadle@school.example, ca: /etc/ssl/certs/school.pem}
 *     webhooks: {chat: {url: "https://chat.school.example/hook", header-file: /etc/beadle/chat.header, ca: ...}}
 */
#ifndef CHANNELS_H
#define CHANNELS_H

#include <stdint.h>

#include "conf.h"
#include "vec.h"

enum channel_security { CHANNEL_STARTTLS, CHANNEL_TLS, CHANNEL_NONE };

struct mail { const char *server, *user, *from, *ca; char *password; int64_t port; int security; };
struct webhook { const char *name, *url, *ca; char *header; };

struct channels {
	struct mail mail;			/* server NULL: no mail */
	VEC(struct webhook) webhooks;
	int64_t retry_min, retry_max, give_up;	/* ns */
};

/* Texts belong to the conf. Secrets are read from their files, which must not be readable by others. */
void channels_read(const struct conf_node *root, struct channels *ret, struct problems *);
void channels_clear(struct channels *);		/* wipes what is secret */

const struct webhook *channels_webhook(const struct channels *, const char *name);

#endif
