#include "identity.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cleanup.h"
#include "token.h"

/* Which protocol is spoken: length and name. */
static const char agents[] = "\x08" "beadle/1", enrolment[] = "\x0e" "beadle-enrol/1";
#define CERTIFICATE_MAX (8 * 1024)
#define CHAIN_MAX (16 * 1024)
#define DEPTH_MAX 3			/* leaf, at most one between, root */
#define AUTHORITIES 2			/* the one that counts, and the former */

static int deny(char why[256], const char *text)
{
	snprintf(why, 256, "%s", text);
	return -EACCES;
}

void identity_why(SSL *ssl, char why[256])
{
	long verdict = SSL_get_verify_result(ssl);
	unsigned long e = ERR_peek_last_error();

	if (verdict != X509_V_OK)
		snprintf(why, 256, "certificate refused: %s", X509_verify_cert_error_string(verdict));
	else if (ERR_reason_error_string(e))
		snprintf(why, 256, "handshake failed: %s", ERR_reason_error_string(e));
	else
		snprintf(why, 256, "handshake failed: the peer closed the connection");
	ERR_clear_error();
}

/* ---- contexts ---- */

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in, unsigned in_n,
		       void *arg)
{
	const unsigned char *ours = arg;
	unsigned char *chosen;

	if (SSL_select_next_proto(&chosen, out_n, ours, ours[0] + 1u, in, in_n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static bool set_protocol(SSL_CTX *ctx, int server, const char *alpn)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);

	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
			      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_recv_max_early_data(ctx, 0);
	SSL_CTX_set_max_cert_list(ctx, CHAIN_MAX);
	SSL_CTX_set_security_level(ctx, 2);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_verify_depth(ctx, DEPTH_MAX - 1);
	/* Whose clock counts is decided in identity_verify, not by the library. */
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_X509_STRICT);
	if (server)
		SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, (void *)alpn);
	else if (SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)alpn, (unsigned char)alpn[0] + 1u) != 0)
		return false;
	return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) && SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) &&
	       SSL_CTX_set_num_tickets(ctx, 0) &&
	       SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") &&
	       SSL_CTX_set1_groups_list(ctx, "X25519:P-256") && SSL_CTX_set1_sigalgs_list(ctx, "ECDSA+SHA256") &&
	       X509_VERIFY_PARAM_set_purpose(param, server ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER);
}

/* What the kernel said, where it did; the library's own last word for that is "system lib". */
static const char *reason_of_failure(void)
{
	unsigned long first = ERR_peek_error();
	const char *reason = ERR_SYSTEM_ERROR(first) ? NULL : ERR_reason_error_string(ERR_peek_last_error());

	return reason ? reason : strerror(ERR_SYSTEM_ERROR(first) ? ERR_GET_REASON(first) : errno);
}

/* "cannot load FOLDER/NAME: reason" */
static bool loaded(int ok, const char *folder, const char *name, char why[256])
{
	if (!ok)
		snprintf(why, 256, "cannot load %s/%s: %s", folder, name, reason_of_failure());
	ERR_clear_error();
	return ok;
}

static bool load(SSL_CTX *ctx, const char *folder, char why[256])
{
	char ca[4096], cert[4096], key[4096];
	struct stat st;

	if (snprintf(ca, sizeof(ca), "%s/ca.pem", folder) >= (int)sizeof(ca))
		return loaded(0, "", "a folder with so long a name", why);
	snprintf(cert, sizeof(cert), "%s/cert.pem", folder);
	snprintf(key, sizeof(key), "%s/key.pem", folder);
	if (stat(key, &st) == 0 && (st.st_mode & 077)) {
		snprintf(why, 256, "%s can be read by others: chmod 600 %s", key, key);
		return false;
	}
	return loaded(SSL_CTX_load_verify_file(ctx, ca) == 1, folder, "ca.pem", why) &&
	       loaded(SSL_CTX_use_certificate_chain_file(ctx, cert) == 1, folder, "cert.pem", why) &&
	       loaded(SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1, folder, "key.pem", why) &&
	       loaded(SSL_CTX_check_private_key(ctx) == 1, folder, "key.pem (it belongs to another certificate)", why);
}

