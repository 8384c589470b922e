/* unit.h - base units of metrics, and how a person writes and reads them: bounds in rules are written "85 %", "24 h". */
#ifndef UNIT_H
#define UNIT_H

#include <stdbool.h>
#include <stddef.h>

bool unit_known(const char *unit);	/* bytes seconds ratio count boolean celsius per_second */
/* "85 %" with unit ratio -> 0.85; "24 h" with seconds -> 86400; "30 d"; "64 MiB"; "3". 0 or -EINVAL. */
int unit_parse(const char *text, const char *unit, double *ret);
/* 0.853 ratio -> "85.3 %"; 86400 seconds -> "24 h"; for screen and mail. Returns buf. */
char *unit_put(double value, const char *unit, char *buf, size_t room);

#endif
