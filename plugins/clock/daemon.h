/*
 * daemon.h - what the programs that keep a machine's time say of themselves: chrony, ntpd (NTPsec, classic),
 * systemd-timesyncd. Parsers of what their own commands print; no I/O.
 */
#ifndef DAEMON_H
#define DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct daemon_state {
	const char *name;		/* "chrony", "ntpd", "systemd-timesyncd" */
	char source[256];		/* selected: address, or name of a clock; "" when none is */
	char source_name[256];		/* where the daemon knows it by name */
	bool synchronised;		/* by what the daemon thinks */
	int64_t synced_at;		/* wall clock, ns; 0: never, or unknown */
};

/* Each returns 0, or -ENODATA when the text is not the answer of such a daemon that runs. */
int daemon_parse_chrony(const char *tracking, struct daemon_state *ret);	/* chronyc -c -n tracking */
int daemon_parse_ntpd(const char *text, struct daemon_state *ret);		/* ntpq -n -c rv -c peers */
int daemon_parse_timesyncd(const char *text, struct daemon_state *ret);		/* timedatectl show-timesync --all */

#endif
