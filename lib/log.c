#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

#define LINE_MAX_BYTES 2048

static const char *name = "beadle";
static enum log_level limit = LOG_INFO;
static bool journal;
static void (*captured)(enum log_level, const char *, void *);
static void *captured_arg;

void log_open(const char *program)
{
	static const char *const levels[] = {"error", "warning", "notice", "info", "debug"};
	const char *wanted = getenv("BEADLE_LOG");

	name = program;
	journal = getenv("JOURNAL_STREAM") != NULL;
	for (int i = 0; wanted && i < 5; i++)
		if (!strcmp(wanted, levels[i]))
			limit = LOG_ERROR + i;
}

void log_capture(void (*sink)(enum log_level, const char *, void *), void *arg)
{
	captured = sink;
	captured_arg = arg;
}

/* The journal stamps by itself; a person at a terminal wants the time. */
static size_t stamp(char *buf, size_t room, enum log_level level)
{
	static const char *const words[] = {"error: ", "warning: ", "", "", "debug: "};
	struct timespec t;
	struct tm tm;
	int n;

	if (journal)
		n = snprintf(buf, room, "<%d>%s: ", level, name);
	else {
		clock_gettime(CLOCK_REALTIME, &t);
		localtime_r(&t.tv_sec, &tm);
		n = snprintf(buf, room, "%02d:%02d:%02d.%03ld %s: %s", tm.tm_hour, tm.tm_min, tm.tm_sec,
			     t.tv_nsec / 1000000, name, words[level - LOG_ERROR]);
	}
	return n < 0 ? 0 : (size_t)n >= room ? room - 1 : (size_t)n;
}

void log_line(enum log_level level, const char *format, ...)
{
	char raw[LINE_MAX_BYTES], line[LINE_MAX_BYTES + 128];
	size_t head = 0;
	va_list ap;
	int n;

	if (level > limit && !captured)
		return;
	va_start(ap, format);
	n = vsnprintf(raw, sizeof(raw), format, ap);
	va_end(ap);
	if (n < 0)
		return;
	if (!captured)
		head = stamp(line, 128, level);
	text_escape(raw, (size_t)n < sizeof(raw) ? (size_t)n : sizeof(raw) - 1, line + head, sizeof(line) - head - 1);
	if (captured) {
		captured(level, line, captured_arg);
		return;
	}
	head = strlen(line);
	line[head++] = '\n';
	/* One write, so that lines of several processes do not mix; nobody is left to tell of its failure. */
	if (write(STDERR_FILENO, line, head) < 0)
		return;
}

void log_in_signal(const char *text, unsigned number)
{
	char digits[12], *at = digits + sizeof(digits) - 1;
	const char *priority = journal ? "<4>" : "";
	struct iovec parts[5] = {{(void *)priority, strlen(priority)}, {(void *)name, strlen(name)}, {(void *)": ", 2}};

	*at = '\n';
	do
		*--at = (char)('0' + number % 10);
	while (number /= 10);
	parts[3] = (struct iovec){(void *)text, strlen(text)};
	parts[4] = (struct iovec){at, (size_t)(digits + sizeof(digits) - at)};
	if (writev(STDERR_FILENO, parts, 5) < 0)
		return;
}
