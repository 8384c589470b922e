/* test_clock_plugin.c - SNTP packets in and out of range and era, and the words of time daemons. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/clock/daemon.h"
#include "plugins/clock/sntp.h"

#define BILLION INT64_C(1000000000)
#define MS INT64_C(1000000)
#define NONCE UINT64_C(0x0123456789abcdef)

static uint8_t packet[SNTP_PACKET];

static void put32(int at, uint32_t n)
{
	for (int i = 0; i < 4; i++)
		packet[at + i] = (uint8_t)(n >> (24 - 8 * i));
}

static void put64(int at, uint64_t n)
{
	put32(at, (uint32_t)(n >> 32));
	put32(at + 4, (uint32_t)n);
}

/* A good reply of a server whose clock shows `clock` when it answers, 2 ms after it was asked. */
static void good(int64_t clock)
{
	memset(packet, 0, sizeof(packet));
	packet[0] = 4 << 3 | 4;
	packet[1] = 2;
	put32(4, 65536 / 100);
	put32(8, 65536 / 50);
	put32(12, 0xc0000201);
	put64(16, sntp_from_ns(clock - 60 * BILLION));
	put64(24, NONCE);
	put64(32, sntp_from_ns(clock - 2 * MS));
	put64(40, sntp_from_ns(clock));
}

static enum sntp_verdict parse(int64_t sent, int64_t received, struct sntp_reply *ret)
{
	return sntp_parse(packet, sizeof(packet), NONCE, sent, received, ret);
}

static void check_offset(int64_t ours, int64_t offset)
{
	struct sntp_reply reply;

	good(ours + 6 * MS + offset);	/* 4 ms there, 2 ms there, 4 ms back */
	ck_assert_int_eq(parse(ours, ours + 10 * MS, &reply), SNTP_GOOD);
	ck_assert_int_le(llabs(reply.offset - offset), 2);
	ck_assert_int_le(llabs(reply.delay - 8 * MS), 2);
}

START_TEST(offset_and_delay)
{
	check_offset(1795488600 * BILLION, 0);
	check_offset(1795488600 * BILLION + 123456789, 3 * MS);
	check_offset(1795488600 * BILLION, -3600 * BILLION);
	check_offset(1795488600 * BILLION, 3 * 365 * 86400 * BILLION);
}
END_TEST

START_TEST(across_the_era_of_2036)
{
	const int64_t end = (INT64_C(4294967296) - 2208988800) * BILLION;	/* 2036-02-07 06:28:16 UTC */

	check_offset(end - 5 * MS, 0);
	check_offset(end - 10 * BILLION, 20 * BILLION);
	check_offset(end + 10 * BILLION, -20 * BILLION);
	check_offset(end + INT64_C(86400) * 365 * BILLION, -2 * 365 * 86400 * BILLION);
	ck_assert_int_eq(sntp_difference_ns(sntp_from_ns(end), sntp_from_ns(end - BILLION)), BILLION);
	ck_assert_int_eq(sntp_difference_ns(sntp_from_ns(-BILLION), sntp_from_ns(BILLION / 2)), -BILLION - BILLION / 2);
}
END_TEST

START_TEST(a_request_tells_nothing)
{
	uint8_t request[SNTP_PACKET];

	sntp_request(request, NONCE);
	ck_assert_uint_eq(request[0], 0x23);
	for (int i = 1; i < 40; i++)
		ck_assert_uint_eq(request[i], 0);
	ck_assert_uint_eq(request[40], 0x01);
	ck_assert_uint_eq(request[47], 0xef);
}
END_TEST

START_TEST(what_is_no_good_reply)
{
	const int64_t now = 1795488600 * BILLION;
	struct sntp_reply reply;

#define EXPECT(verdict, change) do { good(now + 5 * MS); change; \
		ck_assert_int_eq(parse(now, now + 10 * MS, &reply), verdict); } while (0)
	EXPECT(SNTP_GOOD, (void)0);
	ck_assert_str_eq(reply.reference, "192.0.2.1");
	EXPECT(SNTP_NOT_A_REPLY, packet[0] = 4 << 3 | 3);
	EXPECT(SNTP_NOT_A_REPLY, packet[0] = 4 << 3 | 5);
	EXPECT(SNTP_NOT_A_REPLY, packet[0] = 7 << 3 | 4);
	EXPECT(SNTP_NOT_OURS, packet[31] ^= 1);
	EXPECT(SNTP_NOT_OURS, put64(24, 0));
	EXPECT(SNTP_UNSYNCHRONISED, packet[0] |= 3 << 6);
	EXPECT(SNTP_UNSYNCHRONISED, packet[1] = 16);
	EXPECT(SNTP_ABSURD, put64(40, 0));
	EXPECT(SNTP_ABSURD, put64(32, 0));
	EXPECT(SNTP_ABSURD, put64(32, sntp_from_ns(now + 6 * MS)));		/* answered before it was asked */
	EXPECT(SNTP_ABSURD, put64(16, sntp_from_ns(now + BILLION)));		/* set in the future */
	EXPECT(SNTP_ABSURD, put32(8, 16 << 16));
	EXPECT(SNTP_ABSURD, put32(4, 32u << 16));
	EXPECT(SNTP_ABSURD, put64(32, sntp_from_ns(now - 50 * MS)));		/* kept it longer than we waited */

	EXPECT(SNTP_KISS, (packet[1] = 0, memcpy(packet + 12, "RATE", 4)));
	ck_assert_str_eq(reply.kiss, "RATE");
	EXPECT(SNTP_KISS, (packet[1] = 0, memcpy(packet + 12, "\x1b[2J", 4)));
	ck_assert_str_eq(reply.kiss, "???J");
	EXPECT(SNTP_NOT_OURS,
	       (packet[1] = 0, memcpy(packet + 12, "DENY", 4), put64(24, 1))); /* a forged kiss is none */
	EXPECT(SNTP_GOOD, (packet[1] = 1, memcpy(packet + 12, "GPS\0", 4)));
	ck_assert_str_eq(reply.reference, "GPS");

	good(now + 5 * MS);
	for (size_t n = 0; n < SNTP_PACKET; n++)
		ck_assert_int_eq(sntp_parse(packet, n, NONCE, now, now + 10 * MS, &reply), SNTP_SHORT);
	ck_assert_int_eq(parse(now + 10 * MS, now, &reply), SNTP_ABSURD);
}
END_TEST

