/* cvd.c - see cvd.h */
#define _GNU_SOURCE
#include "plugins/antivirus/cvd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "plugins/antivirus/dates.h"

#define MAGIC "ClamAV-VDB:"
#define FIELDS 8
enum { BUILT, VERSION, SIGNATURES, LEVEL, MD5, SIGNATURE, BUILDER, SECONDS };

/* Digits alone, up to `max`; blanks at the end are padding. */
static int number(const char *s, int64_t max, int64_t *ret)
{
	int64_t n = 0;

	if (*s < '0' || *s > '9')
		return -EBADMSG;
	for (; *s >= '0' && *s <= '9'; s++) {
		n = n * 10 + (*s - '0');
		if (n > max)
			return -EBADMSG;
	}
	s += strspn(s, " ");
	if (*s)
		return -EBADMSG;
	*ret = n;
	return 0;
}

static size_t split(char *text, const char *field[FIELDS])
{
	size_t n = 0;

	while (n < FIELDS) {
		field[n++] = text;
		text = strchr(text, ':');
		if (!text)
			break;
		*text++ = '\0';
	}
	return n;
}

int cvd_parse(const void *header, size_t size, struct cvd *ret)
{
	char text[CVD_HEADER + 1];
	const char *field[FIELDS];
	int64_t version, signatures, built;
	size_t n;

	if (size < CVD_HEADER || memcmp(header, MAGIC, strlen(MAGIC)) != 0 || memchr(header, '\0', CVD_HEADER))
		return -EBADMSG;
	memcpy(text, header, CVD_HEADER);
	text[CVD_HEADER] = '\0';
	n = split(text + strlen(MAGIC), field);
	if (n <= SIGNATURES || number(field[VERSION], UINT32_MAX, &version) < 0 ||
	    number(field[SIGNATURES], UINT32_MAX, &signatures) < 0)
		return -EBADMSG;
	/* Old builders left the seconds out. */
	if ((n <= SECONDS || number(field[SECONDS], UINT32_MAX, &built) < 0) && dates_cvd(field[BUILT], &built) < 0)
		return -EBADMSG;
	*ret = (struct cvd){(uint32_t)version, (uint32_t)signatures, built};
	return 0;
}

int cvd_read(int folder, const char *name, struct cvd *ret)
{
	char header[CVD_HEADER];
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = pread(fd, header, sizeof(header), 0);
	if (n < 0)
		n = -errno;
	close(fd);
	return n < 0 ? (int)n : cvd_parse(header, (size_t)n, ret);
}

int cvd_each(const char *folder, void (*found)(const char *name, int error, const struct cvd *, void *arg), void *arg)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		char *dot = strrchr(entry->d_name, '.');
		struct cvd cvd = {0};
		int error;

		if (!dot || (strcmp(dot, ".cvd") != 0 && strcmp(dot, ".cld") != 0 && strcmp(dot, ".cud") != 0))
			continue;
		error = cvd_read(dirfd(dir), entry->d_name, &cvd);
		*dot = '\0';
		found(entry->d_name, error, &cvd, arg);
	}
	closedir(dir);
	return 0;
}
