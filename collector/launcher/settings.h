/* settings.h - the little that the launcher must know of collector.yaml, read by a child and handed up in fixed size. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <netinet/in.h>
#include <stddef.h>

#define SETTINGS_HOSTS 16

struct settings {
	char state[256];
	char school[64], name[64];
	char hosts[SETTINGS_HOSTS][256];	/* what the dashboard is called */
	size_t hosts_n;
	struct sockaddr_storage agents, enrolment, web;
};

/* 0; or -EINVAL, after every mistake was printed. The parsing happens in a child that can write nothing but its answer. */
int settings_read(const char *file, struct settings *ret);
/* The same for what only the launcher reads, listen and dashboard: the others check what is theirs. */
int settings_check(const char *file);

#endif
