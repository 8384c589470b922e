/* capability.h - what of root's powers a process keeps, for itself and all that it starts. */
#ifndef CAPABILITY_H
#define CAPABILITY_H

#include <linux/capability.h>
#include <stdint.h>

#define CAPABILITY(cap) (UINT64_C(1) << (cap))

/* A launcher keeps what it must hand on: the right to become its children's users, to make their folders, to end them. */
#define CAPABILITY_LAUNCHER                                                                                            \
	(CAPABILITY(CAP_SETUID) | CAPABILITY(CAP_SETGID) | CAPABILITY(CAP_SETPCAP) | CAPABILITY(CAP_KILL) |            \
	 CAPABILITY(CAP_CHOWN) | CAPABILITY(CAP_FOWNER) | CAPABILITY(CAP_DAC_OVERRIDE) | CAPABILITY(CAP_DAC_READ_SEARCH))
/* And what a plugin may be granted, and the process scan needs. */
#define CAPABILITY_AGENT                                                                                               \
	(CAPABILITY_LAUNCHER | CAPABILITY(CAP_SYS_PTRACE) | CAPABILITY(CAP_NET_RAW) | CAPABILITY(CAP_SYSLOG))
/* The agent's launcher alone, and only where a plugin was granted to watch whole file systems. */
#define CAPABILITY_AGENT_MOST (CAPABILITY_AGENT | CAPABILITY(CAP_SYS_ADMIN))

/* None but these ever again in what is run from here, as far as we may say so (CAP_SETPCAP). */
void capability_bound(uint64_t keep);
/* As root: of what we have none but these, here and in what is run from here. 0 or -errno. */
int capability_keep(uint64_t keep);
/* Becomes a user and group of its own, with these alone, as far as we have them. 0 or -errno. */
int capability_become(uint32_t uid, uint32_t gid, uint64_t keep);

#endif
