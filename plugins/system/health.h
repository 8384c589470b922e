/* health.h - disks that say that they are failing: what the kernel keeps in /sys, and smartctl's exit status. */
#ifndef HEALTH_H
#define HEALTH_H

#include <stdbool.h>
#include <stddef.h>

#define HEALTH_TEXT 120
#define HEALTH_MAX 1000		/* of each kind; more are not looked at */

/* Each array, disk and file system that keeps such a record; `problem` is NULL when it is well. */
void health_each(const char *sys, void (*found)(const char *device, const char *problem, void *arg), void *arg);

/* Disks that smartctl may know: "sda", "nvme0n1". */
bool health_is_smart_disk(const char *block_device);

/* What smartctl(8)'s exit status says; false: nothing about the disk (not opened, asleep, no SMART). *ret_problem is
 * NULL when it is well. */
bool health_smart_status(int status, const char **ret_problem);

#endif
