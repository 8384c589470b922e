/* api.c - a query from its arrival to its answer: who asks (authorise.c says whether they may), refusals, and the live stream. */
#include "api.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "clock.h"
#include "log.h"

#define ARGUMENTS_MAX (64u * 1024)

/* Who may is authorise.c's to say: a query without a row there is refused. */
static const struct query { const char *name; api_handler *run; } queries[] = {
	{"login", api_login}, {"logout", api_logout}, {"whoami", api_whoami}, {"password.change", api_password},
	{"factor.new", api_factor_new}, {"factor.confirm", api_factor_confirm}, {"stream", api_stream},
	{"status", api_status}, {"hosts", api_hosts}, {"host", api_host_document}, {"checks", api_checks},
	{"incidents", api_incidents}, {"incident", api_incident}, {"history", api_history}, {"procedure", api_procedure},
	{"incident.ack", api_ack}, {"incident.handle", api_handle}, {"incident.close", api_close},
	{"person.list", api_people}, {"person.add", api_person_add}, {"person.roles", api_person_roles},
	{"person.disable", api_person_disable}, {"person.enable", api_person_enable}, {"person.password", api_person_password},
	{"person.factor", api_person_factor},
	{"identity.new", api_identity_new}, {"identity.list", api_identity_list}, {"identity.revoke", api_identity_revoke},
	{"token.new", api_token_new}, {"token.list", api_token_list}, {"token.revoke", api_token_revoke},
	{"token.approve", api_token_approve},
	{"web.certificate", api_web_certificate}, {"doctor", api_doctor},
	{"audit.export", api_audit_export}, {"audit.key", api_audit_key}, {"clock.confirm", api_clock_confirm},
	{"authority.show", api_authority_show}, {"authority.roll", api_authority_roll}, {"authority.finish", api_authority_finish},
	{"backup.begin", api_backup_begin}, {"backup.copy", api_backup_copy}, {"backup.end", api_backup_end},
};

const char *api_name(size_t i)
{
	return i < sizeof(queries) / sizeof(queries[0]) ? queries[i].name : NULL;
}

/* ---- answers ---- */

void api_answer(const struct asker *a, unsigned status, json_t *body)
{
	replies_send(a->engine, a->pipe, a->query, status, body);
}

static json_t *error_body(const char *code, const char *text)
{
	return json_pack("{s:{s:s, s:o}}", "error", "code", code, "message", document_bytes(text));
}

void api_refuse(const struct asker *a, unsigned status, const char *code, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	replies_send(a->engine, a->pipe, a->query, status, error_body(code, text));
}

void api_later(struct asked *later, const struct asker *a)
{
	later->engine = a->engine;
	later->pipe = a->pipe;
	later->query = a->query;
	snprintf(later->by, sizeof(later->by), "%s", a->name ? a->name : "");
	snprintf(later->from, sizeof(later->from), "%s", a->from);
	DL_APPEND(a->engine->asked, later);
}

void api_answer_later(struct asked *later, unsigned status, json_t *body)
{
	DL_DELETE(later->engine->asked, later);
	if (later->pipe)
		replies_send(later->engine, later->pipe, later->query, status, body);
	else
		json_decref(body);
}

void api_answer_text(struct asked *later, unsigned status, char *json)
{
	DL_DELETE(later->engine->asked, later);
	if (later->pipe)
		replies_send_text(later->engine, later->pipe, later->query, status, json);
	else
		free(json);
}

void api_refuse_later(struct asked *later, unsigned status, const char *code, const char *text)
{
	api_answer_later(later, status, error_body(code, text));
}

bool api_is_console(const struct asker *a, const char *what)
{
	if (!a->console)
		api_refuse(a, 403, "not_allowed", "%s by root alone, on the collector itself", what);
	return a->console;
}

bool api_put_out(struct asked *later, const struct job *job)
{
	if (job->refused)
		api_refuse_later(later, 429, "too_many", "too much was asked at once: try again in a moment");
	return job->refused;
}

void api_pipe_gone(struct engine *e, const struct pipe *pipe)
{
	struct asked *a;

	replies_pipe_gone(e, pipe);
	DL_FOREACH(e->asked, a)
		if (a->pipe == pipe)
			a->pipe = NULL;
}

/* ---- arguments ---- */

bool api_number(const struct asker *a, const json_t *arguments, const char *key, int64_t dflt, int64_t min, int64_t max, int64_t *ret)
{
	const json_t *value = json_object_get(arguments, key);

	*ret = value ? json_integer_value(value) : dflt;
	if ((!value || json_is_integer(value)) && *ret >= min && *ret <= max)
		return true;
	api_refuse(a, 400, "bad_request", "%s: expected a whole number from %lld to %lld", key, (long long)min, (long long)max);
	return false;
}

bool api_text(const struct asker *a, const json_t *arguments, const char *key, const char *dflt, size_t max, const char **ret)
{
	const json_t *value = json_object_get(arguments, key);

	*ret = value ? json_string_value(value) : dflt;
	/* json_string_length counts a NUL in the middle, strlen does not: such text is refused with the rest */
	if (*ret && strlen(*ret) <= max && (!value || json_string_length(value) == strlen(*ret)))
		return true;
	if (!value && !dflt)
		api_refuse(a, 400, "bad_request", "%s is missing", key);
	else
		api_refuse(a, 400, "bad_request", "%s: expected a text of at most %zu bytes", key, max);
	return false;
}

