/* beadle-core: timers, spool and uplink. Not for people: the launcher starts it, with the descriptors of agent/template.h. */
#include "config.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/core/core.h"
#include "agent/template.h"
#include "lib/log.h"

/* A monitoring agent that takes memory is part of the trouble. */
static void be_small(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TRIM_THRESHOLD, 64 * 1024);
	mallopt(M_MMAP_THRESHOLD, 64 * 1024);
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
}

int main(int argc, char **argv)
{
	struct stat st;

	log_open("agent: core");
	if (argc != 1 || fstat(FD_LAUNCHER, &st) < 0 || !S_ISSOCK(st.st_mode) || fstat(FD_TEMPLATE, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		fputs("beadle-core is started by beadle-agent\n", stderr);
		return 2;
	}
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);	/* the launcher says when to end */
	signal(SIGHUP, SIG_IGN);
	be_small();
	return core_serve(FD_LAUNCHER, FD_TEMPLATE, FD_PLAN);
}
