#include <errno.h>
#include <sys/socket.h>

#include "collector/enrol/enrol.h"

#define BACKLOG 64

/* Who was accepted stays; the socket keeps its address, and can listen again. One that does not listen is left alone: a shutdown of it would be
 * remembered, and all that it accepts later could not be read from. */
static int shut(int door)
{
	int listening = 0;
	socklen_t n = sizeof(listening);

	if (getsockopt(door, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) < 0 || (listening && shutdown(door, SHUT_RD) < 0))
		return -errno;
	return 0;
}

int enrol_turn(int door, bool open)
{
	return !open ? shut(door) : listen(door, BACKLOG) < 0 ? -errno : 0;
}