static SSL_CTX *context(int server, const char *alpn, char why[256])
{
	SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());

	if (ctx && set_protocol(ctx, server, alpn))
		return ctx;
	snprintf(why, 256, "OpenSSL cannot do what is needed here: TLS 1.3 with AES-GCM, X25519, ECDSA");
	SSL_CTX_free(ctx);
	return NULL;
}

/* A server that another authority made its certificate shows those who trust only the former that this one vouches. */
static bool load_cross(SSL_CTX *ctx, const char *folder, char why[256])
{
	X509 *cross = NULL;
	int r = authority_read(folder, "cross.pem", &cross, 1);
	bool ok = r == -ENOENT || (r == 1 && SSL_CTX_add1_chain_cert(ctx, cross) == 1);

	X509_free(cross);
	return loaded(ok, folder, "cross.pem", why);
}

SSL_CTX *identity_context(const char *folder, int server, char why[256])
{
	SSL_CTX *ctx = context(server, agents, why);

	if (ctx && load(ctx, folder, why) && (!server || load_cross(ctx, folder, why)))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* ---- enrolment: one side has no certificate yet ---- */

/* Who has nothing but the hash of our authority's key must be shown the authority; also the former one, while that counts. */
static bool show_authority(SSL_CTX *ctx, const char *folder)
{
	X509 *all[AUTHORITIES];
	int n = authority_read(folder, "ca.pem", all, AUTHORITIES);
	bool ok = n > 0;

	for (int i = 0; i < n; i++) {
		ok = ok && SSL_CTX_add1_chain_cert(ctx, all[i]) == 1;
		X509_free(all[i]);
	}
	return ok;
}

SSL_CTX *identity_enrolment(const char *folder, char why[256])
{
	SSL_CTX *ctx = context(1, enrolment, why);

	if (ctx && load(ctx, folder, why) && load_cross(ctx, folder, why)) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
		if (show_authority(ctx, folder))
			return ctx;
		snprintf(why, 256, "cannot load %s/ca.pem", folder);
	}
	SSL_CTX_free(ctx);
	return NULL;
}

/* In place of files: of the certificates that are shown, the one with the pinned key is the authority. The rest is the library's. */
static int at_pin(X509_STORE_CTX *ctx, void *pin)
{
	STACK_OF(X509) *shown = X509_STORE_CTX_get0_untrusted(ctx), *trusted = sk_X509_new_null();
	uint8_t hash[TOKEN_HASH];
	int ok = 0;

	for (int i = 0; trusted && i < sk_X509_num(shown); i++)
		if (X509_self_signed(sk_X509_value(shown, i), 0) == 1 && token_pin(sk_X509_value(shown, i), hash) == 0 && !memcmp(hash, pin, sizeof(hash)))
			sk_X509_push(trusted, sk_X509_value(shown, i));
	if (sk_X509_num(trusted) > 0) {
		X509_STORE_CTX_set0_trusted_stack(ctx, trusted);
		ok = X509_verify_cert(ctx) == 1;
	} else
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_CERT_UNTRUSTED);
	sk_X509_free(trusted);
	return ok;
}

SSL_CTX *identity_pinned(const uint8_t pin[32], char why[256])
{
	SSL_CTX *ctx = context(0, enrolment, why);

	if (ctx)
		SSL_CTX_set_cert_verify_callback(ctx, at_pin, (void *)pin);
	return ctx;
}

/* ---- names ---- */

static bool plain_name(const char *s, size_t n, char ret[64])
{
	if (n == 0 || n > 63)
		return false;
	for (size_t i = 0; i < n; i++)		/* no NUL ends it */
		if (!memchr("abcdefghijklmnopqrstuvwxyz0123456789.-", s[i], 38))
			return false;
	memcpy(ret, s, n);
	ret[n] = 0;
	return true;
}

