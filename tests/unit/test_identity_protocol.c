/* What a handshake may be (I2): nothing older, nothing else, nothing taken over from another one. */
#include <check.h>
#include <string.h>

#include "tests/unit/impostor.h"

static void refused_protocol(SSL_CTX *other)
{
	SSL_CTX *victim = victim_for(AGENTS, folder[COLLECTORS]);
	struct identity id;
	char why[256];

	ck_assert_int_lt(judge(victim, other, AGENTS, &id, why), 0);
	ck_assert_msg(strlen(why) > 10, "no reason");
	SSL_CTX_free(victim);
	SSL_CTX_free(other);
}

START_TEST(test_i02_nothing_below_tls_1_3)
{
	static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION};
	SSL_CTX *other = impostor(&(struct wish){0}, AGENTS);

	SSL_CTX_set_min_proto_version(other, versions[_i]);
	SSL_CTX_set_max_proto_version(other, versions[_i]);
	refused_protocol(other);
}
END_TEST

START_TEST(test_i02_another_protocol_or_none_is_refused)
{
	static const char *const protocols[] = {"", "\x02h2", ("\x08" "beadle/2")};
	SSL_CTX *other = impostor(&(struct wish){0}, AGENTS);

	SSL_CTX_set_alpn_protos(other, (const unsigned char *)protocols[_i], (unsigned)strlen(protocols[_i]));
	refused_protocol(other);
}
END_TEST

/* The client keeps whatever session it can get, and offers it the next time. */
START_TEST(test_i02_a_second_connection_is_verified_like_the_first)
{
	SSL_CTX *victim = victim_for(AGENTS, folder[COLLECTORS]), *other = impostor(&(struct wish){0}, AGENTS);
	struct meeting m = meet(victim, other, 1);
	SSL_SESSION *session;
	char byte;
	BIO *a, *b;

	SSL_read(m.other, &byte, 1);	/* takes in tickets, if there were any */
	session = SSL_get1_session(m.other);
	ck_assert(!SSL_SESSION_is_resumable(session));
	ck_assert_uint_eq(SSL_SESSION_get_max_early_data(session), 0);
	part(&m);

	m = (struct meeting){SSL_new(victim), SSL_new(other), false};
	ck_assert_int_eq(BIO_new_bio_pair(&a, 1 << 20, &b, 1 << 20), 1);
	SSL_set_bio(m.victim, a, a);
	SSL_set_bio(m.other, b, b);
	SSL_set_accept_state(m.victim);
	SSL_set_connect_state(m.other);
	SSL_set_session(m.other, session);
	for (int i = 0; i < 10; i++) {
		SSL_do_handshake(m.other);
		SSL_do_handshake(m.victim);
	}
	ck_assert(SSL_is_init_finished(m.victim));
	ck_assert(!SSL_session_reused(m.victim));
	ck_assert_ptr_nonnull(SSL_get0_verified_chain(m.victim));
	SSL_SESSION_free(session);
	part(&m);
	SSL_CTX_free(victim);
	SSL_CTX_free(other);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, test_i02_nothing_below_tls_1_3, 0, 3);
	tcase_add_loop_test(tc, test_i02_another_protocol_or_none_is_refused, 0, 3);
	T(test_i02_a_second_connection_is_verified_like_the_first);
}

int main(void)
{
	return suite_main("identity, protocol", set_up, tear_down, 60, add);
}
