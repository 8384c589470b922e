/* ready.h - tells the service manager how we are (sd_notify(3)'s protocol), without its library. No-ops when nobody asked. */
#ifndef READY_H
#define READY_H

#include <stdint.h>

/* "READY=1", "RELOADING=1", "STOPPING=1", "STATUS=...", "WATCHDOG=1". */
void ready_tell(const char *state);

/* How often the watchdog wants to hear from us, halved, in ns; 0: not at all. */
int64_t ready_watchdog(void);

#endif
