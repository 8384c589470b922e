/*
 * Certificates against the one function that decides (I1): a factory makes one good one and many that are wrong in one thing each,
 * and every one is shown to a real peer in a real handshake, in both directions.
 */
#include <check.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/unit/impostor.h"

static const struct wish agents[] = {
	{"expired", .from = -400, .to = -1},
	{"not yet valid", .from = 1, .to = 398},
	{"self-signed", .by = SELF},
	{"of another CA of the same name", .by = SAME_NAME},
	{"signed by a leaf", .by = LEAF},
	{"of a chain 20 deep", .by = DEEP},
	{"a server's", .eku = "serverAuth"},
	{"for both uses", .eku = "clientAuth,serverAuth"},
	{"for a client and mail", .eku = "clientAuth,emailProtection"},
	{"for any use", .eku = "anyExtendedKeyUsage"},
	{"for no stated use", .eku = "none"},
	{"a CA's", .ca = true},
	{"with a key for encryption alone", .usage = "critical,keyEncipherment"},
	{"without key usage", .usage = "none"},
	{"two names", .second = "beadle://twvs/agent/0189f7e2-7d3c-7a10-8f31-2b6c1d4e5f61"},
	{"a name and a DNS name", .second = "dns"},
	{"no name", .none = true},
	{"a DNS name", .name = "agent.twvs.example", .type = GEN_DNS},
	{"a mail address", .name = "a@twvs.example", .type = GEN_EMAIL},
	{"a collector's name", .name = COLLECTOR},
	{"a NUL in the name", .name = AGENT "\0.evil", .name_n = sizeof(AGENT "\0.evil") - 1},
	{"a NUL at the name's end", .name = AGENT "\0", .name_n = sizeof(AGENT)},
	{"a wildcard", .name = "beadle://twvs/agent/*"},
	{"a wildcard for the school", .name = "beadle://*/agent/" UUID},
	{"capitals", .name = "beadle://twvs/agent/0189F7E2-7D3C-7A10-8F31-2B6C1D4E5F60"},
	{"a short UUID", .name = "beadle://twvs/agent/0189f7e2"},
	{"more path", .name = AGENT "/x"},
	{"a query", .name = AGENT "?x"},
	{"another school's name", .name = "beadle://twvs2/agent/" UUID},
	{"a part of the school's name", .name = "beadle://twv/agent/" UUID},
	{"a percent sign", .name = "beadle://twvs/agent/0189f7e2%2d7d3c-7a10-8f31-2b6c1d4e5f60"},
	{"another scheme", .name = "https://twvs/agent/" UUID},
	{"no school", .name = "beadle:///agent/" UUID},
	{"a user in the school", .name = "beadle://a@twvs/agent/" UUID},
	{"an empty name", .name = "", .name_n = 0},
	{"RSA-1024", .key = "rsa1024"},
	{"RSA-2048", .key = "rsa2048"},
	{"P-384", .key = "p384"},
	{"SHA-1", .md = EVP_sha1},
	{"SHA-384", .md = EVP_sha384},
	{"100 KiB of extensions", .bulk = 100 * 1024},
	{"9 KiB of extensions", .bulk = 9 * 1024},
	{"a root that is over", .late_root = true},
};
static const struct wish collectors[] = {
	{"expired", .from = -400, .to = -1},
	{"not yet valid", .from = 1, .to = 398},
	{"self-signed", .by = SELF},
	{"of another CA of the same name", .by = SAME_NAME},
	{"signed by a leaf", .by = LEAF},
	{"of a chain 20 deep", .by = DEEP},
	{"a client's", .eku = "clientAuth"},
	{"for both uses", .eku = "clientAuth,serverAuth"},
	{"for no stated use", .eku = "none"},
	{"a CA's", .ca = true},
	{"two names", .second = COLLECTOR "2"},
	{"no name", .none = true},
	{"an agent's name", .name = AGENT},
	{"a wildcard", .name = "beadle://twvs/collector/*"},
	{"another school's name", .name = "beadle://twvs2/collector/main"},
	{"a part of the school's name", .name = "beadle://twv/collector/main"},
	{"for any use", .eku = "anyExtendedKeyUsage"},
	{"with a key for encryption alone", .usage = "critical,keyEncipherment"},
	{"without key usage", .usage = "none"},
	{"a name and a DNS name", .second = "dns"},
	{"a DNS name", .name = "main.twvs.example", .type = GEN_DNS},
	{"a mail address", .name = "a@twvs.example", .type = GEN_EMAIL},
	{"a NUL in the name", .name = COLLECTOR "\0.evil", .name_n = sizeof(COLLECTOR "\0.evil") - 1},
	{"a NUL at the name's end", .name = COLLECTOR "\0", .name_n = sizeof(COLLECTOR)},
	{"a wildcard for the school", .name = "beadle://*/collector/main"},
	{"more path", .name = COLLECTOR "/x"},
	{"another scheme", .name = "https://twvs/collector/main"},
	{"no school", .name = "beadle:///collector/main"},
	{"a user in the school", .name = "beadle://a@twvs/collector/main"},
	{"RSA-1024", .key = "rsa1024"},
	{"P-384", .key = "p384"},
	{"SHA-384", .md = EVP_sha384},
	{"100 KiB of extensions", .bulk = 100 * 1024},
	{"a root that is over", .late_root = true},
	{"capitals", .name = "beadle://twvs/collector/Main"},
	{"RSA-2048", .key = "rsa2048"},
	{"SHA-1", .md = EVP_sha1},
	{"9 KiB of extensions", .bulk = 9 * 1024},
};
#define N(a) ((int)(sizeof(a) / sizeof(*(a))))

