/* kernel.c - text of the kernel to numbers. */
#include "plugins/system/kernel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int kernel_read(const char *root, const char *name, char *buffer, size_t room)
{
	char path[4096];
	size_t n = 0;
	ssize_t got = 1;
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", root, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	while (n < room - 1 && (got = read(fd, buffer + n, room - 1 - n)) > 0)
		n += (size_t)got;
	got = got < 0 ? -errno : 0;
	close(fd);
	if (got < 0)
		return (int)got;
	if (n > 0 && buffer[n - 1] == '\n')
		n--;
	buffer[n] = '\0';
	return 0;
}

static int no_dots(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

void kernel_each(const char *folder, void (*fn)(const char *folder, const char *name, void *arg), void *arg)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, no_dots, alphasort);

	for (int i = 0; i < n; i++) {
		fn(folder, entries[i]->d_name, arg);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

int kernel_number(const char *root, const char *name, int64_t *ret)
{
	char text[64], *end;
	int error = kernel_read(root, name, text, sizeof(text));
	int64_t n;

	if (error)
		return error;
	errno = 0;
	n = strtoll(text, &end, 0);
	if (end == text || errno)
		return -EBADMSG;
	*ret = n;
	return 0;
}

static const char *line_of(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (strncmp(text, name, n) == 0)
			return text + n;
	}
	return NULL;
}

int kernel_cpu(const char *text, struct kernel_cpu *ret)
{
	uint64_t t[8] = {0}; /* user nice system idle iowait irq softirq steal; guests are in user and nice already */
	struct kernel_cpu cpu = {0};
	const char *all = line_of(text, "cpu ");

	if (!all ||
	    sscanf(all, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
		   &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) < 4)
		return -EBADMSG;
	for (int i = 0; i < 8; i++)
		cpu.total += t[i];
	cpu.idle = t[3];
	cpu.wait = t[4];
	cpu.steal = t[7];
	for (const char *s = text; (s = strstr(s, "\ncpu")); s++)
		cpu.processors += s[4] >= '0' && s[4] <= '9';
	*ret = cpu;
	return 0;
}

static double grown(uint64_t before, uint64_t after)
{
	return after > before ? (double)(after - before) : 0;	/* waiting for disks is known to step back */
}

bool kernel_cpu_share(const struct kernel_cpu *before, const struct kernel_cpu *after, struct kernel_cpu_share *ret)
{
	double total = grown(before->total, after->total), idle = grown(before->idle, after->idle);
	double wait = grown(before->wait, after->wait), used = total - idle - wait;

	if (total <= 0 || after->idle < before->idle)
		return false;
	ret->used = used > 0 ? used / total : 0;
	ret->wait = wait < total ? wait / total : 1;
	ret->steal = grown(before->steal, after->steal) / total;
	return true;
}

int kernel_field(const char *text, const char *name, uint64_t *ret)
{
	const char *value = line_of(text, name);

	return value && sscanf(value, " %" SCNu64, ret) == 1 ? 0 : -ENODATA;
}

static uint64_t kibibytes(const char *text, const char *name)
{
	uint64_t n = 0;

	kernel_field(text, name, &n);
	return n * 1024;
}

int kernel_memory(const char *text, struct kernel_memory *ret)
{
	struct kernel_memory m = {
		.total = kibibytes(text, "MemTotal:"), .available = kibibytes(text, "MemAvailable:"),
		.free = kibibytes(text, "MemFree:"), .cached = kibibytes(text, "Cached:") + kibibytes(text, "Buffers:"),
		.swap_total = kibibytes(text, "SwapTotal:"), .swap_free = kibibytes(text, "SwapFree:"),
	};

	if (m.total == 0)
		return -EBADMSG;
	if (!line_of(text, "MemAvailable:"))	/* before Linux 3.14, and in some containers */
		m.available = m.free + m.cached;
	m.available = m.available > m.total ? m.total : m.available;
	m.swap_free = m.swap_free > m.swap_total ? m.swap_total : m.swap_free;
	*ret = m;
	return 0;
}

/* "0.52", whatever the locale calls a decimal point. */
static bool decimal(const char **text, double *ret)
{
	uint64_t whole, fraction = 0;
	int n = 0, digits = 0;
	double scale = 1;

	if (sscanf(*text, "%" SCNu64 "%n", &whole, &n) != 1)
		return false;
	*text += n;
	if (**text == '.')
		for (++*text; **text >= '0' && **text <= '9'; ++*text) {
			if (digits++ >= 9)
				continue;
			fraction = fraction * 10 + (uint64_t)(**text - '0');
			scale *= 10;
		}
	*ret = (double)whole + (double)fraction / scale;
	return true;
}

int kernel_load(const char *text, struct kernel_load *ret)
{
	struct kernel_load load = {0};

	for (int i = 0; i < 3; i++)
		if (!decimal(&text, &load.average[i]))
			return -EBADMSG;
	if (sscanf(text, " %*u/%" SCNu64, &load.tasks) != 1)
		return -EBADMSG;
	*ret = load;
	return 0;
}

int kernel_pressure(const char *text, const char *kind, double *ret)
{
	const char *line = line_of(text, kind), *value = line ? strstr(line, "avg60=") : NULL;
	double percent;

	if (!value)
		return -ENODATA;
	value += strlen("avg60=");
	if (!decimal(&value, &percent))
		return -EBADMSG;
	*ret = percent / 100;
	return 0;
}
