/* clamav.c - ClamAV: clamd's own word, the databases' headers, freshclam's log, clamonacc. */
#define _GNU_SOURCE
#include "plugins/antivirus/antivirus.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/antivirus/clamconf.h"
#include "plugins/antivirus/clamd.h"
#include "plugins/antivirus/cvd.h"
#include "plugins/antivirus/logs.h"
#include "plugins/antivirus/tail.h"

#define ENGINE {"engine", "clamav"}
#define LOG_TAIL (256 << 10)

/* Where things are: the option, else what the configuration files say, else Debian's place. */
struct places {
	const char *socket, *database, *freshclam_log, *clamd_log;
	char clamd[5][CLAMCONF_VALUE], freshclam[2][CLAMCONF_VALUE];
};
enum { LOCAL_SOCKET, TCP_SOCKET, TCP_ADDRESS, DATABASE, LOG_FILE };
enum { F_DATABASE, F_LOG };

static void read_first(const char *option, const char *const usual[], const char *const keys[],
		       char values[][CLAMCONF_VALUE], size_t n)
{
	if (option)
		clamconf_read(option, keys, values, n);
	else
		while (*usual && clamconf_read(*usual, keys, values, n) < 0)
			usual++;
}

static const char *first_of(const char *a, const char *b, const char *c)
{
	return a && *a ? a : b && *b ? b : c;
}

static void find_places(const struct antivirus *av, struct places *p)
{
	static const char *const clamd_usual[] = {
		"/etc/clamav/clamd.conf", "/etc/clamd.d/scan.conf", "/etc/clamd.conf", NULL};
	static const char *const freshclam_usual[] = {"/etc/clamav/freshclam.conf", "/etc/freshclam.conf", NULL};
	static const char *const clamd_keys[] = {"LocalSocket", "TCPSocket", "TCPAddr", "DatabaseDirectory", "LogFile"};
	static const char *const freshclam_keys[] = {"DatabaseDirectory", "UpdateLogFile"};

	memset(p, 0, sizeof(*p));
	read_first(av->clamd_conf.name, clamd_usual, clamd_keys, p->clamd, 5);
	read_first(av->freshclam_conf.name, freshclam_usual, freshclam_keys, p->freshclam, 2);
	p->socket = first_of(av->socket.name, p->clamd[LOCAL_SOCKET],
			     p->clamd[TCP_SOCKET][0] ? "" : "/run/clamav/clamd.ctl");
	p->database = first_of(av->database.name, first_of(p->clamd[DATABASE], p->freshclam[F_DATABASE], NULL),
			       "/var/lib/clamav");
	p->freshclam_log = first_of(av->freshclam_log.name, p->freshclam[F_LOG], "/var/log/clamav/freshclam.log");
	p->clamd_log = first_of(av->clamd_log.name, p->clamd[LOG_FILE], "");
}

static int ask_clamd(const struct antivirus *av, const struct places *p, struct clamd *ret)
{
	if (*p->socket)
		return clamd_ask_unix(p->socket, av->timeout.ns, ret);
	return clamd_ask_tcp(first_of(p->clamd[TCP_ADDRESS], NULL, "localhost"), p->clamd[TCP_SOCKET], av->timeout.ns,
			     ret);
}

static bool any_program(const struct antivirus *av)
{
	const char *program;

	for (size_t i = 0; (program = beadle_list_get(av->programs, i)); i++)
		if (access(program, F_OK) == 0)
			return true;
	return false;
}

/* ---- on-access scanning ---- */

struct search { unsigned seen; bool found; };

static void find_clamonacc(const struct beadle_process *p, void *arg)
{
	const char *base = p->exe ? strrchr(p->exe, '/') : NULL;
	struct search *search = arg;

	search->seen++;
	search->found |= base && !strcmp(base, "/clamonacc");
}

static bool is_clamonacc(int proc, const char *pid)
{
	char path[32], name[24];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%.10s/comm", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, name, sizeof(name));
	close(fd);
	return n == 10 && !memcmp(name, "clamonacc\n", 10);
}

static int put_realtime(struct beadle_ctx *ctx)
{
	struct search search = {0};
	bool runs = false;
	struct dirent *entry;
	DIR *dir;

	if (beadle_granted(ctx, BEADLE_NEED_SERVICE, "procscan") &&
	    beadle_processes(ctx, find_clamonacc, &search) == 0 && search.seen) {
		beadle_put(ctx, &av_realtime, search.found, ENGINE);
		return 0;
	}
	dir = opendir("/proc");
	if (!dir)
		return -errno;
	while (!runs && (entry = readdir(dir)))
		runs = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && is_clamonacc(dirfd(dir), entry->d_name);
	closedir(dir);
	beadle_put(ctx, &av_realtime, runs, ENGINE);
	return 0;
}

