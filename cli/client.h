/* client.h - asks the collector over its local socket: the same named queries as the dashboard (doc/api.md). */
#ifndef CLIENT_H
#define CLIENT_H

#include <jansson.h>

/* Where the collector listens: --socket, else $BEADLE_SOCKET, else where it is likely, else the installed default. */
void client_socket(const char *path);
void client_likely_socket(const char *path);	/* the caller's, and lasts */
const char *client_socket_path(void);

/* One question, one answer. Takes `arguments` over (NULL: none). 0 with *ret (json_decref it); else prints one line to
 * stderr, what is wrong and what to do, and returns the exit code of the command. */
int client_ask(const char *name, json_t *arguments, json_t **ret);

#endif