START_TEST(words_of_chrony)
{
	struct daemon_state state;

	ck_assert_int_eq(daemon_parse_chrony(
				 "C0000201,192.0.2.1,3,1795488641.498596765,0.000001,0.000002,0.000003,-1.5,0.001,0.02,"
				 "0.0123,0.0004,64.2,Normal\n",
				 &state),
			 0);
	ck_assert(state.synchronised);
	ck_assert_str_eq(state.source, "192.0.2.1");
	ck_assert_int_eq(state.synced_at / BILLION, 1795488641);
	ck_assert_int_eq(
		daemon_parse_chrony("00000000,,0,0.000000000,0.0,0.0,0.0,-1.5,0.0,0.0,1.0,1.0,0.0,Not synchronised\n",
				    &state),
		0);
	ck_assert(!state.synchronised && state.synced_at == 0 && !state.source[0]);
	ck_assert_int_eq(
		daemon_parse_chrony("7F7F0101,,8,1795488641.4,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,Normal\n", &state),
		0);
	ck_assert_str_eq(state.source, "local clock");
	ck_assert_int_eq(state.synced_at, 0);
	ck_assert_int_eq(daemon_parse_chrony("506 Cannot talk to daemon\n", &state), -ENODATA);
	ck_assert_int_eq(daemon_parse_chrony("", &state), -ENODATA);
}
END_TEST

START_TEST(words_of_ntpd)
{
	struct daemon_state state;
	const char *text = "associd=0 status=0615 leap_none, sync_ntp, 1 event, clock_sync,\nversion=\"ntpd "
			   "ntpsec-1.2.2\",\nprocessor=\"x86_64\", "
			   "leap=00, stratum=3, precision=-23, rootdelay=12.3, rootdisp=20.1,\nrefid=192.0.2.1,\n"
			   "reftime=eb05c1e0.40000000 2024-12-13T10:00:00.250Z,\n"
			   "     remote           refid      st t when poll reach   delay   offset   jitter\n"
			   "===============================================================================\n"
			   "+192.0.2.7       .GPS.            1 u   12   64  377   0.1   0.2   0.3\n"
			   "*2001:db8::1     .GPS.            1 u   12   64  377   0.1   0.2   0.3\n";

	ck_assert_int_eq(daemon_parse_ntpd(text, &state), 0);
	ck_assert(state.synchronised);
	ck_assert_str_eq(state.source, "2001:db8::1");
	ck_assert_int_eq(state.synced_at / BILLION, INT64_C(0xeb05c1e0) - 2208988800);
	ck_assert_int_eq(daemon_parse_ntpd("associd=0 status=c016 leap_alarm,\nleap=11, stratum=16, refid=INIT,\n"
					   "reftime=00000000.00000000 1900-01-01T00:00:00Z,\n", &state), 0);
	ck_assert(!state.synchronised && state.synced_at == 0 && !state.source[0]);
	ck_assert_int_eq(daemon_parse_ntpd("ntpq: read: Connection refused\n", &state), -ENODATA);
}
END_TEST

START_TEST(words_of_timesyncd)
{
	struct daemon_state state;
	const char *text =
		"FallbackNTPServers=0.debian.pool.ntp.org\nServerName=ntp.school.example\nServerAddress=192.0.2.1\n"
		"PollIntervalMinUSec=32s\nNTPMessage={ Leap=0, Version=4, Mode=4, Stratum=2, Precision=-24, "
		"Reference=C0000202, "
		"OriginateTimestamp=Tue 2026-11-24 02:00:00 UTC, DestinationTimestamp=Tue 2026-11-24 02:00:01 UTC, "
		"Ignored=no, "
		"PacketCount=3, Jitter=1ms }\nFrequency=-12345\n";

	ck_assert_int_eq(daemon_parse_timesyncd(text, &state), 0);
	ck_assert(state.synchronised);
	ck_assert_str_eq(state.source, "192.0.2.1");
	ck_assert_str_eq(state.source_name, "ntp.school.example");
	ck_assert_int_eq(state.synced_at / BILLION, 1795485601);
	ck_assert_int_eq(daemon_parse_timesyncd("ServerName=ntp.school.example\nPollIntervalMinUSec=32s\n", &state), 0);
	ck_assert(!state.synchronised && state.synced_at == 0);
	ck_assert_int_eq(daemon_parse_timesyncd("Failed to connect to bus: Host is down\n", &state), -ENODATA);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clock plugin");
	TCase *tc = tcase_create("parsers");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, offset_and_delay);
	tcase_add_test(tc, across_the_era_of_2036);
	tcase_add_test(tc, a_request_tells_nothing);
	tcase_add_test(tc, what_is_no_good_reply);
	tcase_add_test(tc, words_of_chrony);
	tcase_add_test(tc, words_of_ntpd);
	tcase_add_test(tc, words_of_timesyncd);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
