/*
 * logs.h - what ClamAV writes into logs: freshclam's last success, the summary of the last scan, and detections.
 * Texts are the log's bytes, ended by NUL, and may begin in the middle of a line.
 */
#ifndef LOGS_H
#define LOGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scan {
	int64_t ended;		/* seconds since 1970; 0: the summary does not say */
	uint64_t infected;
	size_t begins;		/* offset in the text where the scan's own lines begin */
};

/* When the last update process began that found every database current or brought it up to date. Returns 0 or
 * -ENODATA. */
int logs_last_update(const char *text, int64_t *ret);

/* The last summary of clamscan or clamdscan that is complete. Returns 0 or -ENODATA. */
int logs_last_scan(const char *text, struct scan *ret);

/* Takes a detection; false: no more now, this one is to be handed in again. */
typedef bool logs_found(const char *file, const char *signature, void *arg);

/* Calls `found` for each whole line "FILE: SIGNATURE FOUND", dated or not. Returns the bytes of whole lines that were
 * taken. */
size_t logs_detections(const char *text, size_t size, logs_found *found, void *arg);
#endif
