#include "settings.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "conf.h"
#include "io.h"
#include "text.h"

static void copy(const struct conf_node *map, const char *key, const char *value, char *to, size_t room, struct problems *p)
{
	if (strlen(value) >= room)
		problem(p, conf_file(map), conf_line(map), key, "is too long: at most %zu bytes", room - 1);
	else
		strcpy(to, value);
}

static void read_text(const struct conf_node *root, const char *key, const char *dflt, char *to, size_t room, struct problems *p)
{
	const char *value;

	conf_string(root, key, dflt, &value, p);
	if (!value)
		problem(p, conf_file(root), conf_line(root), key, "is missing");
	else
		copy(root, key, value, to, room, p);
}

/* "192.0.2.1:7411", "[::]:7411": addresses, not names, because a name may be answered by anyone. */
static int parse_address(const char *text, struct sockaddr_storage *ret)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
	const char *colon = strrchr(text, ':');
	struct addrinfo *found;
	char host[64];
	int64_t port;
	size_t n = colon ? (size_t)(colon - text) : 0;

	if (!colon || n >= sizeof(host))
		return -EINVAL;
	if (text_int(colon + 1, &port) < 0 || port < 0 || port > 65535)		/* getaddrinfo takes it modulo 65536 */
		return -EINVAL;
	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	memcpy(host, text, n);
	host[n] = 0;
	if (getaddrinfo(*host ? host : NULL, colon + 1, &hints, &found) != 0)
		return -EINVAL;
	memcpy(ret, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return 0;
}

static void read_address(const struct conf_node *listen, const char *key, const char *dflt, struct sockaddr_storage *ret,
			 struct problems *p)
{
	const char *value = dflt;

	if (listen)
		conf_string(listen, key, dflt, &value, p);
	if (parse_address(value, ret) < 0)
		problem(p, conf_file(listen), conf_line(conf_get(listen, key)), key,
			"\"%s\": expected ADDRESS:PORT, such as [::]:7411 or 192.0.2.1:7411", value);
}

static void read_hosts(const struct conf_node *root, struct settings *s, struct problems *p)
{
	const struct conf_node *list = conf_list(root, "dashboard", p);
	char own[256];

	for (size_t i = 0; i < conf_count(list) && i < SETTINGS_HOSTS; i++)
		if (conf_value(conf_at(list, i)))
			copy(conf_at(list, i), "dashboard", conf_value(conf_at(list, i)), s->hosts[s->hosts_n++], 256, p);
	if (conf_count(list) > SETTINGS_HOSTS)
		problem(p, conf_file(list), conf_line(list), "dashboard", "too many names: at most %d", SETTINGS_HOSTS);
	if (s->hosts_n)
		return;
	/* Nothing said: this machine, by its name and from itself. */
	if (gethostname(own, sizeof(own)) == 0 && memchr(own, 0, sizeof(own)))
		strcpy(s->hosts[s->hosts_n++], own);
	strcpy(s->hosts[s->hosts_n++], "localhost");
	strcpy(s->hosts[s->hosts_n++], "127.0.0.1");
	strcpy(s->hosts[s->hosts_n++], "::1");
}

static void read_doors(const struct conf_node *root, struct settings *s, struct problems *p)
{
	const struct conf_node *listen = conf_map(root, "listen", p);

	read_address(listen, "agents", "[::]:7411", &s->agents, p);
	read_address(listen, "enrolment", "[::]:7412", &s->enrolment, p);
	read_address(listen, "web", "[::]:8443", &s->web, p);
	if (listen)
		conf_done(listen, p);
	read_hosts(root, s, p);
}

static void read_rest(const struct conf_node *root, struct settings *s, struct problems *p)
{
	read_text(root, "state", "/var/lib/beadle/collector", s->state, sizeof(s->state), p);
	read_text(root, "school", NULL, s->school, sizeof(s->school), p);
	read_text(root, "name", "collector", s->name, sizeof(s->name), p);
	if (s->state[0] && s->state[0] != '/')
		problem(p, conf_file(root), conf_line(conf_get(root, "state")), "state", "\"%s\": expected an absolute path", s->state);
}

static int read_all(const char *file, struct settings *s, bool doors_alone)
{
	struct problems *p = problems_new();
	struct conf *c = p ? conf_read(file, p) : NULL;
	const struct conf_node *root;
	int r;

	if (!c) {
		problems_free(p);
		return -ENOMEM;
	}
	root = conf_root(c);
	/* A file that is no YAML is told by those who read the most of it. */
	if (doors_alone && problems_count(p)) {
		conf_free(c);
		problems_free(p);
		return -EINVAL;
	}
	read_doors(root, s, p);
	if (!doors_alone)
		read_rest(root, s, p);
	problems_print(p);
	r = problems_count(p) ? -EINVAL : 0;
	conf_free(c);
	problems_free(p);
	return r;
}

/* What a child hands up is bounded, whatever became of it. */
static int bounded(const struct settings *s)
{
	bool ok = memchr(s->state, 0, sizeof(s->state)) && memchr(s->school, 0, sizeof(s->school)) &&
		  memchr(s->name, 0, sizeof(s->name)) && s->hosts_n > 0 && s->hosts_n <= SETTINGS_HOSTS && s->state[0] == '/';

	for (size_t i = 0; ok && i < s->hosts_n; i++)
		ok = memchr(s->hosts[i], 0, sizeof(s->hosts[i])) != NULL;
	return ok ? 0 : -EINVAL;
}

int settings_read(const char *file, struct settings *ret)
{
	struct settings s = {0};
	int pair[2], r = io_pair(SOCK_SEQPACKET, pair), status;
	pid_t child;
	ssize_t n;

	if (r < 0)
		return r;
	child = fork();
	if (child == 0) {
		r = read_all(file, &s, false);
		if (r == 0)
			r = io_send(pair[1], &s, sizeof(s), -1);
		_exit(r < 0);
	}
	close(pair[1]);
	n = child < 0 ? -errno : io_receive(pair[0], &s, sizeof(s), NULL);
	close(pair[0]);
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return child < 0 ? (int)n : -errno;
	if (status != 0 || n != (ssize_t)sizeof(s) || bounded(&s) < 0)
		return -EINVAL;
	*ret = s;
	return 0;
}

int settings_check(const char *file)
{
	struct settings s = {0};
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(read_all(file, &s, true) < 0);
	return child > 0 && waitpid(child, &status, 0) == child && status == 0 ? 0 : -EINVAL;
}
