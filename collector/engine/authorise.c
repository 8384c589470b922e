#include "authorise.h"

#include <string.h>

#define HANDS (ROLE_OPERATOR | ROLE_ADMINISTRATOR)

static const struct right rights[] = {
	{"login", 0, RIGHT_OPEN, false},
	{"web.certificate", 0, RIGHT_OPEN, false},	/* by the dashboard's process, which no browser can make ask it (renewals.c) */
	{"logout", 0, RIGHT_OWN, false},
	{"whoami", 0, RIGHT_OWN, false},
	{"password.change", 0, RIGHT_OWN, false},
	{"factor.new", 0, RIGHT_OWN, false},
	{"factor.confirm", 0, RIGHT_OWN, false},

	{"stream", ROLES_ALL, RIGHT_LOOK, false},
	{"status", ROLES_ALL, RIGHT_LOOK, false},
	{"hosts", ROLES_ALL, RIGHT_LOOK, false},
	{"host", ROLES_ALL, RIGHT_LOOK, false},
	{"checks", ROLES_ALL, RIGHT_LOOK, false},
	{"incidents", ROLES_ALL, RIGHT_LOOK, false},
	{"incident", ROLES_ALL, RIGHT_LOOK, false},
	{"history", ROLES_ALL, RIGHT_LOOK, false},
	{"procedure", ROLES_ALL, RIGHT_LOOK, false},
	{"doctor", ROLES_ALL, RIGHT_LOOK, true},

	{"audit.export", ROLE_ADMINISTRATOR | ROLE_AUDITOR | ROLE_SUPERVISOR | ROLE_OFFICER, RIGHT_LOOK, true},
	{"incident.ack", HANDS, RIGHT_ACT, false},
	{"incident.handle", HANDS, RIGHT_ACT, false},
	{"incident.close", HANDS | ROLE_SUPERVISOR, RIGHT_ACT, false},
	{"clock.confirm", ROLE_ADMINISTRATOR, RIGHT_ACT, false},
	{"person.list", ROLE_ADMINISTRATOR | ROLE_AUDITOR | ROLE_OFFICER, RIGHT_LOOK, false},
	{"person.add", ROLE_ADMINISTRATOR, RIGHT_ACT, false},
	{"person.roles", ROLE_ADMINISTRATOR, RIGHT_ACT, false},
	{"person.disable", ROLE_ADMINISTRATOR, RIGHT_ACT, false},
	{"person.enable", ROLE_ADMINISTRATOR, RIGHT_ACT, false},
	{"person.password", ROLE_ADMINISTRATOR, RIGHT_ACT, false},
	{"person.factor", ROLE_ADMINISTRATOR, RIGHT_ACT, false},
	{"identity.new", ROLE_ADMINISTRATOR, RIGHT_ACT, true},
	{"identity.list", ROLE_ADMINISTRATOR | ROLE_AUDITOR | ROLE_OFFICER, RIGHT_LOOK, false},
	{"identity.revoke", ROLE_ADMINISTRATOR | ROLE_OFFICER, RIGHT_ACT, false},
	{"token.new", ROLE_ADMINISTRATOR, RIGHT_ACT, true},
	{"token.list", ROLE_ADMINISTRATOR | ROLE_AUDITOR | ROLE_OFFICER, RIGHT_LOOK, true},
	{"token.revoke", ROLE_ADMINISTRATOR | ROLE_OFFICER, RIGHT_ACT, true},
	{"token.approve", ROLE_ADMINISTRATOR, RIGHT_ACT, true},
	{"authority.show", ROLE_ADMINISTRATOR | ROLE_AUDITOR | ROLE_OFFICER, RIGHT_LOOK, true},
	{"authority.roll", ROLE_ADMINISTRATOR, RIGHT_ACT, true},	/* and of these the console alone (api_authority.c, rekey.c, api_backup.c) */
	{"authority.finish", ROLE_ADMINISTRATOR, RIGHT_ACT, true},
	{"audit.key", ROLE_ADMINISTRATOR, RIGHT_ACT, true},
	{"backup.begin", ROLE_ADMINISTRATOR, RIGHT_ACT, true},
	{"backup.copy", ROLE_ADMINISTRATOR, RIGHT_ACT, true},
	{"backup.end", ROLE_ADMINISTRATOR, RIGHT_ACT, true},
};

static const struct { const char *name; unsigned role; } roles[] = {
	{"viewer", ROLE_VIEWER}, {"operator", ROLE_OPERATOR}, {"administrator", ROLE_ADMINISTRATOR}, {"auditor", ROLE_AUDITOR},
	{"supervisor", ROLE_SUPERVISOR}, {"security_officer", ROLE_OFFICER},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const struct right *authorise_find(const char *query)
{
	for (size_t i = 0; i < COUNT(rights); i++)
		if (!strcmp(rights[i].query, query))
			return &rights[i];
	return NULL;
}

const struct right *authorise_each(const struct right *before)
{
	const struct right *next = before ? before + 1 : rights;

	return next < rights + COUNT(rights) ? next : NULL;
}

enum verdict authorise(const struct right *r, const struct who *w)
{
	if (r->local && !w->local)
		return NOT_LOCAL;
	if (r->kind == RIGHT_OPEN)
		return ALLOWED;
	if (!w->known)
		return LOG_IN;
	if (r->kind == RIGHT_OWN)
		return ALLOWED;
	if (w->must_change)
		return MUST_CHANGE;
	if (w->must_prove)
		return MUST_PROVE;
	return w->roles & r->roles ? ALLOWED : NOT_YOURS;
}

bool authorise_another(const char *who, const char *whose)
{
	return strcmp(who, whose) != 0;
}

unsigned authorise_role(const char *name)
{
	for (size_t i = 0; i < COUNT(roles); i++)
		if (!strcmp(roles[i].name, name))
			return roles[i].role;
	return 0;
}

unsigned authorise_roles_parse(const json_t *names)
{
	unsigned all = 0;
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name) {
		unsigned role = json_is_string(name) ? authorise_role(json_string_value(name)) : 0;

		if (!role)
			return 0;
		all |= role;
	}
	return all;
}

json_t *authorise_roles(unsigned held)
{
	json_t *list = json_array();

	for (size_t i = 0; i < COUNT(roles); i++)
		if (held & roles[i].role)
			json_array_append_new(list, json_string(roles[i].name));
	return list;
}

const char *authorise_together(unsigned held)
{
	if ((held & ROLE_AUDITOR) && (held & ROLES_STRONG))
		return "an auditor holds no role that changes or signs (5.7.4): give the review to another person";
	return NULL;
}
