/* document.h - looking into the collector's JSON documents: what is missing reads as "-" or 0, so that the answer of a
 * newer or older collector prints. */
#ifndef DOCUMENT_H
#define DOCUMENT_H

#include <jansson.h>

static inline const char *document_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "-";
}

static inline long long document_number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

#endif
