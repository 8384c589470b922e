#include "json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct json { json_t *object; bool bad; };

struct json *json_open(void)
{
	struct json *j = calloc(1, sizeof(*j));

	if (j)
		j->object = json_object();
	return j;
}

static json_t *typed(const char *value)
{
	size_t n = strlen(value);

	if (!strcmp(value, "true") || !strcmp(value, "false"))
		return json_boolean(value[0] == 't');
	if (n > 0 && n <= 19 && strspn(value, "0123456789") == n && (value[0] != '0' || n == 1) &&
	    (n < 19 || strcmp(value, "9223372036854775807") <= 0))
		return json_integer(strtoll(value, NULL, 10));
	return json_string(value);
}

bool json_add(struct json *j, const char *name, const char *value)
{
	if (json_object_set_new(j->object, name, typed(value)) < 0)
		j->bad = true;
	return !j->bad;
}

char *json_close(struct json *j)
{
	char *text = j->bad ? NULL : json_dumps(j->object, JSON_COMPACT);

	json_decref(j->object);
	free(j);
	return text;
}

char *json_text(const char *text, size_t n, const char *name)
{
	json_t *o = json_loadb(text, n, 0, NULL);
	const char *value = json_string_value(json_object_get(o, name));
	char *copy = value ? strdup(value) : NULL;

	json_decref(o);
	return copy;
}

bool json_object_text(const char *text, size_t n)
{
	json_t *o = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	bool is = json_is_object(o);

	json_decref(o);
	return is;
}

char *json_take_session(const char *text, size_t n, char **ret_session)
{
	json_t *o = json_loadb(text, n, 0, NULL);
	const char *session = json_string_value(json_object_get(o, "session"));
	char *rest = NULL;

	*ret_session = session ? strdup(session) : NULL;
	json_object_del(o, "session");
	if (json_is_object(o))
		rest = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return rest;
}
