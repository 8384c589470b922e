/*
 * module.h - a plugin's file: may it be trusted (SECURITY P8), and what is in it.
 */
#ifndef MODULE_H
#define MODULE_H

#include <beadle/watch.h>
#include <sys/types.h>

#include "proto/host.pb-c.h"

#define MODULE_WHY 256

struct module;

/* Opens the file for reading when it may be loaded: an absolute path to a NAME.so (no .la, no symlink) that, like each
 * folder on the way, belongs to root or `owner` and can be written by nobody else. Nothing of it is run. A descriptor,
 * or -errno with the reason in words. */
int module_trust(const char *path, const char *name, uid_t owner, char why[MODULE_WHY]);

/* Loads what module_trust opened, runs its constructors, and checks the constant `name`_LTX_beadle_plugin and its
 * tables. 0 or -errno with the reason in words. */
int module_open(int fd, const char *name, struct module **ret, char why[MODULE_WHY]);
void module_close(struct module *);

const struct beadle_plugin *module_plugin(const struct module *);
int module_metric(const struct module *, const struct beadle_metric *);	/* its index, or -ENOENT */
/* Declared by the plugin? */
int module_needs(const struct module *, enum beadle_need_kind, const char *what);

/* Writes the Inventory, as the first frame of a host. */
int module_tell(const struct module *, int socket);

#endif
