/* granted.h - the last walls of a host: files and system calls, as far as its plugin's declared needs and the local configuration
 * open them. Without grants it reads the system's own tables and libraries, and works in its state directory: enough to be loaded
 * and asked what it is. */
#ifndef GRANTED_H
#define GRANTED_H

#include "agent/host/walls.h"

/* Before a byte of the module is read. 0, or -errno with the reason; then the process must end. */
int granted_confine(const struct plugin_record *, char why[WALLS_WHY]);

/* Once it is loaded: no more code comes in from files, unless it runs programs or asks resolvers, which are made of such. */
int granted_seal(const struct plugin_record *, char why[WALLS_WHY]);

#endif
