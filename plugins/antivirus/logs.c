/* logs.c - see logs.h */
#define _GNU_SOURCE
#include "plugins/antivirus/logs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/antivirus/dates.h"

#define SUMMARY "----------- SCAN SUMMARY -----------"
#define STARTED "ClamAV update process started at "
#define LINE_MAX_BYTES 8192
#define DATE "Tue Nov 24 02:00:00 2026 -> "

static bool next_line(const char **text, char line[LINE_MAX_BYTES])
{
	const char *end = strchrnul(*text, '\n');
	size_t n = (size_t)(end - *text);

	if (!**text)
		return false;
	n = n < LINE_MAX_BYTES - 1 ? n : LINE_MAX_BYTES - 1;
	memcpy(line, *text, n);
	line[n] = '\0';
	*text = *end ? end + 1 : end;
	return true;
}

int logs_last_update(const char *text, int64_t *ret)
{
	char line[LINE_MAX_BYTES], *started;
	int64_t began = 0, last = 0;
	bool good = false, wrong = false;

	while (next_line(&text, line)) {
		started = strstr(line, STARTED);
		if (started) {
			last = good && !wrong ? began : last;
			good = false;
			wrong = dates_ctime(started + strlen(STARTED), &began) < 0;
		}
		good |= strstr(line, " database is up-to-date (version: ") || strstr(line, " updated (version: ");
		wrong |= !strncmp(line, "ERROR: ", 7) || strstr(line, "-> ERROR: ");
	}
	last = good && !wrong ? began : last;
	if (!last)
		return -ENODATA;
	*ret = last;
	return 0;
}

/* From the summary's head to its end; a line that is none of the summary's ends it. */
static bool read_summary(const char *text, struct scan *ret)
{
	static const char infected[] = "Infected files: ", ended[] = "End Date: ", took[] = "Time: ";
	char line[LINE_MAX_BYTES];
	bool complete = false, counted = false;

	next_line(&text, line);
	while (next_line(&text, line) && line[0] != '-' && line[0] != '\0') {
		if (!strncmp(line, infected, strlen(infected)) && line[strlen(infected)] >= '0' &&
		    line[strlen(infected)] <= '9') {
			ret->infected = strtoull(line + strlen(infected), NULL, 10);
			counted = true;
		}
		complete |= !strncmp(line, took, strlen(took));
		if (!strncmp(line, ended, strlen(ended)))
			dates_scan(line + strlen(ended) + strspn(line + strlen(ended), " "), &ret->ended);
	}
	return complete && counted;
}

int logs_last_scan(const char *text, struct scan *ret)
{
	const char *at = text, *head;
	size_t begins = 0;
	int error = -ENODATA;

	while ((head = strstr(at, SUMMARY))) {
		struct scan scan = {.begins = begins};

		if ((head == text || head[-1] == '\n') && read_summary(head, &scan)) {
			*ret = scan;
			error = 0;
			begins = (size_t)(head - text);
		}
		at = head + strlen(SUMMARY);
	}
	return error;
}

/* "FILE: SIGNATURE FOUND": a file's name may hold colons, a signature's neither colon nor blank. */
static bool detection(char *line, logs_found *found, void *arg)
{
	static const char end[] = " FOUND";
	size_t n = strlen(line);
	char *colon = NULL;
	int64_t when;

	if (n < sizeof(end) || strcmp(line + n - strlen(end), end) != 0)
		return true;
	line[n - strlen(end)] = '\0';
	if (strlen(line) > strlen(DATE) && dates_ctime(line, &when) == 0 &&
	    !strncmp(line + strlen(DATE) - 4, " -> ", 4))
		line += strlen(DATE);
	for (char *c = strstr(line, ": "); c; c = strstr(c + 1, ": "))
		colon = c;
	if (!colon || colon == line || !colon[2] || strchr(colon + 2, ' '))
		return true;
	*colon = '\0';
	return found(line, colon + 2, arg);
}

size_t logs_detections(const char *text, size_t size, logs_found *found, void *arg)
{
	char line[LINE_MAX_BYTES];
	const char *at = text, *end;

	while ((end = memchr(at, '\n', size - (size_t)(at - text)))) {
		size_t n = (size_t)(end - at);

		if (n < sizeof(line) && !memchr(at, '\0', n)) {
			memcpy(line, at, n);
			line[n] = '\0';
			if (!detection(line, found, arg))
				break;
		}
		at = end + 1;
	}
	return (size_t)(at - text);
}
