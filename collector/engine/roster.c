#include "roster.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "identity.h"
#include "record.h"

struct roster { struct identity_given *all; };

struct roster *roster_new(void)
{
	return calloc(1, sizeof(struct roster));
}

void roster_free(struct roster *r)
{
	struct identity_given *i, *next;

	if (!r)
		return;
	HASH_ITER(hh, r->all, i, next) {
		HASH_DEL(r->all, i);
		free(i);
	}
	free(r);
}

const struct identity_given *roster_get(const struct roster *r, const char *uuid)
{
	struct identity_given *i;

	HASH_FIND_STR(r->all, uuid, i);
	return i;
}

const struct identity_given *roster_find(const struct roster *r, const char *name)
{
	const struct identity_given *over = NULL;

	for (const struct identity_given *i = r->all; i; i = i->hh.next) {
		if (strcmp(i->host, name) && strcmp(i->uuid, name))
			continue;
		if (!i->revoked)
			return i;
		over = i;
	}
	return over;
}

const struct identity_given *roster_next(const struct roster *r, const struct identity_given *before)
{
	return before ? before->hh.next : r->all;
}

static int put(struct roster *r, const struct identity_given *given)
{
	struct identity_given *i;
	UT_hash_handle hh;

	HASH_FIND_STR(r->all, given->uuid, i);
	if (!i) {
		i = calloc(1, sizeof(*i));
		if (!i)
			return -ENOMEM;
		strcpy(i->uuid, given->uuid);
		HASH_ADD_STR(r->all, uuid, i);
	}
	hh = i->hh;
	*i = *given;
	i->hh = hh;
	return 0;
}

static json_t *told(const struct identity_given *i)
{
	return i ? json_pack("{s:s, s:I, s:I, s:I}", "host", i->host, "generation", (json_int_t)i->generation, "not_after_at",
			     (json_int_t)i->not_after, "revoked_at", (json_int_t)i->revoked) : NULL;
}

int roster_set(struct roster *r, const struct identity_given *given, const struct deed *deed, struct store_change *change)
{
	json_t *before = told(roster_get(r, given->uuid));
	json_t *o = json_pack("{s:I, s:I, s:I, s:I, s:s}", "issued", (json_int_t)given->issued, "not_after", (json_int_t)given->not_after,
			      "generation", (json_int_t)given->generation, "revoked", (json_int_t)given->revoked, "authority", given->authority);
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	int e = text ? put(r, given) : -ENOMEM;

	if (e == 0) {
		const struct change_row row = change_given_name(change, given->uuid, given->host, text);

		record(change, deed, given->uuid, &row, before, told(given));
	} else
		json_decref(before);
	free(text);
	json_decref(o);
	return e;
}

int roster_load(struct roster *r, const char *uuid, const char *name, const char *json)
{
	struct identity_given given = {0};
	json_t *o = json_loads(json, 0, NULL);

	snprintf(given.uuid, sizeof(given.uuid), "%s", uuid);
	snprintf(given.host, sizeof(given.host), "%s", name);
	given.issued = json_integer_value(json_object_get(o, "issued"));
	given.not_after = json_integer_value(json_object_get(o, "not_after"));
	given.generation = (uint32_t)json_integer_value(json_object_get(o, "generation"));
	given.revoked = json_integer_value(json_object_get(o, "revoked"));
	if (json_is_string(json_object_get(o, "authority")))
		snprintf(given.authority, sizeof(given.authority), "%s", json_string_value(json_object_get(o, "authority")));
	json_decref(o);
	return put(r, &given);
}

X509 *roster_certificate(const ProtobufCBinaryData *der, struct identity_given *given)
{
	const unsigned char *p = der->data;
	X509 *cert = d2i_X509(NULL, &p, (long)der->len);
	struct identity id;
	struct tm tm;

	if (!cert || identity_of(cert, &id) < 0 || ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1) {
		X509_free(cert);
		return NULL;
	}
	given->issued = clock_wall();
	given->not_after = (int64_t)timegm(&tm) * NS_PER_S;
	given->generation = id.generation;
	authority_of(cert, given->authority);
	return cert;
}
