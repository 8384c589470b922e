#include "settings_file.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf.h"
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
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
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
	/* One address, so that it need not be asked which is better: there is no network here. */
	if (getaddrinfo(*host ? host : "::", colon + 1, &hints, &found) != 0)
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

int settings_parse(const char *file, bool doors_alone, struct settings *s)
{
	struct problems *p = problems_new();
	struct conf *c = p ? conf_read(file, p) : NULL;
	bool readable;
	int r;

	if (!c) {
		problems_free(p);
		return -ENOMEM;
	}
	readable = problems_count(p) == 0;	/* in what is not, nothing is missing */
	if (readable)
		read_doors(conf_root(c), s, p);
	if (readable && !doors_alone)
		read_rest(conf_root(c), s, p);
	if (readable || !doors_alone)
		problems_print(p);
	r = problems_count(p) ? -EINVAL : 0;
	conf_free(c);
	problems_free(p);
	return r;
}
