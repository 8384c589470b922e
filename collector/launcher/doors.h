/* doors.h - the sockets at which a collector listens. What goes wrong is logged; -errno. */
#ifndef DOORS_H
#define DOORS_H

#include <netinet/in.h>

/* Listens; logs `format` with ADDRESS:PORT as bound (port 0 takes a free one). */
int doors_open(const struct sockaddr_storage *, const char *format) __attribute__((format(printf, 2, 0)));
/* A door that is opened and shut by whom it is handed to, with listen(2) and shutdown(2). Logged as above. */
int doors_bind(const struct sockaddr_storage *, const char *format) __attribute__((format(printf, 2, 0)));
/* STATE/collector.sock: root, and where there is one the group beadle. */
int doors_local(const char *state);
unsigned doors_port(const struct sockaddr_storage *);

#endif