bool api_host(const struct asker *a, const json_t *arguments, const struct host **ret)
{
	const json_t *value = json_object_get(arguments, "host");
	const struct registry *r = &a->engine->registry;

	*ret = NULL;
	if (!value)
		return true;
	if (json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) < UINT32_MAX)
		*ret = registry_get_host(r, (uint32_t)json_integer_value(value));
	else if (json_is_string(value))
		*ret = registry_find_host(r, json_string_value(value));
	if (!*ret)
		api_refuse(a, 404, "not_found", "no such host");
	return *ret != NULL;
}

/* ---- questions ---- */

/* Whoever has one IPv6 address has all of its first 64 bits. */
static void name_origin(const char *from, char ret[INET6_ADDRSTRLEN])
{
	struct in6_addr six;

	if (inet_pton(AF_INET6, from, &six) == 1 && !IN6_IS_ADDR_V4MAPPED(&six)) {
		memset(six.s6_addr + 8, 0, 8);
		inet_ntop(AF_INET6, &six, ret, INET6_ADDRSTRLEN);
	} else
		snprintf(ret, INET6_ADDRSTRLEN, "%s", from);
}

/* Who is it: by the session, or by what the kernel said of the local socket's other end. Refuses by itself. */
static bool recognise(struct asker *a, const struct local_user *local)
{
	if (local) {
		const struct account *account = accounts_get(a->engine->accounts, local->name);

		a->name = local->name;
		a->local = true;
		a->console = local->console;
		a->from = a->origin = "local";
		if (a->console)
			a->origin = NULL;
		a->roles = local->console ? ROLE_ADMINISTRATOR : account ? account->roles : ROLE_VIEWER;
		if (local->console || !account || !account->disabled)
			return true;
		api_refuse(a, 403, "not_allowed", "the account %s is disabled", local->name);
		return false;
	}
	a->account = accounts_session(a->engine->accounts, a->session, clock_boot(), &a->stale);
	if (a->account) {
		a->name = a->account->name;
		a->roles = a->account->roles;
	}
	return true;
}

bool api_must_prove(const struct asker *a)
{
	return a->account && !a->account->has_factor && (a->roles & ROLES_STRONG) && a->engine->its.site->second_factor;
}

static bool admit(struct asker *a, const char *query, const struct local_user *local)
{
	const struct right *right = authorise_find(query);
	struct who who;

	if (!recognise(a, local))
		return false;
	who = (struct who){.roles = a->roles, .known = a->account || local, .local = local, .must_change = a->account && a->account->must_change,
			   .must_prove = api_must_prove(a)};
	switch (right ? authorise(right, &who) : NOT_YOURS) {
	case ALLOWED:
		if (right->kind != RIGHT_ACT)
			return true;
		if (a->account && a->stale) {
			api_refuse(a, 403, "confirm", "nothing was done here for 30 minutes: log in again to change something");
			return false;
		}
		accounts_acted(a->engine->accounts, a->session, clock_boot());
		return true;
	case NOT_LOCAL:
		api_refuse(a, 403, "not_allowed", "only on the collector itself, with the command beadle");
		break;
	case LOG_IN:
		api_refuse(a, 401, "log_in", "log in first");
		break;
	case MUST_CHANGE:
		api_refuse(a, 403, "must_change", "change the one-time password first");
		break;
	case MUST_PROVE:
		api_refuse(a, 403, "must_prove", "roles that change or sign need a second factor: set one up first");
		break;
	default:
		if (local && !local->console && !accounts_get(a->engine->accounts, local->name))
			api_refuse(a, 403, "not_allowed", "%s has no account here and may only look: an account of the same name is needed",
				   local->name);
		else
			api_refuse(a, 403, "not_allowed", "the roles of this account do not allow that");
	}
	return false;
}

void api_query(struct engine *e, struct pipe *pipe, const Rooms__Query *query, const struct local_user *local)
{
	char origin[INET6_ADDRSTRLEN];
	struct asker a = {.engine = e, .pipe = pipe, .query = query->id, .session = query->session, .from = query->from, .origin = origin};
	const struct query *q = NULL;
	json_t *arguments = NULL;

	name_origin(query->from, origin);
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]) && !q; i++)
		if (!strcmp(queries[i].name, query->name))
			q = &queries[i];
	if (!q) {
		api_refuse(&a, 404, "not_found", "no such query");
		return;
	}
	if (!admit(&a, q->name, local))
		return;
	if (query->arguments.len == 0)
		arguments = json_object();
	else if (query->arguments.len <= ARGUMENTS_MAX)
		arguments = json_loadb((const char *)query->arguments.data, query->arguments.len, JSON_REJECT_DUPLICATES, NULL);
	e->from = a.from;
	if (json_is_object(arguments))
		q->run(&a, arguments);
	else
		api_refuse(&a, 400, "bad_request", "the arguments are not one JSON object of at most 64 KiB");
	e->from = NULL;
	json_decref(arguments);
	engine_flush(e);
}

/* ---- the live stream ---- */

void api_push(struct engine *e, const char *topic, json_t *body)
{
	Rooms__Message m = ROOMS__MESSAGE__INIT;
	Rooms__Push push = ROOMS__PUSH__INIT;
	char *text = e->web && body ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	if (!text)
		return;
	push.id = ++e->pushed;
	push.topic = (char *)topic;
	push.body = (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
	m.message_case = ROOMS__MESSAGE__MESSAGE_PUSH;
	m.push = &push;
	pipe_send(e->web, &m);
	free(text);
}
