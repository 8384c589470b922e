/* dates.c - see dates.h */
#define _GNU_SOURCE
#include "plugins/antivirus/dates.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

/* Reads `form` over `s`: each letter of "DMYhms" a digit of that number (a blank may stand for a leading zero), 'b'
 * three letters of the month, 'w' any letter, anything else itself. */
static int scan(const char *s, const char *form, struct tm *ret)
{
	static const char keys[] = "DMYhms", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int n[6] = {1, 1, 1970, 0, 0, 0};
	bool begun[6] = {0};

	for (; *form; form++, s++) {
		const char *key = strchr(keys, *form), *month;
		ptrdiff_t i = key ? key - keys : 0;

		if (key) {
			if ((*s < '0' || *s > '9') && (*s != ' ' || begun[i]))
				return -EINVAL;
			n[i] = (begun[i] ? n[i] * 10 : 0) + (*s == ' ' ? 0 : *s - '0');
			begun[i] = true;
		} else if (*form == 'b') {
			char name[4] = {s[0], s[0] ? s[1] : '\0', s[0] && s[1] ? s[2] : '\0', '\0'};

			month = strlen(name) == 3 ? strstr(months, name) : NULL;
			if (!month || (month - months) % 3)
				return -EINVAL;
			n[1] = (int)(month - months) / 3 + 1;
			s += 2;
		} else if (*form == 'w' ? !((*s | 0x20) >= 'a' && (*s | 0x20) <= 'z') : *s != *form) {
			return -EINVAL;
		}
	}
	if (n[0] < 1 || n[0] > 31 || n[1] < 1 || n[1] > 12 || n[2] < 1970 || n[3] > 23 || n[4] > 59 || n[5] > 60)
		return -EINVAL;
	*ret = (struct tm){.tm_mday = n[0], .tm_mon = n[1] - 1, .tm_year = n[2] - 1900, .tm_hour = n[3], .tm_min = n[4],
			   .tm_sec = n[5], .tm_isdst = -1};
	return 0;
}

static int local(const char *s, const char *form, int64_t *ret)
{
	struct tm tm;
	int error = scan(s, form, &tm);

	if (!error)
		*ret = mktime(&tm);
	return error;
}

int dates_ctime(const char *s, int64_t *ret)
{
	return local(s, "www b DD hh:mm:ss YYYY", ret);
}

int dates_scan(const char *s, int64_t *ret)
{
	return local(s, "YYYY:MM:DD hh:mm:ss", ret);
}

int dates_cvd(const char *s, int64_t *ret)
{
	static const char form[] = "DD b YYYY hh-mm ";
	struct tm tm, zone;
	int64_t east;
	const char *sign;

	if (scan(s, form, &tm) < 0)
		return -EINVAL;
	sign = s + strlen("04 Nov 2025 08-30 ");
	if ((*sign != '+' && *sign != '-') || scan(sign + 1, "hhmm", &zone) < 0)
		return -EINVAL;
	east = zone.tm_hour * 3600 + zone.tm_min * 60;
	*ret = timegm(&tm) - (*sign == '-' ? -east : east);
	return 0;
}
