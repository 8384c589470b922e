/* metrics.h - the metrics of modules as the file `metrics.yaml`: the collector refuses rules on others. */
#ifndef METRICS_H
#define METRICS_H

#include <stdio.h>

#include "lib/problem.h"

/* Each path is a module NAME.so. */
void metrics_print(char *const *modules, size_t n, FILE *to, struct problems *);

#endif
