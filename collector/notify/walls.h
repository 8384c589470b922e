/* walls.h - what a program that sends may still read and write, gathered path by path, and the walls around it (confine.h). */
#ifndef NOTIFY_WALLS_H
#define NOTIFY_WALLS_H

#include "channels.h"
#include "confine.h"

struct walls { VEC(struct confine_path) paths; };	/* {0} is none; their texts are its own */

void walls_add(struct walls *, const char *path, unsigned rights);
/* The folders of all authorities' files. */
void walls_add_channels(struct walls *, const struct channels *);
/* Enters and clears. 0 or -errno, which is logged. */
int walls_enter(struct walls *, enum confine_role);

#endif
