/* told.h - scenes: what was told so far, in words, and what should have been. */
#ifndef TOLD_H
#define TOLD_H

#include "lib/clock.h"

#define MINUTE (60 * NS_PER_S)
#define HOUR (60 * MINUTE)

extern char told[8192];

/* And forgets it. */
void expect_told(int line, const char *what);
#define expect(what) expect_told(__LINE__, what)

#endif
