#include "settings.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "installed.h"
#include "text.h"

#define USER "beadle-watch"

/* One text or a list of them, each of which must be good. */
static void take_texts(const struct conf_node *root, const char *key, bool (*good)(const char *), const char *expected, struct texts *ret,
		       struct problems *p)
{
	const struct conf_node *node = conf_need(root, key, p);
	bool many = node && conf_type(node) == CONF_LIST;

	for (size_t i = 0; node && i < (many ? conf_count(node) : 1); i++) {
		const struct conf_node *n = many ? conf_at(node, i) : node;
		const char *text = conf_value(n), **place;

		if (!text || !good(text))
			problem(p, conf_file(n), conf_line(n), key, "\"%.100s\": expected %s", text ? text : "...", expected);
		else if ((place = vec_push(&ret->list)))
			*place = text;
	}
	if (node && many && !conf_count(node))
		problem(p, conf_file(node), conf_line(node), key, "the list is empty");
}

static void take_path(const struct conf_node *root, const char *key, const char *dflt, const char **ret, struct problems *p)
{
	conf_string(root, key, dflt, ret, p);
	if (**ret != '/')
		problem(p, conf_file(root), conf_line(conf_get(root, key)), key, "\"%.100s\": expected an absolute path", *ret);
}

void settings_read(const struct conf_node *root, struct settings *ret, struct problems *p)
{
	static const char *const languages[] = {"zh-TW", "en", NULL};
	int language;

	*ret = (struct settings){0};
	take_texts(root, "collector", text_address, "HOST:PORT", &ret->collectors, p);
	take_texts(root, "to", text_mail_address, "an address such as chen@school.example", &ret->to, p);
	take_path(root, "state", LOCALSTATEDIR "/lib/beadle/watch", &ret->state, p);
	if (!conf_get(root, "identity") && asprintf(&ret->kept, "%s/identity", ret->state) < 0)
		ret->kept = NULL;
	ret->identity = ret->kept;
	if (!ret->kept)
		take_path(root, "identity", "/", &ret->identity, p);
	conf_choice(root, "language", languages, 0, &language, p);
	ret->chinese = language == 0;
	conf_duration(root, "every", 30 * NS_PER_S, NS_PER_S, 300 * NS_PER_S, &ret->every, p);
	conf_duration(root, "for", 300 * NS_PER_S, 2 * NS_PER_S, 86400 * NS_PER_S, &ret->patience, p);
	conf_duration(root, "again", 86400 * NS_PER_S, 60 * NS_PER_S, 7 * 86400 * NS_PER_S, &ret->again, p);
	channels_read_mail(root, USER, &ret->channels, p);
	conf_need(root, "mail", p);
	conf_done(root, p);
}

void settings_clear(struct settings *s)
{
	vec_free(&s->collectors.list);
	vec_free(&s->to.list);
	channels_clear(&s->channels);
	free(s->kept);
	s->kept = NULL;
}
