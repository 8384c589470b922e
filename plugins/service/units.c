/* units.c - see units.h */
#include "plugins/service/units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>

#include "plugins/service/free.h"

#define SYSTEMD "org.freedesktop.systemd1"
#define MANAGER "/org/freedesktop/systemd1", SYSTEMD ".Manager"
#define UNIT SYSTEMD ".Unit"
#define TIMEOUT_US 5000000

struct units { sd_bus *bus; };

static void bus_error_free(sd_bus_error *e)
{
	sd_bus_error_free(e);
}

#define MESSAGE CLEANUP(sd_bus_message_unrefp) sd_bus_message *
#define ERROR CLEANUP(bus_error_free) sd_bus_error

bool units_booted(void)
{
	return sd_booted() > 0;
}

int units_open(const char *bus, struct units **ret)
{
	struct units *u = calloc(1, sizeof(*u));
	char address[256];
	int r;

	if (!u)
		return -ENOMEM;
	snprintf(address, sizeof(address), "unix:path=%s", bus);
	r = sd_bus_new(&u->bus);
	if (r >= 0)
		r = sd_bus_set_address(u->bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(u->bus, true);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(u->bus, TIMEOUT_US);
	if (r >= 0)
		r = sd_bus_start(u->bus);
	if (r < 0) {
		units_close(u);
		return r;
	}
	*ret = u;
	return 0;
}

void units_close(struct units *u)
{
	if (!u)
		return;
	sd_bus_flush_close_unref(u->bus);
	free(u);
}

static enum unit_state state_of(const char *load, const char *active)
{
	static const struct { const char *name; enum unit_state state; } table[] = {
		{"active", UNIT_ACTIVE}, {"reloading", UNIT_ACTIVE}, {"refreshing", UNIT_ACTIVE},
		{"activating", UNIT_STARTING}, {"maintenance", UNIT_STARTING}, {"deactivating", UNIT_STOPPING},
		{"failed", UNIT_FAILED},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(active, table[i].name))
			return table[i].state;
	if (!strcmp(load, "not-found") || !strcmp(load, "bad-setting") || !strcmp(load, "error"))
		return UNIT_MISSING;
	return UNIT_INACTIVE;
}

static int get_string(struct units *u, const char *path, const char *interface, const char *name, char *buf,
		      size_t room)
{
	ERROR error = SD_BUS_ERROR_NULL;
	FREE char *text = NULL;
	int r = sd_bus_get_property_string(u->bus, SYSTEMD, path, interface, name, &error, &text);

	if (r >= 0)
		snprintf(buf, room, "%s", text);
	return r;
}

/* True when a list property of the unit names one that is active. */
static int any_active(struct units *u, const char *path, const char *property, bool *ret)
{
	ERROR error = SD_BUS_ERROR_NULL;
	char **names = NULL, state[32] = "";
	int r = sd_bus_get_property_strv(u->bus, SYSTEMD, path, UNIT, property, &error, &names);

	*ret = false;
	for (size_t i = 0; r >= 0 && names && names[i]; i++) {
		FREE char *other = NULL;

		r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", names[i], &other);
		if (r >= 0)
			r = get_string(u, other, UNIT, "ActiveState", state, sizeof(state));
		if (r >= 0 && !strcmp(state, "active"))
			*ret = true;
	}
	for (size_t i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
	return r < 0 ? r : 0;
}

static int get_service(struct units *u, const char *path, struct unit *ret, char *result, size_t room)
{
	ERROR error = SD_BUS_ERROR_NULL;
	int r = get_string(u, path, SYSTEMD ".Service", "Result", result, room);

	if (r >= 0)
		r = sd_bus_get_property_trivial(u->bus, SYSTEMD, path, SYSTEMD ".Service", "NRestarts", &error, 'u',
						&ret->restarts);
	ret->has_restarts = r >= 0;
	return r < 0 ? r : 0;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

int units_get(struct units *u, const char *name, struct unit *ret)
{
	char load[32] = "", active[32] = "", sub[32] = "", file[32] = "", result[32] = "";
	FREE char *path = NULL;
	struct unit unit = {0};
	int r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", name, &path);

	if (r >= 0)
		r = get_string(u, path, UNIT, "LoadState", load, sizeof(load));
	if (r >= 0)
		r = get_string(u, path, UNIT, "ActiveState", active, sizeof(active));
	if (r >= 0)
		r = get_string(u, path, UNIT, "SubState", sub, sizeof(sub));
	if (r >= 0)
		r = get_string(u, path, UNIT, "UnitFileState", file, sizeof(file));
	if (r < 0)
		return r;
	unit.state = state_of(load, active);
	if (unit.state != UNIT_MISSING && ends_with(name, ".service"))
		r = get_service(u, path, &unit, result, sizeof(result));
	if (r < 0)
		return r;
	snprintf(unit.detail, sizeof(unit.detail), "%s (%s)%s%s%s%s", unit.state == UNIT_MISSING ? load : active, sub,
		 *file ? ", " : "", file, *result ? ", last result " : "", result);
	*ret = unit;
	return 0;
}

/* An enabled unit that does not run is in order when its work is done (oneshot), when its condition did not hold, when
 * it waits for what triggers it, or when nothing that wants it is active. */
static int is_dead(struct units *u, const char *path, const char *name, bool *ret)
{
	ERROR error = SD_BUS_ERROR_NULL;
	char type[32] = "", result[32] = "";
	bool wanted = false, required = false, triggered = false;
	uint64_t tried = 0;
	int condition = 0, r;

	*ret = false;
	if (ends_with(name, ".service")) {
		r = get_string(u, path, SYSTEMD ".Service", "Type", type, sizeof(type));
		if (r >= 0)
			r = get_string(u, path, SYSTEMD ".Service", "Result", result, sizeof(result));
		if (r < 0)
			return r;
	}
	r = sd_bus_get_property_trivial(u->bus, SYSTEMD, path, UNIT, "ConditionResult", &error, 'b', &condition);
	if (r >= 0)
		r = sd_bus_get_property_trivial(u->bus, SYSTEMD, path, UNIT, "ConditionTimestamp", &error, 't', &tried);
	if (r < 0 || (tried && !condition) || (tried && !strcmp(type, "oneshot") && !strcmp(result, "success")))
		return r < 0 ? r : 0;
	r = any_active(u, path, "TriggeredBy", &triggered);
	if (r >= 0)
		r = any_active(u, path, "WantedBy", &wanted);
	if (r >= 0)
		r = any_active(u, path, "RequiredBy", &required);
	*ret = !triggered && (wanted || required);
	return r;
}

/* The loaded units that do not run. What an active target wants is loaded, so nothing that is enabled is missing; to
 * have systemd list the enabled unit files instead costs it 0.4 s of CPU each time. */
static int list_inactive(struct units *u, sd_bus_message **ret)
{
	ERROR error = SD_BUS_ERROR_NULL;
	MESSAGE ask = NULL;
	int r = sd_bus_message_new_method_call(u->bus, &ask, SYSTEMD, MANAGER, "ListUnitsByPatterns");

	if (r >= 0)
		r = sd_bus_message_append(ask, "asas", 2, "inactive", "failed", 4, "*.service", "*.socket", "*.timer",
					  "*.path");
	if (r >= 0)
		r = sd_bus_call(u->bus, ask, 0, &error, ret);
	if (r >= 0)
		r = sd_bus_message_enter_container(*ret, 'a', "(ssssssouso)");
	return r < 0 ? r : 0;
}

static int is_enabled(struct units *u, const char *path, bool *ret)
{
	char file[32] = "";
	int r = get_string(u, path, UNIT, "UnitFileState", file, sizeof(file));

	*ret = !strcmp(file, "enabled") || !strcmp(file, "enabled-runtime");
	return r;
}

int units_enabled_dead(struct units *u, void (*found)(const char *name, void *arg), void *arg)
{
	MESSAGE list = NULL;
	const char *name, *load, *active, *path;
	int r = list_inactive(u, &list);

	while (r >= 0 && (r = sd_bus_message_read(list, "(ssssssouso)", &name, NULL, &load, &active, NULL, NULL,
						  &path, NULL, NULL, NULL)) > 0) {
		bool dead = false;

		if (strcmp(load, "loaded") != 0)
			continue;
		r = is_enabled(u, path, &dead);
		if (r >= 0 && dead && state_of(load, active) != UNIT_FAILED)
			r = is_dead(u, path, name, &dead);
		if (r >= 0 && dead)
			found(name, arg);
	}
	return r < 0 ? r : 0;
}