static void refuses(const struct wish *w, int whose)
{
	char why[256], with_late[64];
	struct identity id = {.name = "untouched"};
	SSL_CTX *victim, *other = impostor(w, whose);
	int r;

	if (w->late_root)	/* pinned, and over */
		write_folder(!whose, late.cert, with_late);
	victim = victim_for(whose, w->late_root ? with_late : folder[!whose]);
	r = judge(victim, other, whose, &id, why);
	ck_assert_msg(r < 0, "served: %s", w->what);
	ck_assert_msg(strlen(why) > 10, "%s: no reason was told", w->what);
	ck_assert_str_eq(id.name, "untouched");
	if (w->late_root)
		remove_folder(with_late);
	SSL_CTX_free(victim);
	SSL_CTX_free(other);
}

START_TEST(test_i01_a_bad_agent_is_refused) { refuses(&agents[_i], AGENTS); } END_TEST
START_TEST(test_i01_a_bad_collector_is_refused) { refuses(&collectors[_i], COLLECTORS); } END_TEST

START_TEST(test_i01_the_good_ones_pass)
{
	static const struct wish good[] = {{"directly", .by = OURS}, {"through one between", .by = BETWEEN}};
	struct identity id;
	char why[256];

	for (int whose = AGENTS; whose <= COLLECTORS; whose++)
		for (int i = 0; i < N(good); i++) {
			SSL_CTX *victim = victim_for(whose, folder[!whose]), *other = impostor(&good[i], whose);

			ck_assert_msg(judge(victim, other, whose, &id, why) == 0, "%s: %s", good[i].what, why);
			ck_assert_str_eq(id.school, "twvs");
			ck_assert_str_eq(id.name, whose == AGENTS ? UUID : "main");
			SSL_CTX_free(victim);
			SSL_CTX_free(other);
		}
}
END_TEST

START_TEST(test_i01_no_certificate_is_refused)
{
	SSL_CTX *victim = victim_for(AGENTS, folder[COLLECTORS]), *other = bare(0);
	struct identity id;
	char why[256];

	SSL_CTX_set_alpn_protos(other, (const unsigned char *)"\x08" "beadle/1", 9);
	ck_assert_int_lt(judge(victim, other, AGENTS, &id, why), 0);
	ck_assert_msg(strlen(why) > 10, "no reason");
	SSL_CTX_free(victim);
	SSL_CTX_free(other);
}
END_TEST

START_TEST(test_i01_the_clock_is_the_verifiers)
{
	SSL_CTX *victim = victim_for(AGENTS, folder[COLLECTORS]), *other = impostor(&(struct wish){0}, AGENTS);
	struct meeting m = meet(victim, other, 1);
	struct identity id;
	char why[256];

	ck_assert_int_eq(identity_verify(m.victim, IDENTITY_AGENT, NOW, &id, why), 0);
	ck_assert_int_lt(identity_verify(m.victim, IDENTITY_AGENT, NOW + 397 * DAY, &id, why), 0);
	ck_assert_ptr_nonnull(strstr(why, "expired"));
	ck_assert_int_lt(identity_verify(m.victim, IDENTITY_AGENT, NOW - 2 * DAY, &id, why), 0);
	ck_assert_ptr_nonnull(strstr(why, "not yet valid"));
	ck_assert_int_eq(identity_verify(m.victim, IDENTITY_AGENT, IDENTITY_ANY_TIME, &id, why), 0);
	ck_assert_int_lt(identity_verify(m.victim, IDENTITY_COLLECTOR, IDENTITY_ANY_TIME, &id, why), 0);
	ck_assert_int_lt(identity_verify(m.victim, IDENTITY_COLLECTOR, NOW, &id, why), 0);
	part(&m);
	SSL_CTX_free(victim);
	SSL_CTX_free(other);
}
END_TEST

START_TEST(a_key_that_others_can_read_is_not_loaded)
{
	char why[256], file[128];

	snprintf(file, sizeof(file), "%s/key.pem", folder[AGENTS]);
	chmod(file, 0640);
	ck_assert_ptr_null(identity_context(folder[AGENTS], 0, why));
	ck_assert_ptr_nonnull(strstr(why, "chmod 600"));
	chmod(file, 0600);
	ck_assert_ptr_null(identity_context("/nonexistent", 0, why));
	ck_assert_ptr_nonnull(strstr(why, "ca.pem"));
	ck_assert_ptr_nonnull(strstr(why, "No such file or directory"));
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, test_i01_a_bad_agent_is_refused, 0, N(agents));
	tcase_add_loop_test(tc, test_i01_a_bad_collector_is_refused, 0, N(collectors));
	T(test_i01_the_good_ones_pass);
	T(test_i01_no_certificate_is_refused);
	T(test_i01_the_clock_is_the_verifiers);
	T(a_key_that_others_can_read_is_not_loaded);
}

int main(void)
{
	return suite_main("identity", set_up, tear_down, 60, add);
}
