/*
 * plugin.h - all that the author of a check plugin needs.
 *
 * A plugin measures; it never judges. It is one exported constant: a name, tables of options, metrics and
 * needs, and a function that collects. The host (one process per plugin) reads the options, checks them and
 * writes them into the plugin's own state struct before any function of the plugin is called.
 *
 * An ordinary life, for each configured check ("instance") of the plugin:
 *
 *   the host allocates .state_size zeroed bytes and fills in the options
 *   open(ctx, state)         once; may be NULL; also when a configuration is only checked: then it is closed at once
 *   collect(ctx, state)      once a round; calls for one instance never overlap
 *   close(state)             once; may be NULL; also after a failed open
 *
 * All calls come from one thread of a process that holds nothing but this plugin. A call may block: wall
 * time, CPU time, memory and output are the host's to limit. Strings handed to the plugin live until close;
 * strings that the plugin hands over are copied before the call returns. Functions return 0 or -errno.
 *
 * Names (plugin, option, metric, label, fact, event, field) match [a-z][a-z0-9_]*, at most 63 bytes. Values of
 * labels, facts and fields are bytes, at most 4 KiB; what is not UTF-8 is kept and marked as such on screen.
 */
#ifndef BEADLE_PLUGIN_H
#define BEADLE_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Raised when a field is appended. A newer host runs an older plugin; an older host refuses a newer one. */
#define BEADLE_ABI 1

struct beadle_ctx;

/* ---- options: named after the field that they fill, and typed by it ---- */

struct beadle_list;	/* list of strings: walk it with beadle_list_get */
struct beadle_globs;	/* list of shell patterns: "*" alone matches all */
struct beadle_path { const char *name; };			/* absolute path; NULL name when empty */
struct beadle_duration { int64_t ns; };				/* "90s", "15min", "24h", "7d" */
struct beadle_size { uint64_t bytes; };				/* "64KiB", "1GiB", "500MB" */
struct beadle_endpoint { const char *host; uint16_t port; };	/* "time.example:123", "[::1]:80" */

enum beadle_type {
	BEADLE_BOOL = 1, BEADLE_INT, BEADLE_DOUBLE, BEADLE_STRING, BEADLE_DURATION, BEADLE_SIZE,
	BEADLE_PATH, BEADLE_LIST, BEADLE_GLOBS, BEADLE_ENDPOINT,
};

struct beadle_option {
	const char *name;
	const char *dflt;	/* as one would write it in the file, a list with commas; NULL: the option is required */
	const char *help;
	size_t offset;
	enum beadle_type type;
};

#define BEADLE_OPTION(S, field, dflt, help) {#field, dflt, help, offsetof(S, field), _Generic(((S *)0)->field, \
	bool: BEADLE_BOOL, int64_t: BEADLE_INT, double: BEADLE_DOUBLE, const char *: BEADLE_STRING, \
	struct beadle_duration: BEADLE_DURATION, struct beadle_size: BEADLE_SIZE, struct beadle_path: BEADLE_PATH, \
	struct beadle_list *: BEADLE_LIST, struct beadle_globs *: BEADLE_GLOBS, \
	struct beadle_endpoint: BEADLE_ENDPOINT)}

size_t beadle_list_count(const struct beadle_list *);
const char *beadle_list_get(const struct beadle_list *, size_t i);	/* NULL beyond the end */
bool beadle_globs_match(const struct beadle_globs *, const char *name);	/* fnmatch(3); an empty list matches nothing */

/* ---- metrics: beside the code that reports them ---- */

enum beadle_kind {
	BEADLE_GAUGE = 0,	/* goes up and down */
	BEADLE_COUNTER,		/* only grows, until a restart; the collector takes the rate */
	BEADLE_STATE,		/* a small whole number whose meaning .help tells: 0 = no, 1 = yes, ... */
};

