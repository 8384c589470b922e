#include "routes.h"

#include <stddef.h>
#include <string.h>

static const struct route routes[] = {
	{"/api/v1/checks", "checks", ROUTE_READ},
	{"/api/v1/clock/confirm", "clock.confirm", ROUTE_ACT},
	{"/api/v1/factor/confirm", "factor.confirm", ROUTE_ACT},
	{"/api/v1/factor/new", "factor.new", ROUTE_ACT},
	{"/api/v1/history", "history", ROUTE_READ},
	{"/api/v1/host", "host", ROUTE_READ},
	{"/api/v1/hosts", "hosts", ROUTE_READ},
	{"/api/v1/identities", "identity.list", ROUTE_READ},
	{"/api/v1/identity/revoke", "identity.revoke", ROUTE_ACT},
	{"/api/v1/incident", "incident", ROUTE_READ},
	{"/api/v1/incident/ack", "incident.ack", ROUTE_ACT},
	{"/api/v1/incident/close", "incident.close", ROUTE_ACT},
	{"/api/v1/incident/handle", "incident.handle", ROUTE_ACT},
	{"/api/v1/incidents", "incidents", ROUTE_READ},
	{"/api/v1/login", "login", ROUTE_LOG_IN},
	{"/api/v1/logout", "logout", ROUTE_LOG_OUT},
	{"/api/v1/password", "password.change", ROUTE_ACT},
	{"/api/v1/people", "person.list", ROUTE_READ},
	{"/api/v1/person/add", "person.add", ROUTE_ACT},
	{"/api/v1/person/disable", "person.disable", ROUTE_ACT},
	{"/api/v1/person/enable", "person.enable", ROUTE_ACT},
	{"/api/v1/person/factor", "person.factor", ROUTE_ACT},
	{"/api/v1/person/password", "person.password", ROUTE_ACT},
	{"/api/v1/person/roles", "person.roles", ROUTE_ACT},
	{"/api/v1/procedure", "procedure", ROUTE_READ},
	{"/api/v1/status", "status", ROUTE_READ},
	{"/api/v1/stream", "stream", ROUTE_STREAM},
	{"/api/v1/whoami", "whoami", ROUTE_READ},
};

const struct route *route_find(const char *path)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++)
		if (!strcmp(routes[i].path, path))
			return &routes[i];
	return NULL;
}
