/*
 * book.h - a file of lines that only grows, each about somebody (the signer's: who got what, who was revoked); a line is durable when book_add returns.
 * How many are about each is known without reading it again. 0 or -errno.
 */
#ifndef BOOK_H
#define BOOK_H

struct book;

/* Begins it where there is none. word: the how-manieth of a line says about whom it is, 1 or 2. What a crash left of a last line, which nobody was told
 * of, is taken away. */
int book_open(const char *folder, const char *name, int word, struct book **ret);
void book_close(struct book *);			/* NULL is fine */

unsigned book_count(const struct book *, const char *about);
int book_add(struct book *, const char *line);		/* with its newline; when it fails the book is as it was */
int book_text(const struct book *, char **ret);		/* all of it; the caller frees */

#endif
