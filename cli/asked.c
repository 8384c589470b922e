#include "asked.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "cleanup.h"
#include "command.h"

#define LEAST 12	/* bytes; whoever has the file may try as long as he likes */

bool asked_secret(const char *prompt, char *text, size_t room)
{
	struct termios old, quiet;
	bool terminal = tcgetattr(STDIN_FILENO, &old) == 0, got;

	if (terminal) {
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);	/* nobody is left without an echo */
		fputs(prompt, stderr);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	got = fgets(text, (int)room, stdin) != NULL;
	if (terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		fputc('\n', stderr);
	}
	return got;
}

static int from_file(const char *file, char ret[ASKED_ROOM])
{
	CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0) {
		command_failed(file, -errno);
		return -EINVAL;
	}
	if (st.st_mode & 077) {
		fprintf(stderr, "beadle: %s can be read by others: chmod 600 %s\n", file, file);
		return -EACCES;
	}
	n = read(fd, ret, ASKED_ROOM - 1);
	if (n < 0) {
		command_failed(file, -errno);
		return -EIO;
	}
	ret[n] = 0;
	return 0;
}

static int from_person(bool new, char ret[ASKED_ROOM])
{
	char again[ASKED_ROOM] = "";
	bool same;

	if (!isatty(STDIN_FILENO)) {
		fprintf(stderr, "beadle: a backup is encrypted: name a file with the passphrase, --passphrase-file FILE\n");
		return -EINVAL;
	}
	if (!asked_secret("passphrase of the backup: ", ret, ASKED_ROOM))
		return -EINVAL;
	same = !new || (asked_secret("the same again: ", again, sizeof(again)) && !strcmp(again, ret));
	OPENSSL_cleanse(again, sizeof(again));
	if (!same)
		fprintf(stderr, "beadle: these are two different passphrases\n");
	return same ? 0 : -EINVAL;
}

int asked_passphrase(const char *file, bool new, char ret[ASKED_ROOM])
{
	int r = file ? from_file(file, ret) : from_person(new, ret);

	if (r < 0)
		return r;
	ret[strcspn(ret, "\r\n")] = 0;
	if (strlen(ret) >= LEAST || !new)
		return 0;
	fprintf(stderr, "beadle: the passphrase is too short: at least %d characters, since whoever has the backup may try as long as he likes\n", LEAST);
	return -EINVAL;
}
