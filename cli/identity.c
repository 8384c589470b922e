/* beadle identity: new ones, whose key is made here and whose public half the collector hands to its signer; the list; revocation. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "client.h"
#include "clock.h"
#include "command.h"
#include "document.h"
#include "io.h"
#include "pem.h"
#include "request.h"
#include "screen.h"

static bool make_request(EVP_PKEY *key, BIO *out)
{
	uint8_t *der = NULL;
	size_t n;
	bool ok = request_make(key, &der, &n) == 0 && PEM_write_bio(out, PEM_STRING_X509_REQ, "", der, (long)n) > 0;

	OPENSSL_free(der);
	return ok;
}

static int write_file(const char *folder, const char *name, const char *text)
{
	char path[PATH_MAX];
	int r = io_replace_file(io_path(path, folder, name), text, strlen(text), 0644);

	return r < 0 ? command_failed(path, r) : EXIT_DONE;
}

static int write_bundle(const char *folder, EVP_PKEY *key, const json_t *answer)
{
	int r = pem_write_key(folder, "key.pem", key);

	if (r < 0)
		return command_failed(folder, r);
	if (write_file(folder, "cert.pem", document_text(answer, "certificate")) != EXIT_DONE ||
	    write_file(folder, "ca.pem", document_text(answer, "ca")) != EXIT_DONE)
		return EXIT_FAILED;
	if (!command_json)
		printf("%s: identity of %s\n"
		       "copy this folder to that server's identity folder; key.pem speaks for it, so not by mail\n",
		       folder, document_text(answer, "uuid"));
	return EXIT_DONE;
}

/* Whoever writes over a key takes a server's identity away: ret_made says whether the folder is new. */
static int make_folder(const char *folder, bool *ret_made)
{
	char path[4096];

	*ret_made = mkdir(folder, 0700) == 0;
	if (!*ret_made && errno != EEXIST)
		return command_failed(folder, -errno);
	snprintf(path, sizeof(path), "%s/key.pem", folder);
	if (access(path, F_OK) < 0)
		return EXIT_DONE;
	fprintf(stderr, "beadle: %s: an identity is here already: name another folder, or move this one away\n",
		folder);
	return EXIT_FAILED;
}

static int make(const char *host, const char *folder, bool replace)
{
	KEY *key = EVP_EC_gen("P-256");
	BIO *request = BIO_new(BIO_s_mem());
	int r = EXIT_FAILED;
	bool made = false;
	json_t *answer = NULL;
	char *csr;

	if (!key || !request || !make_request(key, request))
		fprintf(stderr, "beadle: OpenSSL could not make a P-256 key\n");
	else if ((r = make_folder(folder, &made)) == EXIT_DONE) {
		long n = BIO_get_mem_data(request, &csr);

		r = client_ask("identity.new", json_pack("{s:s, s:s%, s:b}", "host", host, "csr", csr, (size_t)n, "replace", replace), &answer);
	}
	if (r == EXIT_DONE)
		r = write_bundle(folder, key, answer);
	if (r != EXIT_DONE && made)
		rmdir(folder);		/* nothing came of it; stays when something is in it */
	if (r == EXIT_DONE && command_json)
		r = command_print(json_incref(answer));
	json_decref(answer);
	BIO_free(request);
	return r;
}

/* ---- list, revoke ---- */

static const char *state_of(const json_t *i)
{
	if (document_number(i, "revoked_at"))
		return "revoked";
	return json_is_true(json_object_get(i, "connected")) ? "connected" : json_is_string(json_object_get(i, "address")) ? "away" : "not seen";
}

static const char *day(long long wall_ns, char buf[16])
{
	time_t t = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;

	if (!wall_ns || !gmtime_r(&t, &tm) || !strftime(buf, 16, "%Y-%m-%d", &tm))
		strcpy(buf, "-");
	return buf;
}

static int list(void)
{
	static const char *const heads[] = {"host", "state", "certificate", "made", "ends", "uuid"};
	struct screen_table *t;
	const json_t *i;
	json_t *d;
	size_t n;
	int r = client_ask("identity.list", NULL, &d);

	if (r)
		return r;
	if (command_json)
		return command_print(d);
	t = screen_table(heads, 6);
	json_array_foreach(json_object_get(d, "identities"), n, i) {
		char made[16], ends[16];

		screen_cell(t, SCREEN_PLAIN, "%s", document_text(i, "host"));
		screen_cell(t, document_number(i, "revoked_at") ? SCREEN_BAD : SCREEN_PLAIN, "%s", state_of(i));
		screen_cell(t, SCREEN_FAINT, "%lld", document_number(i, "generation"));
		screen_cell(t, SCREEN_FAINT, "%s", day(document_number(i, "issued_at"), made));
		screen_cell(t, SCREEN_FAINT, "%s", day(document_number(i, "not_after_at"), ends));
		screen_cell(t, SCREEN_FAINT, "%s", document_text(i, "uuid"));
	}
	screen_print(t);
	json_decref(d);
	return EXIT_DONE;
}

static int give_up(const char *host)
{
	json_t *d;
	int r = client_ask("identity.revoke", json_pack("{s:s}", "host", host), &d);

	if (r)
		return r;
	if (command_json)
		return command_print(d);
	screen_line(stdout, "%s: revoked for good; its connection has ended, its record stays", document_text(d, "host"));
	json_decref(d);
	return EXIT_DONE;
}

int command_identity(int argc, char **argv)
{
	static const struct option options[] = {{"host", required_argument, NULL, 'H'},
		{"out", required_argument, NULL, 'o'}, {"replace", no_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
	const char *host = NULL, *out = NULL, *act;
	bool replace = false;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'H')
			host = optarg;
		else if (o == 'o')
			out = optarg;
		else if (o == 'r')
			replace = true;
		else
			return command_usage_option(argv);
	}
	act = optind < argc ? argv[optind] : "";
	if (!strcmp(act, "new") && optind + 1 == argc)
		return host && out ? make(host, out, replace) : command_usage(argv[0], "new needs --host and --out");
	if (host || out || replace)
		return command_usage(argv[0], "--host, --out and --replace belong to \"new\"");
	if (!strcmp(act, "list") && optind + 1 == argc)
		return list();
	if (!strcmp(act, "revoke"))
		return optind + 2 == argc ? give_up(argv[optind + 1]) : command_usage(argv[0], "revoke needs the name of one host");
	return command_usage(argv[0], "needs one of new, list, revoke");
}
