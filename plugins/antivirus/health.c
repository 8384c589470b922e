/* health.c - see health.h */
#define _GNU_SOURCE
#include "plugins/antivirus/health.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* Newer releases wrap what a policy may set: {"source": "managed", "value": true}. */
static const json_t *plain(const json_t *root, const char *key)
{
	const json_t *item = json_object_get(root, key);
	const json_t *value = json_object_get(item, "value");

	return value ? value : item;
}

static void copy(const json_t *root, const char *key, char *buf, size_t room)
{
	const char *text = json_string_value(plain(root, key));

	snprintf(buf, room, "%s", text ? text : "");
}

/* In minutes, or as a date in milliseconds, written as a number or as a string of digits. */
static int64_t age(const json_t *root, int64_t now)
{
	const json_t *minutes = plain(root, "definitionsUpdatedMinutesAgo"), *date = plain(root, "definitionsUpdated");
	int64_t ms;

	if (json_is_integer(minutes) && json_integer_value(minutes) >= 0 &&
	    json_integer_value(minutes) < INT64_MAX / 60)
		return json_integer_value(minutes) * 60;
	if (json_is_string(date))
		ms = strtoll(json_string_value(date), NULL, 10);
	else
		ms = json_integer_value(date);	/* 0 of anything else */
	if (ms <= 0)
		return -1;
	return ms / 1000 < now ? now - ms / 1000 : 0;
}

int health_parse(const char *text, size_t size, int64_t now, struct health *ret)
{
	json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	const json_t *realtime = plain(root, "realTimeProtectionEnabled");

	if (!json_is_object(root) || !json_is_boolean(realtime)) {
		json_decref(root);
		return -EBADMSG;
	}
	ret->realtime = json_is_true(realtime);
	ret->updated = age(root, now);
	copy(root, "engineVersion", ret->engine, sizeof(ret->engine));
	copy(root, "definitionsVersion", ret->definitions, sizeof(ret->definitions));
	json_decref(root);
	return 0;
}
