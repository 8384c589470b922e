/* beadle doctor: looks at this machine's installation as it is, and asks the collector what it knows of itself. */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "client.h"
#include "clock.h"
#include "command.h"
#include "conf.h"
#include "document.h"
#include "installed.h"
#include "io.h"
#include "pem.h"
#include "processes.h"
#include "program.h"
#include "screen.h"

#define RENEW_DAYS 30

struct findings { json_t *list; size_t bad; };

static void finding(struct findings *f, const char *level, const char *mend, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void finding(struct findings *f, const char *level, const char *mend, const char *format, ...)
{
	char what[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(what, sizeof(what), format, ap);
	va_end(ap);
	if (strcmp(level, "ok"))
		f->bad++;
	json_array_append_new(f->list, json_pack("{s:s, s:s, s:s}", "level", level, "what", what, "mend", mend));
}

/* ---- files ---- */

/* Folders that are shut to us say nothing of what is in them. */
static bool is_shut(struct findings *f, const char *path, int error)
{
	if (error != EACCES)
		return false;
	finding(f, "warning", "run beadle doctor as root", "%s: cannot be looked at", path);
	return true;
}

static void look_at_certificate(struct findings *f, const char *folder, const char *renewal)
{
	char path[PATH_MAX];
	CERT *cert = pem_read_certificate(folder, "cert.pem");
	int days, seconds;

	io_path(path, folder, "cert.pem");
	if (!cert && access(path, R_OK) < 0 && is_shut(f, path, errno))
		return;
	if (!cert) {
		finding(f, "critical", renewal, "%s: no certificate that can be read", path);
		return;
	}
	if (!ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)))
		finding(f, "critical", renewal, "%s: its end cannot be read", path);
	else if (days < 0 || seconds < 0)
		finding(f, "critical", renewal, "%s: expired %d days ago", path, -days);
	else if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
		finding(f, "critical", "set this machine's clock, or the collector's when that one made it",
			"%s: not valid yet", path);
	else if (days < RENEW_DAYS)
		finding(f, "warning", renewal, "%s: ends in %d days", path, days);
	else
		finding(f, "ok", "", "%s: valid for %d days", path, days);
}

/* `user`: whose process reads it, where there is such a user and we are installed as root. */
static void look_at_key(struct findings *f, const char *folder, const char *user, const char *renewal)
{
	const struct passwd *reader = getpwnam(user);
	char path[4096], mend[8300];
	struct stat st;

	snprintf(path, sizeof(path), "%s/key.pem", folder);
	if (stat(path, &st) < 0) {
		if (!is_shut(f, path, errno))
			finding(f, "critical", renewal, "%s: %s", path, strerror(errno));
	} else if (st.st_mode & 077) {
		snprintf(mend, sizeof(mend), "chmod 600 %s; who has read it can speak for this machine, so rather: %s", path,
			 renewal);
		finding(f, "critical", mend, "%s: others can read this key", path);
	} else if (st.st_uid == 0 && reader && reader->pw_uid != 0) {
		snprintf(mend, sizeof(mend), "chown -R %s %s", user, folder);
		finding(f, "critical", mend, "%s: the user %s, whose process needs it, cannot read it", path, user);
	} else
		finding(f, "ok", "", "%s: readable by its owner alone", path);
}

static void look_at_space(struct findings *f, const char *folder)
{
	struct statvfs fs;
	double free_mib;

	if (statvfs(folder, &fs) < 0) {
		if (is_shut(f, folder, errno))
			return;
		finding(f, "critical", "make the folder, or mend state: in the configuration", "%s: %s", folder,
			strerror(errno));
		return;
	}
	free_mib = (double)fs.f_bavail * (double)fs.f_frsize / 1048576;
	if (free_mib < 256)
		finding(f, "warning", "free some space: below 64 MiB nothing new is taken in", "%s: only %.0f MiB free",
			folder, free_mib);
	else
		finding(f, "ok", "", "%s: %.1f GiB free", folder, free_mib / 1024);
}

/* ---- programs ---- */