struct beadle_metric {
	const char *name;	/* unique in the plugin; by habit PLUGIN_WHAT */
	const char *unit;	/* bytes seconds ratio count boolean celsius per_second: base units only */
	const char *help;
	enum beadle_kind kind;
};

struct beadle_label { const char *name, *value; };

/* ---- declared needs: what the local configuration is asked to grant, each with a reason for the operator ---- */

enum beadle_need_kind {
	BEADLE_NEED_CAPABILITY = 1,	/* "cap_dac_read_search" */
	BEADLE_NEED_READ,		/* path, and all below it; "option:NAME": what that option names */
	BEADLE_NEED_WRITE,
	BEADLE_NEED_PROGRAM,		/* absolute path of a program that is run, or of a folder of such */
	BEADLE_NEED_SOCKET,		/* Unix socket */
	BEADLE_NEED_NET,		/* "udp:123:server": protocol, port (or *), option that names the host */
	BEADLE_NEED_SERVICE,		/* of the launcher: "procscan", or a descriptor: see beadle_descriptor */
};

struct beadle_need { enum beadle_need_kind kind; const char *what, *why; };

/* ---- the plugin ---- */

struct beadle_plugin {
	uint32_t abi;				/* BEADLE_ABI */
	uint32_t size;				/* sizeof(struct beadle_plugin); both are set by BEADLE_PLUGIN */
	const char *name;			/* the same as in BEADLE_PLUGIN */
	const char *version;
	const char *help;
	size_t state_size;
	const struct beadle_option *options;	/* ends with {0}; may be NULL */
	const struct beadle_metric *const *metrics;	/* ends with NULL */
	const struct beadle_need *needs;	/* ends with {0}; may be NULL */
	int (*open)(struct beadle_ctx *, void *state);
	int (*collect)(struct beadle_ctx *, void *state);
	void (*close)(void *state);
	const struct beadle_watch *watch;	/* see <beadle/watch.h>; NULL: only polled */
};

/* BEADLE_PLUGIN(disk, .help = "...", .collect = collect, ...); exports the one symbol that the host looks for. */
#define BEADLE_PLUGIN(id, ...) \
	extern const struct beadle_plugin id##_LTX_beadle_plugin; \
	__attribute__((visibility("default"))) const struct beadle_plugin id##_LTX_beadle_plugin = { \
		.abi = BEADLE_ABI, .size = sizeof(struct beadle_plugin), .name = #id, __VA_ARGS__ }

/* ---- reporting: copies, returns nothing; a value that cannot be kept fails the round as a whole ---- */

/* beadle_put(ctx, &space, bytes, {"mount", dir}, {"state", "used"}); labels may be left out. NaN and infinity are
 * refused. The same metric with the same labels twice in a round: the last one counts. */
#define beadle_put(ctx, metric, value, ...) \
	beadle_put_labels(ctx, metric, value, (const struct beadle_label[]){__VA_ARGS__ __VA_OPT__(,) {NULL, NULL}})
void beadle_put_labels(struct beadle_ctx *, const struct beadle_metric *, double value, const struct beadle_label *);

/* A text that seldom changes: engine version, kernel release. */
#define beadle_fact(ctx, name, value, ...) \
	beadle_fact_labels(ctx, name, value, (const struct beadle_label[]){__VA_ARGS__ __VA_OPT__(,) {NULL, NULL}})
void beadle_fact_labels(struct beadle_ctx *, const char *name, const char *value, const struct beadle_label *);

/* Something happened once: a detection, a changed file. Never dropped before measurements are. */
#define beadle_event(ctx, name, ...) \
	beadle_event_fields(ctx, name, (const struct beadle_label[]){__VA_ARGS__ __VA_OPT__(,) {NULL, NULL}})
void beadle_event_fields(struct beadle_ctx *, const char *name, const struct beadle_label *fields);

/* One source failed (errno, and which) while the rest of the round goes on. */
void beadle_skip(struct beadle_ctx *, int error, const char *what);

