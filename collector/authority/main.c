/* beadle-authority - makes the school's certificate authority and the first certificates, as far as they are not there yet, and ends. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "founding.h"
#include "log.h"
#include "secret.h"

#define HOSTS_MAX 16

static int make(const char *state, const char *school, const char *name, const char *const *hosts, size_t n)
{
	char why[256], fingerprint[FOUNDING_FINGERPRINT];
	int r = founding_make(state, school, name, hosts, n, why);

	if (r == 0 && (r = founding_fingerprint(state, fingerprint)) < 0)
		snprintf(why, sizeof(why), "%.200s/web/root.pem cannot be read", state);
	if (r < 0) {
		fprintf(stderr, "beadle-authority: %s\n", why);
		return EXIT_FAILURE;
	}
	printf("root certificate: %s/web/root.pem\nfingerprint: %s\n", state, fingerprint);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"state", required_argument, NULL, 's'}, {"school", required_argument, NULL, 'S'},
		{"name", required_argument, NULL, 'n'}, {"host", required_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	const char *state = NULL, *school = NULL, *name = "collector", *hosts[HOSTS_MAX];
	size_t n = 0;
	int o;

	log_open("authority");
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (o == 's')
			state = optarg;
		else if (o == 'S')
			school = optarg;
		else if (o == 'n')
			name = optarg;
		else if (o == 'h' && n < HOSTS_MAX)
			hosts[n++] = optarg;
		else
			return 2;
	if (!state || !school || !n) {
		fprintf(stderr, "usage: beadle-authority --state FOLDER --school S --name N --host H...\n");
		return 2;
	}
	secret_keep();		/* keys are in here while they are made */
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		log_debug("memory cannot be locked here: %s", strerror(errno));
	return make(state, school, name, hosts, n);
}
