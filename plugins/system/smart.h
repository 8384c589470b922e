/*
 * smart.h - what smartctl says of each disk by its exit status. Asked once an hour, as it starts a program for each
 * disk and talks to its firmware; in between the answers are kept in the plugin's state.
 */
#ifndef SMART_H
#define SMART_H

struct beadle_ctx;

#define SMART_PROGRAM "/usr/sbin/smartctl"
#define SMART_DISKS_MAX 64

/* Each disk of SYS/block of which it says something; `problem` is NULL when the disk is well. */
void smart_each(struct beadle_ctx *, const char *sys,
		void (*found)(const char *device, const char *problem, void *arg), void *arg);

#endif
