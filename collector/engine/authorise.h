/*
 * authorise.h - the one place where it is decided who may ask what (ACC-01, ACC-02; SECURITY 5.12): web, API and command line all come
 * through here. A query without a row is refused; a test fails for each that api.c answers and that has none. No row lets anybody
 * write the journal.
 */
#ifndef AUTHORISE_H
#define AUTHORISE_H

#include <jansson.h>
#include <stdbool.h>

enum {
	ROLE_VIEWER = 1, ROLE_OPERATOR = 2, ROLE_ADMINISTRATOR = 4, ROLE_AUDITOR = 8, ROLE_SUPERVISOR = 16, ROLE_OFFICER = 32,
	ROLES_ALL = 63,
	ROLES_STRONG = ROLES_ALL & ~(ROLE_VIEWER | ROLE_AUDITOR),	/* those that change or sign */
};

enum right_kind {
	RIGHT_OPEN,		/* nobody is known yet: log-in itself */
	RIGHT_OWN,		/* one's own session, password and second factor */
	RIGHT_LOOK,
	RIGHT_ACT,		/* changes or signs something */
};

struct right {
	const char *query;
	unsigned roles;		/* any of these; not looked at for RIGHT_OPEN and RIGHT_OWN */
	enum right_kind kind;
	bool local;		/* over the local socket alone */
};

/* Who asks. Over the local socket the kernel named the user: root, and whom the collector itself runs as, is the console. */
struct who {
	unsigned roles;
	bool known, local, must_change, must_prove;	/* must_prove: needs a second factor, and has none yet */
};

enum verdict { ALLOWED, LOG_IN, MUST_CHANGE, MUST_PROVE, NOT_LOCAL, NOT_YOURS };

const struct right *authorise_find(const char *query);			/* NULL: no row, nobody may */
const struct right *authorise_each(const struct right *before);		/* NULL: the first; and behind the last */
enum verdict authorise(const struct right *, const struct who *);

/* Whose act needs another's hand: nobody gives himself rights, and nobody approves or reviews what he did (5.1.2). */
bool authorise_another(const char *who, const char *whose);

/* Names of roles, as in doc/api.md. parse: 0 for a word that is none, and for an empty list. The list is the caller's. */
unsigned authorise_role(const char *name);
unsigned authorise_roles_parse(const json_t *names);
json_t *authorise_roles(unsigned roles);
/* NULL, or why one person cannot hold these together: an auditor changes nothing (5.7.4). */
const char *authorise_together(unsigned roles);

#endif
