/* beadle watch-collector: the program that does it takes our place, so that this one, which anybody runs, needs none of its libraries. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "program.h"

int command_watch(int argc, char **argv)
{
	char path[PROGRAM_PATH];
	int r = program_path("collector/watch/beadle-watch", path);

	if (r == 0) {
		argv[0] = path;
		execv(path, argv);
		r = -errno;
	}
	fprintf(stderr, "beadle: beadle-watch cannot be started: %s\n", strerror(-r));
	return EXIT_FAILED;
}
