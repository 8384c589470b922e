/*
 * log.h - one line per matter, to stderr; under systemd with its priority prefix. Whoever knows the context logs, once;
 * libraries return errors and do not log. Bytes that came from outside are escaped by the logger: a line stays a line.
 */
#ifndef LOG_H
#define LOG_H

enum log_level { LOG_ERROR = 3, LOG_WARNING = 4, LOG_NOTICE = 5, LOG_INFO = 6, LOG_DEBUG = 7 };

/* Program's name in each line ("agent: core"); must outlive the process. Level from BEADLE_LOG (error..debug), default info. */
void log_open(const char *program);
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

/* In a signal handler: a warning, as it is, without a time. */
void log_in_signal(const char *text, unsigned number);

/* For tests: lines go to `sink` instead of stderr; NULL restores. */
void log_capture(void (*sink)(enum log_level, const char *line, void *arg), void *arg);

#endif
