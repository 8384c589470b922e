/* lives.h - the two lives of beadle-host. */
#ifndef LIVES_H
#define LIVES_H

#include "agent/template.h"

/* Serves launcher and core (agent/template.h) until one of them is gone. Returns the exit status. */
int template_serve(void);

/* One host for the caller, whose socket is descriptor 3 ("beadle check", the configuration reader): the same walls, no
 * core. Ends as the host did. */
int one_serve(const struct plugin_record *);

#endif
