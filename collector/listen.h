/* listen.h - the socket at which agents call: handed on by the launcher, or opened here (tests, benchmarks). Both log what fails. */
#ifndef LISTEN_H
#define LISTEN_H

#include <stdbool.h>

int listen_open(const char *address);	/* "127.0.0.1:0", "[::1]:7411"; logs where it listens; -1: failed */
bool listen_adopt(int fd);
unsigned listen_port(int fd);		/* 0: none, or it has none */

#endif
