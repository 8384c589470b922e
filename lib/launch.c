#include "config.h"

#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "program.h"

#define FIRST 3u

/* First out of the way of each other, then to their places. */
static int place(const int *fds, size_t n)
{
	int high[LAUNCH_FDS];

	if (n > LAUNCH_FDS)
		return -E2BIG;
	for (size_t i = 0; i < n; i++)
		if ((high[i] = fcntl(fds[i], F_DUPFD, FIRST + LAUNCH_FDS)) < 0)
			return -errno;
	for (size_t i = 0; i < n; i++)
		if (dup2(high[i], (int)(FIRST + i)) < 0)
			return -errno;
	return close_range(FIRST + (unsigned)n, ~0U, 0) < 0 ? -errno : 0;
}

__attribute__((noreturn)) static void become(const struct launch *s)
{
	char path[PROGRAM_PATH];
	sigset_t none;
	int r = program_path(s->program, path);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (r == 0)
		r = place(s->fds, s->fds_n);
	if (r == 0 && s->become)
		r = s->become(s->who);
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);	/* after the change of user, which takes it back */
	if (r == 0 && execve(path, s->arguments, program_environment()) < 0)
		r = -errno;
	log_error("%s: %s", s->program, strerror(-r));
	_exit(127);
}

pid_t launch(const struct launch *s)
{
	pid_t pid = fork();

	if (pid == 0)
		become(s);
	return pid < 0 ? -errno : pid;
}

int launch_wait(pid_t pid)
{
	int status;

	if (pid < 0)
		return pid;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
