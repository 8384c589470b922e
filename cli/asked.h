/* asked.h - secrets that people hand us: never an argument of a command, where every process could read them. */
#ifndef ASKED_H
#define ASKED_H

#include <stdbool.h>
#include <stddef.h>

#define ASKED_ROOM 512

/* One line of standard input, without an echo where that is a terminal; then `prompt` is shown. false: there is none. */
bool asked_secret(const char *prompt, char *text, size_t room);

/* The passphrase of a backup: the first line of a file that nobody else can read, or of the terminal; `new`: asked twice, and not too short. The caller
 * wipes it. 0; or -errno, and it was said why not. */
int asked_passphrase(const char *file, bool new, char ret[ASKED_ROOM]);

#endif