/* The program's own --check-config, because only it knows its files. Its lines go to stderr as they are. */
static void look_at_config(struct findings *f, const char *room_and_name, const char *config)
{
	char path[PROGRAM_PATH], mend[4200];
	int status;
	pid_t pid;

	if (program_daemon(room_and_name, path) < 0)
		return;
	snprintf(mend, sizeof(mend), "mend what %s --check-config --config %s tells", strrchr(path, '/') + 1, config);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execl(path, path, "--check-config", "--config", config, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		finding(f, "critical", mend, "%s: has mistakes, or could not be checked", config);
	else
		finding(f, "ok", "", "%s: no mistakes", config);
}

#define COMM 15		/* the kernel keeps so much of a name */

static bool runs(const char *name)
{
	const size_t n = strnlen(name, COMM);
	DIR *proc = opendir("/proc");
	const struct dirent *e;
	bool found = false;

	while (proc && !found && (e = readdir(proc))) {
		char path[300], comm[64] = "";
		FCLOSE FILE *file = NULL;

		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		file = fopen(path, "re");
		if (file && fgets(comm, sizeof(comm), file))
			found = !strncmp(comm, name, n) && comm[n] == '\n';
	}
	if (proc)
		closedir(proc);
	return found;
}

static void look_at_process(struct findings *f, const char *comm, const char *mend)
{
	if (runs(comm))
		finding(f, "ok", "", "%s: runs", comm);
	else
		finding(f, "critical", mend, "%s: does not run", comm);
}

static void on_process(void *arg, const char *level, const char *mend, const char *what)
{
	finding(arg, level, mend, "%s", what);
}

/* ---- the two halves of an installation ---- */

static char *read_setting(const char *config, const char *key, const char *dflt)
{
	struct problems *p = problems_new();
	struct conf *c = conf_read(config, p);
	const char *value;
	char *copy = NULL;

	if (c) {
		conf_string(conf_root(c), key, dflt, &value, p);
		copy = value ? strdup(value) : NULL;
		conf_free(c);
	}
	problems_free(p);
	if (!copy && dflt)
		abort();	/* no memory; a command for a person */
	return copy;
}

#define AGENT_RENEWAL "on the collector: beadle token new --host NAME (--replace, if it had one); here: beadle enroll (--again)"

static void look_at_agent(struct findings *f, const char *config)
{
	FREE char *state = read_setting(config, "state", LOCALSTATEDIR "/lib/beadle/agent");
	FREE char *identity = read_setting(config, "identity", NULL);
	char below[4096];

	snprintf(below, sizeof(below), "%s/identity", state);
	look_at_config(f, "agent/launcher/beadle-agent", config);
	look_at_key(f, identity ? identity : below, "beadle", AGENT_RENEWAL);
	look_at_certificate(f, identity ? identity : below, AGENT_RENEWAL);
	look_at_space(f, state);
	look_at_process(f, "beadle-agent",
			"systemctl start beadle-agent; journalctl -u beadle-agent tells why it ended");
	look_at_process(f, "beadle-core", "journalctl -u beadle-agent tells why it ended");
	processes_look(PROCESSES_AGENT, on_process, f);
}

/* One of the collector's two certificates, and its key. `init` makes anew what is missing, and nothing else. */
static void look_at_server(struct findings *f, const char *state, const char *name, const char *user)
{
	char folder[4096], renewal[8400];

	snprintf(folder, sizeof(folder), "%s/%s", state, name);
	snprintf(renewal, sizeof(renewal),
		 "mv %s/cert.pem %s/cert.old; beadle-collector init; systemctl restart beadle-collector", folder,
		 folder);
	look_at_key(f, folder, user, renewal);
	look_at_certificate(f, folder, renewal);
}

static void look_at_collector(struct findings *f, const char *config)
{
	FREE char *state = read_setting(config, "state", LOCALSTATEDIR "/lib/beadle/collector");
	char socket[4096];
	json_t *answer = NULL, *theirs;
	size_t i;

	snprintf(socket, sizeof(socket), "%s/collector.sock", state);
	client_likely_socket(socket);
	look_at_config(f, "collector/launcher/beadle-collector", config);
	look_at_server(f, state, "identity", "beadle-collector");
	look_at_server(f, state, "web", "beadle-web");
	look_at_space(f, state);
	look_at_process(f, "beadle-collector",
			"systemctl start beadle-collector; journalctl -u beadle-collector tells why it ended");
	processes_look(PROCESSES_COLLECTOR, on_process, f);
	if (client_ask("doctor", NULL, &answer) == EXIT_DONE)
		json_array_foreach(json_object_get(answer, "findings"), i, theirs)
			finding(f, document_text(theirs, "level"), document_text(theirs, "mend"), "%s",
				document_text(theirs, "what"));
	else
		finding(f, "critical", "systemctl start beadle-collector; or run this as root",
			"%s: the collector does not answer", client_socket_path());
	client_likely_socket(NULL);
	json_decref(answer);
}

static void print_findings(const json_t *list)
{
	static const char *const heads[] = {"is", "what", "mend"};
	struct screen_table *t = screen_table(heads, 3);
	const json_t *x;
	size_t i;

	json_array_foreach(list, i, x) {
		const char *level = document_text(x, "level");

		screen_cell(t, screen_of_state(level), "%s", level);
		screen_cell(t, SCREEN_PLAIN, "%s", document_text(x, "what"));
		screen_cell(t, SCREEN_PLAIN, "%s", document_text(x, "mend"));
	}
	screen_print(t);
}

int command_doctor(int argc, char **argv)
{
	static const struct option options[] = {{"agent-config", required_argument, NULL, 'a'},
		{"collector-config", required_argument, NULL, 'c'}, {NULL, 0, NULL, 0}};
	const char *agent = SYSCONFDIR "/agent.yaml", *collector = SYSCONFDIR "/collector.yaml";
	struct findings f = {json_array(), 0};
	bool has_agent, has_collector;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'a')
			agent = optarg;
		else if (o == 'c')
			collector = optarg;
		else
			return command_usage_option(argv);
	}
	has_agent = access(agent, F_OK) == 0;
	has_collector = access(collector, F_OK) == 0;
	if (has_agent)
		look_at_agent(&f, agent);
	if (has_collector)
		look_at_collector(&f, collector);
	if (has_agent || has_collector)
		processes_kernel(on_process, &f);
	else
		finding(&f, "critical", "install one, or name its file with --agent-config or --collector-config",
			"neither %s nor %s is here", agent, collector);
	if (command_json)
		command_print(json_pack("{s:O}", "findings", f.list));
	else
		print_findings(f.list);
	json_decref(f.list);
	return f.bad ? EXIT_FAILED : EXIT_DONE;
}