/* A line for the operator's log; printf-like; kept to 4 KiB a round. */
void beadle_log(struct beadle_ctx *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- what the host offers ---- */

/* Path of `name` in the instance's private directory, kept across restarts; lives until close. Hand "" for the
 * directory itself. NULL when there is none (a dry run without state): then keep nothing. */
const char *beadle_state_path(struct beadle_ctx *, const char *name);

/* Makes `name` in that directory hold these bytes, for good: whoever reads it finds the old content or the new one, whole, after a
 * power cut too. 0 or -errno; -ENOENT when there is no directory. */
int beadle_state_write(struct beadle_ctx *, const char *name, const void *data, size_t n);

/* In open(): the option's value cannot be used; the text says what was expected. `i`: which member of a list, else 0. The operator
 * reads it with the file and line where it stands, and before it is ever run. Returns -EINVAL, for open() to return. */
int beadle_refuse(struct beadle_ctx *, const char *option, size_t i, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Was this declared need granted? An undeclared one never is. */
bool beadle_granted(struct beadle_ctx *, enum beadle_need_kind, const char *what);

/* Runs fn(arg, out, out_size) in a child of its own for at most `deadline`: statvfs on a dead network mount. What fn
 * wrote to `out` (a fixed size, at most 64 KiB) comes back when it returned in time. Returns what fn returned, or
 * -ETIMEDOUT, or -EBUSY while an earlier child under the same name still hangs (it is not tried again). `name` is
 * for the log and the slot: unique per guarded object. */
int beadle_guard(struct beadle_ctx *, const char *name, int (*fn)(const void *arg, void *out, size_t out_size),
		 const void *arg, void *out, size_t out_size, struct beadle_duration deadline);

/* Runs a program by absolute path, without a shell and with a clean environment (LC_ALL=C.UTF-8), stdin empty,
 * argv ends with NULL. At most `limit` bytes of stdout are kept, NUL-terminated, in *ret_out (free it). Returns the exit
 * status 0..255, or -errno: -ETIMEDOUT (the child and its children are killed), -EFBIG (more than the limit),
 * -EINTR (ended by a signal). */
int beadle_run(struct beadle_ctx *, const char *const argv[], size_t limit, struct beadle_duration deadline,
	       char **ret_out);

/* Processes seen by the privileged procscan helper (needs BEADLE_NEED_SERVICE "procscan"). `found` is called for
 * each; `exe` is the executable's path, without " (deleted)"; deleted_libraries counts mapped files that are gone from
 * disk. Returns 0, or -EPERM when not granted. */
struct beadle_process { pid_t pid; uid_t uid; uint64_t start_ticks; uint32_t deleted_libraries; bool exe_deleted;
			const char *exe; };
int beadle_processes(struct beadle_ctx *, void (*found)(const struct beadle_process *, void *arg), void *arg);

/* What takes privilege only to open, and was opened for this process by the launcher (needs BEADLE_NEED_SERVICE of that name):
 *   "fanotify"             events of each file and folder that it was granted to read, and of what stands in those folders, not below: made,
 *                          gone, renamed, closed after writing, changed in owner or mode. Read struct fanotify_event_metadata with
 *                          its folder's handle and the name (FAN_REPORT_DFID_NAME); name_to_handle_at tells which folder that is
 *   "fanotify_filesystem"  the same of the whole file systems on which those folders are
 *   "icmp", "icmp6"        a raw socket, not connected: send an echo request (from IPv4 comes the IP header as well), read answers and errors
 * Nonblocking, and the host's: do not close it. It is of this process, and new with each: checks of one plugin share it, and no mark can
 * be added. The descriptor, -EPERM when it is not granted, or -errno: why it could not be opened. */
int beadle_descriptor(struct beadle_ctx *, const char *service);

/* Clocks of the round, so that a test can shift them: wall is CLOCK_REALTIME, boot is CLOCK_BOOTTIME, in ns. */
int64_t beadle_now_wall(struct beadle_ctx *);
int64_t beadle_now_boot(struct beadle_ctx *);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
