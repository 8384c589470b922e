#include "config.h"

#include "agent/host/strays.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"

#define PASSES 64	/* a fork bomb's children come to us as their parents die */

static bool is_known(pid_t pid, const pid_t *known, size_t n, const struct guards *guards)
{
	for (size_t i = 0; i < n; i++)
		if (known[i] == pid)
			return true;
	return guard_holds(guards, pid);
}

/* Space-separated list of our children, from the one file that has it. */
static ssize_t list_children(char *text, size_t room)
{
	char path[64];
	CLOSE int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)gettid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, room - 1);
	if (n >= 0)
		text[n] = 0;
	return n;
}

void strays_kill(const pid_t *known, size_t n, const struct guards *guards)
{
	char text[4096];

	for (int pass = 0; pass < PASSES; pass++) {
		bool found = false;
		char *p = text, *end;

		if (list_children(text, sizeof(text)) <= 0)
			return;
		for (long pid; (pid = strtol(p, &end, 10)) > 0; p = end) {
			if (is_known((pid_t)pid, known, n, guards))
				continue;
			kill((pid_t)pid, SIGKILL);
			/* One that hangs in the kernel does not end now; its death waits for it. */
			if (waitpid((pid_t)pid, NULL, WNOHANG) == pid || pass < 8)
				found = true;
		}
		if (!found)
			return;
		if (pass > 2)
			usleep(1000);
	}
}
