/* beadle audit: the journal, as a file for whoever shall check it, or handed to beadle-audit-verify at once; and the key that signs it. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "client.h"
#include "command.h"
#include "document.h"
#include "program.h"

#define ARGUMENTS 64

/* Page after page; the last has the lists that people see as well. Returns an exit code. */
static int write_export(FILE *out)
{
	long long next = 1;
	int r = fprintf(out, "beadle journal 1\n") < 0 ? -EIO : 0;

	while (next && r == 0) {
		json_t *page;

		r = client_ask("audit.export", json_pack("{s:I}", "from", (json_int_t)next), &page);
		if (r)
			return r;
		next = document_number(page, "next");
		if (fputs(document_text(page, "text"), out) < 0)
			r = -EIO;
		json_decref(page);
	}
	return r == 0 && fflush(out) == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int export_to(const char *path)
{
	CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FCLOSE FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	int r;

	if (!out)
		return command_failed(path, -errno);
	TAKE_FD(fd);
	r = write_export(out);
	if (r == EXIT_DONE && fsync(fileno(out)) < 0)
		r = EXIT_FAILED;
	if (r != EXIT_DONE) {
		fprintf(stderr, "beadle: %s is not whole, and was removed\n", path);
		unlink(path);
	}
	return r;
}

/* The verifier, with the export on its standard input. */
static int start_verifier(char *const *arguments, pid_t *ret_pid, FILE **ret_in)
{
	posix_spawn_file_actions_t files;
	char path[PROGRAM_PATH];
	int ends[2], r = program_command("collector/audit/beadle-audit-verify", path);

	if (r < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return r < 0 ? r : -errno;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, ends[0], 0);
	r = -posix_spawn(ret_pid, path, &files, NULL, arguments, program_environment());
	posix_spawn_file_actions_destroy(&files);
	close(ends[0]);
	*ret_in = r == 0 ? fdopen(ends[1], "w") : NULL;
	if (!*ret_in)
		close(ends[1]);
	return r;
}

static int verify(char *const *arguments)
{
	int status = 0, r, written;
	FILE *in = NULL;
	pid_t pid;

	signal(SIGPIPE, SIG_IGN);
	r = start_verifier(arguments, &pid, &in);
	if (r < 0 || !in) {
		fprintf(stderr, "beadle: beadle-audit-verify cannot be started: %s\n", strerror(-r));
		return EXIT_FAILED;
	}
	written = write_export(in);
	fclose(in);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return written != EXIT_DONE ? written : WIFEXITED(status) && WEXITSTATUS(status) == 0 ? EXIT_DONE : EXIT_FAILED;
}

/* The signer makes another, and both sign that it follows. */
static int change_key(void)
{
	json_t *d;
	int r = client_ask("audit.key", NULL, &d);

	if (r)
		return r;
	if (command_json)
		return command_print(d);
	printf("from entry %lld on the journal is signed by %s\nwhat it began with (checkpoint.pem) still tells that it is this journal: reviewers keep theirs\n",
	       document_number(d, "entry"), document_text(d, "key"));
	json_decref(d);
	return EXIT_DONE;
}

int command_audit(int argc, char **argv)
{
	static const struct option options[] = {{"out", required_argument, NULL, 'o'}, {"key", required_argument, NULL, 'k'},
		{"witness", required_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
	char *arguments[ARGUMENTS] = {"beadle-audit-verify"};
	const char *out = NULL;
	int o, n = 1;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == '?' || n > ARGUMENTS - 4)
			return command_usage_option(argv);
		if (o == 'o') {
			out = optarg;
			continue;
		}
		arguments[n++] = o == 'k' ? "--key" : "--witness";
		arguments[n++] = optarg;
	}
	arguments[n] = "-";
	if (optind + 1 != argc)
		return command_usage(argv[0], "needs export, verify or change-key");
	if (!strcmp(argv[optind], "export"))
		return n > 1 ? command_usage(argv[0], "export takes --out alone") : out ? export_to(out) : write_export(stdout);
	if (!strcmp(argv[optind], "verify"))
		return out ? command_usage(argv[0], "verify takes no --out") : verify(arguments);
	if (!strcmp(argv[optind], "change-key"))
		return out || n > 1 ? command_usage(argv[0], "change-key takes no option") : change_key();
	return command_usage(argv[0], "needs export, verify or change-key");
}
