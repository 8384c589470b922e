/* daemon.c - from the words of time daemons to one struct. */
#define _GNU_SOURCE
#include "plugins/clock/daemon.h"
#include "plugins/clock/sntp.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BILLION INT64_C(1000000000)
#define SECONDS_MAX (INT64_MAX / BILLION)

static void copy(char *to, size_t room, const char *from, size_t n)
{
	snprintf(to, room, "%.*s", (int)(n < room ? n : room - 1), from);
}

/* ---- chrony: 14 fields with commas: id, source, stratum, time of the last update, ..., leap status ---- */

static const char *comma_field(const char *line, int i, size_t *ret_n)
{
	for (; i > 0 && line; i--) {
		line = strchr(line, ',');
		line = line ? line + 1 : NULL;
	}
	if (line)
		*ret_n = strcspn(line, ",\n");
	return line;
}

int daemon_parse_chrony(const char *text, struct daemon_state *ret)
{
	size_t id_n, source_n, at_n, leap_n;
	const char *id = comma_field(text, 0, &id_n), *source = comma_field(text, 1, &source_n),
		   *at = comma_field(text, 3, &at_n), *leap = comma_field(text, 13, &leap_n);
	int64_t seconds = 0;

	*ret = (struct daemon_state){.name = "chrony"};
	if (!leap || id_n != 8 || sscanf(at, "%" SCNd64, &seconds) != 1)
		return -ENODATA;
	ret->synchronised = strncmp(leap, "Not synchronised", leap_n) != 0;
	copy(ret->source, sizeof(ret->source), source, source_n);
	if (ret->synchronised && source_n == 0 && strncmp(id, "7F7F0101", 8) == 0)
		strcpy(ret->source, "local clock");	/* it serves its own clock: nothing is synchronised */
	else if (seconds > 0 && seconds < SECONDS_MAX)
		ret->synced_at = seconds * BILLION;
	return 0;
}

/* ---- ntpd: "name=value, ..." of the system's variables, then a table with '*' before the selected peer ---- */

static const char *variable(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *s = text; (s = strstr(s, name)); s += n)
		if (s[n] == '=' && (s == text || strchr(" ,\n", s[-1])))
			return s + n + 1;
	return NULL;
}

int daemon_parse_ntpd(const char *text, struct daemon_state *ret)
{
	const char *leap = variable(text, "leap"), *reftime = variable(text, "reftime"),
		   *refid = variable(text, "refid"), *peer = strstr(text, "\n*");
	uint32_t seconds, fraction;

	*ret = (struct daemon_state){.name = "ntpd"};
	if (!leap || !reftime || sscanf(reftime, "%8" SCNx32 ".%8" SCNx32, &seconds, &fraction) != 2)
		return -ENODATA;
	ret->synchronised = strncmp(leap, "3", 1) != 0 && strncmp(leap, "11", 2) != 0;
	if (peer)
		copy(ret->source, sizeof(ret->source), peer + 2, strcspn(peer + 2, " \t\n"));
	else if (refid && ret->synchronised)
		copy(ret->source, sizeof(ret->source), refid, strcspn(refid, ", \n"));
	if (seconds) {
		/* the era that is nearest to now */
		struct timespec now;
		int64_t now_ns;
		clock_gettime(CLOCK_REALTIME, &now);
		now_ns = (int64_t)now.tv_sec * BILLION + now.tv_nsec;
		ret->synced_at = now_ns + sntp_difference_ns((uint64_t)seconds << 32 | fraction, sntp_from_ns(now_ns));
	}
	return 0;
}

/* ---- timesyncd: "Name=value" lines; times as "Tue 2026-11-24 02:00:00 UTC" ---- */

static const char *property(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *s = text; s; s = strchr(s, '\n')) {
		s += *s == '\n';
		if (strncmp(s, name, n) == 0 && s[n] == '=')
			return s + n + 1;
	}
	return NULL;
}

static int64_t parse_stamp(const char *s)
{
	struct tm tm = {.tm_isdst = -1};
	char weekday[16], zone[16] = "";
	time_t t;

	if (sscanf(s, "%15s %4d-%2d-%2d %2d:%2d:%2d %15[A-Z0-9+-]", weekday, &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		   &tm.tm_hour, &tm.tm_min, &tm.tm_sec, zone) < 7)
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	t = strcmp(zone, "UTC") == 0 ? timegm(&tm) : mktime(&tm);
	return t > 0 && t < SECONDS_MAX ? (int64_t)t * BILLION : 0;
}

int daemon_parse_timesyncd(const char *text, struct daemon_state *ret)
{
	const char *name = property(text, "ServerName"), *address = property(text, "ServerAddress"),
		   *message = property(text, "NTPMessage"), *stamp = NULL;
	char line[1024];

	*ret = (struct daemon_state){.name = "systemd-timesyncd"};
	if (!property(text, "PollIntervalMinUSec") && !name && !message)
		return -ENODATA;
	if (name)
		copy(ret->source_name, sizeof(ret->source_name), name, strcspn(name, "\n"));
	if (address)
		copy(ret->source, sizeof(ret->source), address, strcspn(address, "\n"));
	if (!message)
		return 0;	/* it runs, and never had an answer */
	copy(line, sizeof(line), message, strcspn(message, "\n"));
	stamp = strstr(line, "DestinationTimestamp=");
	if (stamp)
		ret->synced_at = parse_stamp(stamp + strlen("DestinationTimestamp="));
	ret->synchronised = ret->synced_at > 0 && !strstr(line, "Ignored=yes");
	return 0;
}
