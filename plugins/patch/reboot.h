/* reboot.h - whether this machine waits for a restart. */
#ifndef REBOOT_H
#define REBOOT_H

#include <stdbool.h>
#include <stddef.h>

/* True when a kernel of the same flavour as `running` is installed in the folder and newer. A running kernel that is
 * not among them (a container, a machine whose host brings the kernel) is never outdated. The name goes to `newest`
 * (room bytes). */
bool reboot_newer_kernel(const char *boot, const char *running, char *newest, size_t room);
#endif
