/*
 * landmark.h - Landlock's rules are about files, not names: has a path that a rule was made of another file by now, or none, or is there
 * what was not? Folders do not count: their content is replaced, and not they.
 */
#ifndef LANDMARK_H
#define LANDMARK_H

#include <stdbool.h>
#include <sys/stat.h>

int landmark_add(const char *path, const struct stat *);	/* NULL: there is nothing. 0 or -ENOMEM */
/* Cheap while nothing is made or renamed beside them: a look at each folder. */
bool landmark_outdated(void);

#endif
