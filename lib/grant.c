#include "grant.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include <beadle/plugin.h>

static const char *const kinds[] = {
	[BEADLE_NEED_CAPABILITY] = "capability", [BEADLE_NEED_READ] = "read", [BEADLE_NEED_WRITE] = "write",
	[BEADLE_NEED_PROGRAM] = "program", [BEADLE_NEED_SOCKET] = "socket", [BEADLE_NEED_NET] = "net",
	[BEADLE_NEED_SERVICE] = "service",
};

/* Never SYS_ADMIN, SYS_PTRACE, SYS_MODULE, DAC_OVERRIDE, SETUID or NET_ADMIN: each is root by another name. */
static const struct { const char *name; int bit; } capabilities[] = {
	{"cap_dac_read_search", CAP_DAC_READ_SEARCH},
	{"cap_net_raw", CAP_NET_RAW},
	{"cap_syslog", CAP_SYSLOG},
};

static const char *const descriptors[GRANT_DESCRIPTORS] = {
	[GRANT_FANOTIFY] = "fanotify", [GRANT_FANOTIFY_FILESYSTEM] = "fanotify_filesystem", [GRANT_ICMP] = "icmp", [GRANT_ICMP6] = "icmp6",
};

const char *grant_kind(int kind)
{
	return kind > 0 && (size_t)kind < sizeof(kinds) / sizeof(*kinds) ? kinds[kind] : NULL;
}

char *grant_put(int kind, const char *what, char *buf, size_t room)
{
	snprintf(buf, room, "%s:%s", grant_kind(kind) ? grant_kind(kind) : "none", what);
	return buf;
}

bool grant_is(const char *grant, int kind, const char *what)
{
	const char *name = grant_kind(kind);
	size_t n = name ? strlen(name) : 0;

	return name && strncmp(grant, name, n) == 0 && grant[n] == ':' && strcmp(grant + n + 1, what) == 0;
}

int grant_add(char *list, size_t room, const char *grant)
{
	size_t n = strlen(grant), used = strlen(list);

	if (strchr(grant, '\n'))
		return -EINVAL;
	for (const char *at = list; (at = strstr(at, grant)); at += n)
		if ((at == list || at[-1] == '\n') && at[n] == '\n')
			return 0;
	if (used + n + 2 > room)
		return -ENOSPC;
	memcpy(list + used, grant, n);
	strcpy(list + used + n, "\n");
	return 0;
}

int grant_next(const char **at, char *what, size_t room)
{
	const char *line = *at, *end = strchr(line, '\n'), *colon = end ? memchr(line, ':', (size_t)(end - line)) : NULL;

	if (!end)
		return -1;
	*at = end + 1;
	for (size_t i = 1; colon && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strlen(kinds[i]) == (size_t)(colon - line) && strncmp(kinds[i], line, (size_t)(colon - line)) == 0 &&
		    (size_t)(end - colon) <= room) {
			snprintf(what, room, "%.*s", (int)(end - colon - 1), colon + 1);
			return (int)i;
		}
	return 0;
}

bool grant_extra(const char *grant)
{
	return strncmp(grant, "read:/", 6) == 0 || strncmp(grant, "write:/", 7) == 0 || strncmp(grant, "program:/", 9) == 0;
}

uint64_t grant_capability(const char *name)
{
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(*capabilities); i++)
		if (strcmp(capabilities[i].name, name) == 0)
			return UINT64_C(1) << capabilities[i].bit;
	return 0;
}

uint64_t grant_capabilities(void)
{
	uint64_t all = 0;

	for (size_t i = 0; i < sizeof(capabilities) / sizeof(*capabilities); i++)
		all |= UINT64_C(1) << capabilities[i].bit;
	return all;
}

int grant_descriptor(const char *name)
{
	for (int i = 0; i < GRANT_DESCRIPTORS; i++)
		if (strcmp(descriptors[i], name) == 0)
			return i;
	return -1;
}

const char *grant_descriptor_name(unsigned which)
{
	return which < GRANT_DESCRIPTORS ? descriptors[which] : NULL;
}

bool grant_service(const char *name)
{
	return strcmp(name, "procscan") == 0 || grant_descriptor(name) >= 0;
}
