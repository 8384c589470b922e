/* program.h - where our other programs and the plugins are: installed, or in the build tree (BEADLE_LIBEXEC). */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stddef.h>

#define PROGRAM_PATH 512

/* program_path("agent/host/beadle-host", buf): LIBEXECDIR/beadle-host, or $BEADLE_LIBEXEC/agent/host/beadle-host. */
int program_path(const char *room_and_name, char buf[PROGRAM_PATH]);
/* The same of the two that an administrator starts, beadle-agent and beadle-collector: they are in SBINDIR. */
int program_daemon(const char *room_and_name, char buf[PROGRAM_PATH]);

/* And of those that anybody runs: they are in BINDIR. */
int program_command(const char *room_and_name, char buf[PROGRAM_PATH]);

/* The module of plugin `name`: FOLDER/NAME.so of the first folder that has one. Without folders: PLUGINDIR/NAME.so, or
 * $BEADLE_LIBEXEC/plugins/NAME/NAME.so. 0, -ENOENT or -ENAMETOOLONG. */
int program_module(const char *name, const char *const *folders, size_t n, char buf[PROGRAM_PATH]);

/* The plugin there that `name` probably meant, in buf; NULL when none is like it. */
const char *program_nearest_module(const char *name, const char *const *folders, size_t n, char buf[64]);

/* The environment for a program of ours: nothing that a caller could steer it with. Lives until exit. */
char **program_environment(void);

#endif
