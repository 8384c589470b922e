/* vec.h - growing array: VEC(struct item) v = {0}; *vec_push(&v) = item; for (i < v.n) v.at[i]; vec_free(&v).
 * Lists are utlist.h's, hash tables uthash.h's; this is for all that is walked by index. */
#ifndef VEC_H
#define VEC_H

#include <stdlib.h>

#define VEC(type) struct { type *at; size_t n, room; }

/* Pointer to one more, zeroed element; NULL when there is no memory (the array is as before). */
#define vec_push(v) ((__typeof__((v)->at))vec_grow_((void **)&(v)->at, &(v)->n, &(v)->room, sizeof(*(v)->at)))
#define vec_free(v) (free((v)->at), (v)->at = NULL, (v)->n = (v)->room = 0)

void *vec_grow_(void **at, size_t *n, size_t *room, size_t size);

#endif
