/* ask.h - questions to the collector proper over the socket pair, its answers, and what it tells of itself: the live stream. */
#ifndef ASK_H
#define ASK_H

#include <stddef.h>
#include <stdint.h>

#define ASK_MAX 512		/* open at once */
#define ASK_PATIENCE_S 30
#define ASK_ANSWER_MAX (16u * 1024 * 1024)

struct event_base;
struct asks;

/* status as in HTTP; body is the callee's to read only until it returns. 503 and no body: no answer in time. */
typedef void ask_answer(void *arg, unsigned status, const char *body, size_t n);

struct asks_calls {
	void (*push)(void *arg, const char *topic, const char *body, size_t n);
	void (*end)(void *arg, const char *why);	/* the collector is gone, or does not speak our language */
	void *arg;
};

struct asks *asks_new(struct event_base *, int fd, struct asks_calls);	/* takes fd over */
void asks_free(struct asks *);

/* `answer` is called once, later, unless ask_forget comes first. Returns the question's number, 0 when too many are open. */
uint64_t ask(struct asks *, const char *name, const char *session, const char *arguments, const char *from, ask_answer *, void *arg);
void ask_forget(struct asks *, uint64_t number);

#endif
