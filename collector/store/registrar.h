/* registrar.h - what agents say of themselves (Hello, series, gone): numbers for their names, and who speaks for which host. */
#ifndef REGISTRAR_H
#define REGISTRAR_H

#include "collector/store/keeper.h"

struct registrar;

struct registrar *registrar_new(const struct keeper_setup *);	/* which outlives it */
void registrar_free(struct registrar *);
/* Hellos, series and gones, in order; all are handed on to the engine or, with an error, to their connection. One transaction.
 * 0 or the store's error. */
int registrar_work(struct registrar *, struct node *const *, size_t n);
/* This connection speaks for the host, and no newer one. */
bool registrar_speaks(const struct registrar *, uint32_t host, const struct reference *from);

#endif
