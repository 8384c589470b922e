/* handed.h - descriptors that take privilege only to open, and that a process without any was handed (SECURITY 5.6), as the kernel tells. */
#ifndef HANDED_H
#define HANDED_H

#include <sys/types.h>

/* ", holds fanotify, raw ICMP"; "" when it holds none, or when we may not look. Returns buf. */
const char *handed_words(pid_t, char buf[128]);

#endif
