/* beadle identity new: the key is made here, the collector hands the public half to its signer. */
#include <errno.h>
#include <getopt.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "client.h"
#include "command.h"
#include "document.h"
#include "io.h"

static char *pem_of(BIO *bio, size_t *ret_n)
{
	char *data;
	long n = BIO_get_mem_data(bio, &data);

	*ret_n = (size_t)n;
	return data;
}

/* A request that says nothing but "this is my public key": names are the signer's to give. */
static bool make_request(EVP_PKEY *key, BIO *out)
{
	X509_REQ *request = X509_REQ_new();
	bool ok = request && X509_REQ_set_version(request, 0) && X509_REQ_set_pubkey(request, key) &&
		  X509_REQ_sign(request, key, EVP_sha256()) > 0 && PEM_write_bio_X509_REQ(out, request) == 1;

	X509_REQ_free(request);
	return ok;
}

static int write_file(const char *folder, const char *name, const char *text, size_t n, mode_t mode)
{
	char path[4096];
	int r = -ENAMETOOLONG;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path))
		r = io_replace_file(path, text, n, mode);
	if (r < 0)
		fprintf(stderr, "beadle: %s/%s: %s\n", folder, name, strerror(-r));
	return r;
}

static int write_bundle(const char *folder, BIO *key, const json_t *answer)
{
	const char *cert = document_text(answer, "certificate"), *ca = document_text(answer, "ca");
	size_t n;
	char *text = pem_of(key, &n);

	if (write_file(folder, "key.pem", text, n, 0600) < 0 ||
	    write_file(folder, "cert.pem", cert, strlen(cert), 0644) < 0 ||
	    write_file(folder, "ca.pem", ca, strlen(ca), 0644) < 0)
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
	if (!*ret_made && errno != EEXIST) {
		fprintf(stderr, "beadle: %s: %s\n", folder, strerror(errno));
		return EXIT_FAILED;
	}
	snprintf(path, sizeof(path), "%s/key.pem", folder);
	if (access(path, F_OK) < 0)
		return EXIT_DONE;
	fprintf(stderr, "beadle: %s: an identity is here already: name another folder, or move this one away\n",
		folder);
	return EXIT_FAILED;
}

static int make(const char *host, const char *folder)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *secret = BIO_new(BIO_s_mem()), *request = BIO_new(BIO_s_mem());
	int r = EXIT_FAILED;
	bool made = false;
	json_t *answer = NULL;
	char *csr;
	size_t n;

	if (!key || !secret || !request || PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) != 1 ||
	    !make_request(key, request))
		fprintf(stderr, "beadle: OpenSSL could not make a P-256 key\n");
	else if ((r = make_folder(folder, &made)) == EXIT_DONE) {
		csr = pem_of(request, &n);
		r = client_ask("identity.new", json_pack("{s:s, s:s%}", "host", host, "csr", csr, n), &answer);
	}
	if (r == EXIT_DONE)
		r = write_bundle(folder, secret, answer);
	if (r != EXIT_DONE && made)
		rmdir(folder);		/* nothing came of it; stays when something is in it */
	if (r == EXIT_DONE && command_json)
		r = command_print(json_incref(answer));
	json_decref(answer);
	EVP_PKEY_free(key);
	BIO_free(secret);
	BIO_free(request);
	return r;
}

int command_identity(int argc, char **argv)
{
	static const struct option options[] = {{"host", required_argument, NULL, 'H'},
		{"out", required_argument, NULL, 'o'}, {NULL, 0, NULL, 0}};
	const char *host = NULL, *out = NULL;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'H')
			host = optarg;
		else if (o == 'o')
			out = optarg;
		else
			return command_usage_option(argv);
	}
	if (optind + 1 != argc || strcmp(argv[optind], "new"))
		return command_usage(argv[0], "the only act here is \"new\"");
	if (!host || !out)
		return command_usage(argv[0], "needs --host and --out");
	return make(host, out);
}
