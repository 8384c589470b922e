#include "names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "io.h"

#define FILE_NAME "names"

static bool is_address(const char *s)
{
	unsigned char a[16];

	return inet_pton(AF_INET, s, a) == 1 || inet_pton(AF_INET6, s, a) == 1;
}

static bool is_host(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n < 254 && s[0] != '.' && s[0] != '-' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") == n;
}

int names_spell(const char *const *hosts, size_t n, bool constraint, char *buf, size_t room)
{
	size_t at = constraint ? (size_t)snprintf(buf, room, "critical") : 0, addresses = 0;

	for (size_t i = 0; i < n; i++) {
		bool address = is_address(hosts[i]);
		const char *mask = !address || !constraint ? "" : strchr(hosts[i], ':') ?
			"/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" : "/255.255.255.255";

		if (!address && !is_host(hosts[i]))
			return -EINVAL;
		addresses += address;
		at += (size_t)snprintf(buf + at, room - at, "%s%s%s%s%s", at ? "," : "", constraint ? "permitted;" : "",
				       address ? "IP:" : "DNS:", hosts[i], mask);
		if (at >= room)
			return -ENAMETOOLONG;
	}
	if (constraint)
		at += (size_t)snprintf(buf + at, room - at, "%s%s", addresses ? "" : ",excluded;IP:0.0.0.0/0.0.0.0,excluded;IP:::/::",
				       addresses < n ? "" : ",permitted;DNS:invalid");
	return !n ? -EINVAL : at >= room ? -ENAMETOOLONG : 0;
}

int names_write(const char *signer_folder, const struct names *its)
{
	char path[PATH_MAX], text[sizeof(*its) + 4];
	int n = snprintf(text, sizeof(text), "%s\n%s\n%s\n", its->school, its->collector, its->web);

	return access(io_path(path, signer_folder, FILE_NAME), F_OK) == 0 ? 0 : io_replace_file(path, text, (size_t)n, 0600);
}

int names_read(const char *signer_folder, struct names *ret)
{
	char path[PATH_MAX];
	FREE char *text = NULL;
	int r = io_read_file(io_path(path, signer_folder, FILE_NAME), sizeof(*ret), &text, NULL);

	return r < 0 ? r : sscanf(text, "%63[^\n]\n%63[^\n]\n%4095[^\n]", ret->school, ret->collector, ret->web) == 3 ? 0 : -EINVAL;
}
