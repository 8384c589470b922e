/* cleanup.h - locals that own something let go of it by themselves; destructors accept NULL. */
#ifndef CLEANUP_H
#define CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))
/* CLEANUP_FOR(struct spool *, spool_free) makes spool_free_p for CLEANUP(spool_free_p). */
#define CLEANUP_FOR(type, fn) \
	static inline void fn##_p(type *p) { if (*p) fn(*p); }

static inline void cleanup_free(void *p) { free(*(void **)p); }
static inline void cleanup_close(int *fd) { if (*fd >= 0) close(*fd); }
static inline void cleanup_fclose(FILE **f) { if (*f) fclose(*f); }
#define FREE CLEANUP(cleanup_free)
#define CLOSE CLEANUP(cleanup_close)
#define FCLOSE CLEANUP(cleanup_fclose)

/* Hands a pointer or descriptor on: the local no longer owns it. */
#define TAKE(p) __extension__({ __auto_type taken_ = (p); (p) = NULL; taken_; })
#define TAKE_FD(fd) __extension__({ int taken_ = (fd); (fd) = -1; taken_; })

#endif