static bool uuid(const char *s, size_t n)
{
	if (n != 36)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
			return false;
	}
	return true;
}

int identity_parse(const char *uri, size_t n, struct identity *ret)
{
	static const char scheme[] = "beadle://";
	const char *end = uri + n, *school, *kind, *name;
	struct identity id = {0};

	if (n <= sizeof(scheme) - 1 || memcmp(uri, scheme, sizeof(scheme) - 1))
		return -EINVAL;
	school = uri + sizeof(scheme) - 1;
	kind = memchr(school, '/', (size_t)(end - school));
	name = kind ? memchr(kind + 1, '/', (size_t)(end - kind - 1)) : NULL;
	if (!name)
		return -EINVAL;
	if ((size_t)(name - kind) == sizeof("/agent") - 1 && !memcmp(kind, "/agent", sizeof("/agent") - 1))
		id.kind = IDENTITY_AGENT;
	else if ((size_t)(name - kind) == sizeof("/collector") - 1 && !memcmp(kind, "/collector", sizeof("/collector") - 1))
		id.kind = IDENTITY_COLLECTOR;
	else
		return -EINVAL;
	name++;
	if (!plain_name(school, (size_t)(kind - school), id.school) || !plain_name(name, (size_t)(end - name), id.name) ||
	    (id.kind == IDENTITY_AGENT && !uuid(name, (size_t)(end - name))))
		return -EINVAL;
	*ret = id;
	return 0;
}

static uint32_t generation_of(X509 *cert)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	const unsigned char *b = ASN1_STRING_get0_data(serial);

	return ASN1_STRING_length(serial) == IDENTITY_SERIAL && b[0] == IDENTITY_SERIAL_MARK ?
		(uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3] : 0;
}

int identity_of(X509 *cert, struct identity *ret)
{
	int critical = 0, r = -ENOENT;
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, &critical, NULL);

	if (names && sk_GENERAL_NAME_num(names) == 1) {
		GENERAL_NAME *name = sk_GENERAL_NAME_value(names, 0);
		const ASN1_IA5STRING *uri = name->type == GEN_URI ? name->d.uniformResourceIdentifier : NULL;

		r = uri ? identity_parse((const char *)ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri), ret) : -EINVAL;
	}
	GENERAL_NAMES_free(names);
	if (r == 0)
		ret->generation = generation_of(cert);
	return r;
}

static int right_school(SSL *ssl, const struct identity *peer, char why[256])
{
	X509 *own = SSL_get_certificate(ssl);
	struct identity us;

	if (!own || identity_of(own, &us) < 0)
		return deny(why, "refused: our own certificate names no school");
	if (strcmp(us.school, peer->school))
		return deny(why, "certificate refused: it is of another school");
	return 0;
}

static int right_name(X509 *leaf, enum identity_kind expected, struct identity *ret, char why[256])
{
	int r = identity_of(leaf, ret);

	if (r == -ENOENT)
		return deny(why, "certificate refused: it must name exactly one identity");
	if (r < 0)
		return deny(why, "certificate refused: its name is not beadle://SCHOOL/agent/UUID or .../collector/NAME");
	if (ret->kind != expected)
		return deny(why, expected == IDENTITY_AGENT ? "certificate refused: it does not name an agent"
							    : "certificate refused: it does not name a collector");
	return 0;
}

/* ---- the decision ---- */

static int in_time(X509 *cert, int64_t now, char why[256])
{
	time_t t = (time_t)now;

	if (now == IDENTITY_ANY_TIME)
		return 0;
	if (X509_cmp_time(X509_get0_notBefore(cert), &t) >= 0)
		return deny(why, "certificate refused: not yet valid");
	if (X509_cmp_time(X509_get0_notAfter(cert), &t) <= 0)
		return deny(why, "certificate refused: expired");
	return 0;
}

static bool is_p256(X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	char group[32] = "";
	size_t n;

	return key && EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), &n) == 1 &&
	       !strcmp(group, "prime256v1");
}

