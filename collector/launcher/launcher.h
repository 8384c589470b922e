/*
 * launcher.h - between the collector's launcher and the collector proper, over the SOCK_SEQPACKET pair of --launcher-fd: one struct a
 * message. Signer, notifier and web are each started with one end of a socket pair; the other end comes to the collector as the
 * descriptor of a message, at start and again whenever one of them was restarted (then it replaces the old one).
 */
#ifndef LAUNCHER_H
#define LAUNCHER_H

#include <stdint.h>

enum {
	LAUNCHER_SIGNER = 1,	/* launcher -> collector, with a descriptor (SOCK_STREAM, frames of rooms.proto) */
	LAUNCHER_NOTIFIER,
	LAUNCHER_WEB,
	LAUNCHER_READY,		/* collector -> launcher: agents are served */
};
struct launcher_tell { uint32_t what; };

#endif
