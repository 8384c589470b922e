/* settings_file.h - what the launcher must know of collector.yaml: the names of its keys, their defaults and bounds. */
#ifndef SETTINGS_FILE_H
#define SETTINGS_FILE_H

#include <stdbool.h>

#include "collector/launcher/settings.h"

/* 0; or -EINVAL, after every mistake was printed. doors_alone: only what nobody else reads, listen and dashboard, and not a word of a file
 * that is no YAML, which those tell who read the most of it. */
int settings_parse(const char *file, bool doors_alone, struct settings *ret);

#endif
