/*
 * people.h - persons, the roles they hold, the owners of hosts, the journal's witnesses: the items people, roles, hosts and witnesses
 * of collector.yaml.
 *
 *   people: {chen: {name: 陳志明, mail: chen@school.example, language: zh-TW}}
 *   roles:  {computer_room_manager: [lin], ciso: wang}
 *   hosts:  {"web-*": {owner: chen, deputy: lin, groups: [servers]}}      first match counts
 *   witnesses: [lin]                                                      who gets the journal's checkpoint by mail, each day
 */
#ifndef PEOPLE_H
#define PEOPLE_H

#include "lib/conf.h"

#define PEOPLE_OWNER "owner"		/* these two belong to the host, not to roles: */
#define PEOPLE_DEPUTY "deputy"
#define PEOPLE_MANAGER "computer_room_manager"	/* stands in for both (5.1.3) */
#define PEOPLE_A_ROLE 32		/* persons in one role */
#define PEOPLE_ID 64			/* room of a person's short name */

/* mail, webhook (its name in the configuration): NULL where the person is not reached so. */
struct person { const char *id, *name, *mail, *webhook; bool chinese; };
/* owner, deputy: NULL where nobody is named. groups end with NULL. */
struct people_host { const char *pattern; const struct person *owner, *deputy; const char *const *groups; };

struct people;
/* Texts belong to the conf, which outlives the people. Never NULL except without memory; counts only without problems.
 * default_chinese: language of those who state none. */
struct people *people_read(const struct conf_node *root, bool default_chinese, struct problems *);
void people_free(struct people *);
/* Every role that collector.yaml fills must be one of the procedure's, which end with NULL. */
void people_check_roles(const struct people *, const char *const *roles, struct problems *);

const struct person *people_get(const struct people *, const char *id);
const struct people_host *people_host(const struct people *, const char *host);	/* NULL: none matches */
/* The name of a single host under hosts, at or after *at, which then stands behind it. NULL: no more. */
const char *people_host_named(const struct people *, size_t *at);
const struct person *const *people_witnesses(const struct people *, size_t *ret_n);	/* each has a mail address */
/* Who holds the role for this host; at most room. *ret_fallback: the host has no such person, the manager stands in. */
size_t people_of(const struct people *, const char *role, const char *host, const struct person **ret, size_t room,
		 bool *ret_fallback);

#endif
