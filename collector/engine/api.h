/*
 * api.h - one query on its way: who asks, what, and where the answer goes. For the api_*.c files alone; a new query is a row in api.c's
 * table and a function in one of them.
 */
#ifndef API_H
#define API_H

#include "authorise.h"
#include "room.h"

/* Who asks. account NULL: over the local socket, where the kernel named the user. */
struct asker {
	struct engine *engine;
	struct pipe *pipe;
	uint64_t query;
	const char *name;		/* of the person: for the record */
	const struct account *account;
	unsigned roles;
	bool local, console;		/* console: root at the local socket (room.h) */
	bool stale;			/* no act for 30 minutes: may only look (W5) */
	const char *session, *from;
	const char *origin;		/* whose tries and jobs these are: the address, of IPv6 its /64; NULL: the console's */
};

/* An answer that takes a while: remembers where it goes until it is given or the peer is gone. Embed it first. */
struct asked {
	struct asked *prev, *next;
	struct engine *engine;
	struct pipe *pipe;		/* NULL: gone */
	uint64_t query;
	char by[64], from[64];		/* who asks, and from where: for the record */
	uint64_t number;		/* of the question to the signer that it waits for; 0: of none */
	/* Its answer, NULL when the signer has ended: takes it out of the list (api_answer_later) and frees it. */
	void (*signed_)(struct asked *, const Rooms__Signed *);
};

void api_answer(const struct asker *, unsigned status, json_t *body);				/* takes body */
void api_refuse(const struct asker *, unsigned status, const char *code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void api_later(struct asked *, const struct asker *);						/* begin */
void api_answer_later(struct asked *, unsigned status, json_t *body);				/* and end; the caller frees */
void api_answer_text(struct asked *, unsigned status, char *json);				/* the same; takes json */
void api_refuse_later(struct asked *, unsigned status, const char *code, const char *text);
bool api_must_prove(const struct asker *);	/* logged in with a role that needs a second factor, and without one */
bool api_is_console(const struct asker *, const char *what);	/* else refused: `what` ("a backup is made") by root alone */
bool api_put_out(struct asked *, const struct job *);	/* true: the job was refused, and that is the answer; the caller frees */

/* signing.c: asks the signer for who is in the list already. False: there is no signer now. */
bool signing_ask_on(struct asked *, Rooms__Sign *, void (*signed_)(struct asked *, const Rooms__Signed *));
/* asks the signer for a person, who waits. Takes `asked` (NULL: there was no memory for it); refuses by itself. */
void signing_ask_for(const struct asker *, struct asked *, Rooms__Sign *, void (*signed_)(struct asked *, const Rooms__Signed *));

/* A question of our own, for which nobody waits; its `signed_` takes it out of the list. False: there is no signer now. */
bool signing_ask_ourselves(struct engine *, struct asked *, Rooms__Sign *);
/* The same when there is nothing to remember beside the answer. signed_ frees what it is given. */
bool signing_ask_plainly(struct engine *, Rooms__Sign *, void (*signed_)(struct asked *, const Rooms__Signed *));

/* Arguments: absent is the default; of another type: refused, false. */
bool api_number(const struct asker *, const json_t *arguments, const char *key, int64_t dflt, int64_t min, int64_t max, int64_t *ret);
bool api_text(const struct asker *, const json_t *arguments, const char *key, const char *dflt, size_t max, const char **ret);
/* "host": a number or a name; refused when there is none such. absent: true and NULL. */
bool api_host(const struct asker *, const json_t *arguments, const struct host **ret);

const char *api_name(size_t i);		/* of each query that is answered; NULL behind the last: for the test of their rights */

/* api_identity.c: whose the name is, or a new one for it (replace: it is taken, and shall be). Refuses by itself: false. */
struct identity_given;
bool api_choose(const struct asker *, const char *host, bool replace, struct identity_given *ret);
/* What the signer does not do is refused, and true; NULL: it has ended. */
bool api_signer_refused(struct asked *, const Rooms__Signed *);

/* api_clock.c: true: the clock is suspect, no certificate is made, and that is the answer. */
bool api_hour_refused(const struct asker *);

typedef void api_handler(const struct asker *, const json_t *arguments);
/* api_view.c */
api_handler api_stream, api_status, api_hosts, api_host_document, api_checks, api_incidents, api_procedure, api_whoami, api_doctor;
/* api_read.c: with the store's reader */
api_handler api_incident, api_history;
/* api_act.c */
api_handler api_ack, api_handle, api_close;
/* api_clock.c */
api_handler api_clock_confirm;
/* api_identity.c */
api_handler api_identity_new, api_identity_list, api_identity_revoke;
/* api_token.c */
api_handler api_token_new, api_token_list, api_token_revoke, api_token_approve;
/* api_authority.c */
api_handler api_authority_show, api_authority_roll, api_authority_finish;
/* renewals.c */
api_handler api_web_certificate;
/* api_person.c */
api_handler api_people, api_person_add, api_person_roles, api_person_disable, api_person_enable, api_person_password, api_person_factor;
/* api_factor.c */
api_handler api_factor_new, api_factor_confirm;
/* api_audit.c */
api_handler api_audit_export;
/* rekey.c */
api_handler api_audit_key;
/* api_backup.c */
api_handler api_backup_begin, api_backup_copy, api_backup_end;
/* api_login.c */
api_handler api_login, api_logout, api_password;

#endif
