/*
 * needs.h - what a plugin's declared needs come to once its options are known: "option:paths" is what that option names, the value
 * of any option that is a path may be read, and an endpoint's port is that of the option. Powers (capabilities, services) are not
 * among them.
 */
#ifndef NEEDS_H
#define NEEDS_H

#include "proto/host.pb-c.h"

/* Calls value(to, text) for each text of that option as it was configured; for none when it was not. */
typedef void needs_value(void *to, const char *text);
typedef void needs_option(void *arg, const char *name, needs_value *value, void *to);

/* Calls found(to, grant) for each: "read:/etc/clamav", "net:tcp:443" (lib/grant.h). */
void needs_each(const Host__Inventory *, needs_option *option, void *arg, void (*found)(void *to, const char *grant), void *to);

#endif
