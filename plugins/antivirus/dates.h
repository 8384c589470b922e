/* dates.h - the dates that ClamAV writes, read without a locale. Those without a zone are local time. Seconds since
 * 1970. */
#ifndef DATES_H
#define DATES_H

#include <stdint.h>

/* Return 0 or -EINVAL. What follows the date is not looked at. */
int dates_ctime(const char *, int64_t *ret);	/* "Tue Nov  4 08:30:00 2025": asctime(3) */
int dates_cvd(const char *, int64_t *ret);	/* "04 Nov 2025 08-30 +0000" */
int dates_scan(const char *, int64_t *ret);	/* "2025:11:04 08:30:00" */
#endif