static int right_usage(X509 *leaf, enum identity_kind expected, char why[256])
{
	uint32_t wanted = expected == IDENTITY_AGENT ? XKU_SSL_CLIENT : XKU_SSL_SERVER;
	uint32_t flags = X509_get_extension_flags(leaf);

	if (flags & EXFLAG_CA)
		return deny(why, "certificate refused: a certificate authority's is not a peer's");
	if (!(flags & EXFLAG_XKUSAGE) || X509_get_extended_key_usage(leaf) != wanted)
		return deny(why, expected == IDENTITY_AGENT ? "certificate refused: it is not for a client alone"
							    : "certificate refused: it is not for a server alone");
	if (!(flags & EXFLAG_KUSAGE) || !(X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE))
		return deny(why, "certificate refused: its key is not for signatures");
	return 0;
}

static int session_is_ours(SSL *ssl, const char *alpn, char why[256])
{
	const unsigned char *chosen;
	unsigned n;

	SSL_get0_alpn_selected(ssl, &chosen, &n);
	if (SSL_version(ssl) != TLS1_3_VERSION)
		return deny(why, "refused: not TLS 1.3");
	if (SSL_session_reused(ssl))
		return deny(why, "refused: a resumed session");
	if (n != (unsigned char)alpn[0] || memcmp(chosen, alpn + 1, n))
		return deny(why, "refused: the peer does not speak beadle/1");
	return 0;
}

/* Everything but the school. */
static int verify(SSL *ssl, const char *alpn, enum identity_kind expected, int64_t now, struct identity *ret_id, char why[256])
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	X509 *leaf = SSL_get0_peer_certificate(ssl);
	int r = session_is_ours(ssl, alpn, why);

	if (r < 0)
		return r;
	if (!leaf)
		return deny(why, "refused: no certificate");
	if (SSL_get_verify_result(ssl) != X509_V_OK) {
		identity_why(ssl, why);
		return -EACCES;
	}
	if (!chain || sk_X509_num(chain) < 2 || sk_X509_num(chain) > DEPTH_MAX)
		return deny(why, "certificate refused: its chain is too short or too long");
	for (int i = 0; i < sk_X509_num(chain) && r == 0; i++) {
		X509 *cert = sk_X509_value(chain, i);

		r = in_time(cert, now, why);
		if (r == 0 && (!is_p256(cert) || X509_get_signature_nid(cert) != NID_ecdsa_with_SHA256))
			r = deny(why, "certificate refused: only P-256 with SHA-256 is used here");
		if (r == 0 && i2d_X509(cert, NULL) > CERTIFICATE_MAX)
			r = deny(why, "certificate refused: it is larger than 8 KiB");
	}
	if (r == 0)
		r = right_usage(leaf, expected, why);
	if (r == 0)
		r = right_name(leaf, expected, ret_id, why);
	if (r == 0)		/* not as the certificate has it: whoever made it wrote that */
		authority_id(sk_X509_value(chain, sk_X509_num(chain) - 1), ret_id->authority);
	return r;
}

int identity_verify(SSL *ssl, enum identity_kind expected, int64_t now, struct identity *ret_id, char why[256])
{
	struct identity id;
	int r = verify(ssl, agents, expected, now, &id, why);

	if (r == 0)
		r = right_school(ssl, &id, why);
	if (r == 0)
		*ret_id = id;
	return r;
}

int64_t identity_begin(SSL *ssl)
{
	X509 *leaf = SSL_get0_peer_certificate(ssl);
	struct tm tm;

	return leaf && ASN1_TIME_to_tm(X509_get0_notBefore(leaf), &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

int identity_verify_pinned(SSL *ssl, int64_t made, struct identity *ret_id, char why[256])
{
	int64_t begin = identity_begin(ssl);
	struct identity id;
	int r = verify(ssl, enrolment, IDENTITY_COLLECTOR, made > begin ? made : begin + 1, &id, why);

	if (r == 0)
		*ret_id = id;
	return r;
}
