#include "door.h"

#include <openssl/err.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in, unsigned in_n, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;

	if (SSL_select_next_proto(&chosen, out_n, ours, sizeof(ours) - 1, in, in_n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static bool load(SSL_CTX *ctx, const char *folder, char why[256])
{
	char path[4096];
	struct stat st;

	snprintf(path, sizeof(path), "%s/key.pem", folder);
	if (stat(path, &st) == 0 && (st.st_mode & 077)) {
		snprintf(why, 256, "%s can be read by others: chmod 600 %s", path, path);
		return false;
	}
	if (SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) == 1) {
		snprintf(path, sizeof(path), "%s/cert.pem", folder);
		if (SSL_CTX_use_certificate_chain_file(ctx, path) == 1 && SSL_CTX_check_private_key(ctx) == 1)
			return true;
	}
	snprintf(why, 256, "%s: %s", path, ERR_reason_error_string(ERR_peek_last_error()));
	ERR_clear_error();
	return false;
}

SSL_CTX *door_context(const char *folder, char why[256])
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) || !SSL_CTX_set_num_tickets(ctx, 0)) {
		snprintf(why, 256, "OpenSSL cannot do TLS 1.3 here");
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
	if (load(ctx, folder, why))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}
