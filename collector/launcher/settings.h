/*
 * settings.h - the little that the launcher must know of collector.yaml. It parses nothing: beadle-setup does, and hands this up, which is
 * looked at like what comes from a stranger.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <netinet/in.h>
#include <stddef.h>

#define SETTINGS_HOSTS 16
#define SETTINGS_FD 3		/* where beadle-setup leaves them */

struct settings {
	char state[256];
	char school[64], name[64];
	char hosts[SETTINGS_HOSTS][256];	/* what the dashboard is called */
	size_t hosts_n;
	struct sockaddr_storage agents, enrolment, web;
};

/* Runs `beadle-setup --config FILE COMMAND` for at most two minutes. 0; -EINVAL: it has told the mistakes; or -errno, logged. */
int settings_ask(const char *file, const char *command, struct settings *ret);

/* What in them cannot be, or NULL. */
const char *settings_wrong(const struct settings *);

#endif