/* ---- databases ---- */

struct databases { struct beadle_ctx *ctx; struct cvd daily; int64_t newest; };

/* After a change of form (daily.cvd, then daily.cld) both may lie there: the newer one counts, and the last put of a
 * series does. */
static void put_database(const char *name, int error, const struct cvd *cvd, void *arg)
{
	struct databases *d = arg;
	bool daily = !strcmp(name, "daily");
	char version[32];

	if (error) {
		beadle_skip(d->ctx, -error, name);
		return;
	}
	if (daily && cvd->version < d->daily.version)
		return;
	if (daily)
		d->daily = *cvd;
	snprintf(version, sizeof(version), "%u", cvd->version);
	beadle_put(d->ctx, &av_database_age, av_age(d->ctx, cvd->built), ENGINE, {"database", name});
	beadle_fact(d->ctx, "database_version", version, ENGINE, {"database", name});
}

static void collect_databases(struct beadle_ctx *ctx, const struct places *p, const struct clamd *clamd)
{
	struct databases d = {.ctx = ctx};
	int error = cvd_each(p->database, put_database, &d);

	if (error)
		beadle_skip(ctx, -error, p->database);
	if (clamd->dated && d.daily.version)
		beadle_put(ctx, &av_loaded_outdated, clamd->version < d.daily.version, ENGINE);
}

/* ---- freshclam ---- */

/* Without a log (syslog, or just rotated): the newest database was written by an update that succeeded. */
static int newest_database(const char *folder, int64_t *ret)
{
	static const char *const names[] = {
		"daily.cld", "daily.cvd", "main.cld", "main.cvd", "bytecode.cld", "bytecode.cvd"};
	struct stat st;
	int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int64_t newest = 0;

	if (dir < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (fstatat(dir, names[i], &st, 0) == 0 && st.st_mtime > newest)
			newest = st.st_mtime;
	close(dir);
	*ret = newest;
	return newest ? 0 : -ENODATA;
}

static void collect_update(struct beadle_ctx *ctx, const struct places *p)
{
	char *text = NULL;
	int64_t logged = 0, written = 0;
	int log_error = tail_read(p->freshclam_log, LOG_TAIL, &text, NULL);
	int error;

	if (!log_error)
		log_error = logs_last_update(text, &logged);
	free(text);
	error = newest_database(p->database, &written);
	if (logged || written)
		beadle_put(ctx, &av_update_age, av_age(ctx, logged > written ? logged : written), ENGINE);
	if (log_error && (error || (log_error != -ENOENT && log_error != -ENODATA)))
		beadle_skip(ctx, -log_error, p->freshclam_log);
}

/* ---- all of it ---- */

/* A daemon that does not answer is down; one that we may not ask is unknown. */
static void put_running(struct beadle_ctx *ctx, const struct places *p, int error, const struct clamd *clamd)
{
	char version[32];

	if (error) {
		if (error == -EACCES || error == -EPERM || error == -EINVAL)
			beadle_skip(ctx, -error, *p->socket ? p->socket : "clamd's TCPAddr");
		else
			beadle_put(ctx, &av_running, 0, ENGINE);
		return;
	}
	beadle_put(ctx, &av_running, 1, ENGINE);
	beadle_fact(ctx, "engine_version", clamd->engine, ENGINE);
	if (!clamd->dated) {
		beadle_skip(ctx, ENODATA, "signature age: clamd has no daily database loaded");
		return;
	}
	snprintf(version, sizeof(version), "%u", clamd->version);
	beadle_fact(ctx, "signature_version", version, ENGINE);
	beadle_put(ctx, &av_signature_age, av_age(ctx, clamd->built), ENGINE);
}

bool clamav_collect(struct beadle_ctx *ctx, const struct antivirus *av)
{
	struct places p;
	struct clamd clamd = {0};
	int clamd_error, error;

	find_places(av, &p);
	clamd_error = ask_clamd(av, &p, &clamd);
	if (clamd_error && !any_program(av))
		return false;
	beadle_put(ctx, &av_installed, 1, ENGINE);
	put_running(ctx, &p, clamd_error, &clamd);
	error = put_realtime(ctx);
	if (error)
		beadle_skip(ctx, -error, "/proc");
	collect_databases(ctx, &p, &clamd);
	collect_update(ctx, &p);
	if (av->scan_log.name)
		detections_of_scans(ctx, "clamav", av->scan_log.name);
	if (*p.clamd_log)
		detections_of_daemon(ctx, "clamav", p.clamd_log);
	return true;
}
