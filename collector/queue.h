/*
 * queue.h - from thread to thread: an unbounded list behind a lock, with an eventfd that wakes the taker once per emptied list,
 * and budgets, which are what bounds them: whoever makes an item takes its bytes, whoever frees it gives them back.
 */
#ifndef QUEUE_H
#define QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* First member of everything that is queued. `kind` says what it is: message.h. */
struct node { struct node *next; uint8_t kind; };

struct queue;
struct queue *queue_new(void);				/* NULL: no memory, no descriptors */
void queue_free(struct queue *);			/* must be empty */
void queue_push(struct queue *, struct node *);		/* any thread */
void queue_push_list(struct queue *, struct node *);	/* linked by next, in order; NULL: nothing */
struct node *queue_take(struct queue *);		/* one thread: all there is, oldest first, and the wake-up with it */
int queue_fd(const struct queue *);			/* readable when there may be something */
void queue_wait(struct queue *, int timeout_ms);	/* for a thread without an event loop; -1: as long as it takes */

struct budget;
struct budget *budget_new(size_t limit);
void budget_free(struct budget *);
void budget_take(struct budget *, size_t n);		/* may go over: look at budget_full before making something */
void budget_give(struct budget *, size_t n);
bool budget_full(const struct budget *);
size_t budget_used(const struct budget *);
void budget_wait(struct budget *);			/* until it is not full */

#endif
