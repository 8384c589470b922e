/* children.h - the four processes of a collector: started, watched, started again; each with the pipes that it needs and no others. */
#ifndef CHILDREN_H
#define CHILDREN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "settings.h"

struct children;

/* Its sockets, which stay the caller's; all but enrolment listen. */
struct children_doors { int agents, enrolment, web, local; };

/* separate: as root, each under a user of its own. */
struct children *children_new(const struct settings *, const char *config, const struct children_doors *, bool separate);
void children_free(struct children *);

/* Starts what is due. Returns how long nothing will be due, in ns; INT64_MAX: until something ends. */
int64_t children_start(struct children *, int64_t now_boot);
/* One that ended, as waitpid(2) told. */
void children_ended(struct children *, pid_t, int status, int64_t now_boot);
/* The descriptor on which the collector proper speaks; -1 while it does not run. true: it has just said that it is ready. */
int children_collector(const struct children *);
bool children_read(struct children *);

/* Asks all to end, the collector first (its pipes end the others); false once none is left. */
bool children_stop(struct children *, int signal);

#endif
