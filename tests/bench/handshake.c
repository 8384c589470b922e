/*
 * handshake.c - what one connection of an agent costs the collector at least: mutual TLS 1.3 with the certificates of the load generator,
 * by OpenSSL alone, in memory. Prints CPU microseconds of the server's side. The limit that a crowd's return is held against (R10).
 *   handshake FOLDER        a school of `load --school FOLDER`
 */
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/bench/issue.h"

#define TIMES 2000

static void die(const char *what)
{
	fprintf(stderr, "handshake: %s\n", what);
	exit(1);
}

static SSL_CTX *server(const char *folder)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	char ca[512], cert[512], key[512];

	snprintf(ca, sizeof(ca), "%s/identity/ca.pem", folder);
	snprintf(cert, sizeof(cert), "%s/identity/cert.pem", folder);
	snprintf(key, sizeof(key), "%s/identity/key.pem", folder);
	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) || !SSL_CTX_load_verify_locations(ctx, ca, NULL) ||
	    SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 || SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		die("the school's files cannot be used");
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return ctx;
}

static double spent(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The server's microseconds. */
static double shake(SSL_CTX *server_ctx, SSL_CTX *client_ctx)
{
	double at, sum = 0;
	SSL *s, *c;
	BIO *a = NULL, *b = NULL;
	int turns = 0;

	at = spent();
	s = SSL_new(server_ctx);
	sum += spent() - at;
	c = SSL_new(client_ctx);
	if (!s || !c || !BIO_new_bio_pair(&a, 0, &b, 0))
		die("out of memory");
	SSL_set_bio(s, a, a);
	SSL_set_bio(c, b, b);
	SSL_set_accept_state(s);
	SSL_set_connect_state(c);
	while (!SSL_is_init_finished(s) || !SSL_is_init_finished(c)) {
		if (turns++ > 10)
			die("no handshake");
		SSL_do_handshake(c);
		at = spent();
		SSL_do_handshake(s);
		sum += spent() - at;
	}
	at = spent();
	SSL_free(s);
	sum += spent() - at;
	SSL_free(c);
	return sum;
}

int main(int argc, char **argv)
{
	SSL_CTX *server_ctx, *client_ctx;
	char uuid[37];
	double sum = 0;

	if (argc != 2)
		die("usage: handshake FOLDER");
	server_ctx = server(argv[1]);
	client_ctx = issue_agent(argv[1], 0, uuid);
	for (int i = 0; i < TIMES; i++)
		sum += shake(server_ctx, client_ctx);
	printf("%.0f\n", sum / TIMES);
	SSL_CTX_free(client_ctx);
	SSL_CTX_free(server_ctx);
	return 0;
}
