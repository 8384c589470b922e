/*
 * descriptor.h - what takes privilege only to open (SECURITY 5.6), from the fixed list of lib/grant.h, with fixed arguments. All that a
 * caller chooses is an index, and whose it will be. A process of its own opens it and hands it on: it has become the plugin's user
 * before, and kept the one capability that this takes, so that a path leads it nowhere where its plugin may not look; and one that hangs
 * (a dead network mount) holds nobody up.
 */
#ifndef DESCRIPTOR_H
#define DESCRIPTOR_H

#include <stdint.h>
#include <sys/types.h>

struct descriptor_owner {
	const char *plugin;
	uint32_t uid, gid;	/* 0: stay who we are */
	uint64_t capabilities;	/* that the plugin was granted */
	const char *grants;	/* lib/grant.h: fanotify marks what of it may be read */
};

struct descriptor_gift { uint32_t which; int32_t error; };	/* with the descriptor, where error is 0 */

/* Sends one descriptor_gift over the socket `to`. The process that does so, or -errno. */
pid_t descriptor_give(int to, unsigned which, const struct descriptor_owner *);
/* Waits for it. The descriptor, or -errno. */
int descriptor_take(int from, unsigned which);

/* What opening it takes, beside the plugin's own rights. */
uint64_t descriptor_capability(unsigned which);

#endif
