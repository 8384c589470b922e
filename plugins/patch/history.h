/* history.h - when packages were last upgraded. */
#ifndef HISTORY_H
#define HISTORY_H

#include <stdint.h>

/* From dpkg.log (and dpkg.log.1) below the folder; when they know of no upgrade, the first date in them: since then
 * there was none. Seconds since 1970. Returns 0, -ENODATA or -errno. */
int history_dpkg(const char *log_folder, int64_t *ret);

/* One line, "2026-11-24 02:00:00 upgrade ...": its date in local time, or 0. */
int64_t history_date(const char *line);
#endif
