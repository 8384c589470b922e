/* core.h - the agent's core as a whole: its parts, put together and taken apart again. */
#ifndef CORE_H
#define CORE_H

/* Serves until the launcher says stop, or is gone, or the template is. The descriptors are those of agent/template.h. Exit status. */
int core_serve(int launcher, int template, int plan);

#endif
