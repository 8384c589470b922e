/* command.h - the commands of beadle, one file each, and its exit codes (doc/man/beadle.1). */
#ifndef COMMAND_H
#define COMMAND_H

#include <jansson.h>
#include <stdbool.h>

enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,	/* it was tried and did not succeed; `status`, `doctor`: something is wrong */
	EXIT_USAGE = 2,
	EXIT_UNREACHABLE = 3,	/* no collector answers */
	EXIT_NOT_ALLOWED = 4,
	EXIT_NOT_FOUND = 5,
};

struct command {
	const char *name, *arguments, *help;
	int (*run)(int argc, char **argv);	/* argv[0] is the command's name; returns an exit code */
};

extern const struct command commands[];		/* ends with a NULL name */

int command_check(int argc, char **argv);
int command_status(int argc, char **argv);
int command_hosts(int argc, char **argv);
int command_incidents(int argc, char **argv);
int command_incident(int argc, char **argv);
int command_ack(int argc, char **argv);
int command_handle(int argc, char **argv);
int command_close(int argc, char **argv);
int command_clock(int argc, char **argv);
int command_identity(int argc, char **argv);
int command_token(int argc, char **argv);
int command_enroll(int argc, char **argv);
int command_person(int argc, char **argv);
int command_audit(int argc, char **argv);
int command_authority(int argc, char **argv);
int command_backup(int argc, char **argv);
int command_restore(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_watch(int argc, char **argv);
int command_completion(int argc, char **argv);

extern bool command_json;			/* --json: print documents as they are */

/* Prints the document and frees it. */
int command_print(json_t *document);
/* One line on stderr: "beadle: WHAT: the error's words" (a negative errno); EXIT_FAILED. */
int command_failed(const char *what, int error);
/* One line on stderr: "beadle NAME: text", then the usage of the command; EXIT_USAGE. */
int command_usage(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for the option over which getopt_long has just stumbled. */
int command_usage_option(char **argv);

#endif
