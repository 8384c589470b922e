/* sntp.c - bytes to times. */
#include "plugins/clock/sntp.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define EPOCH UINT64_C(2208988800)	/* 1900 to 1970, seconds */
#define BILLION INT64_C(1000000000)
#define DISTANCE_MAX 16.0		/* seconds: MAXDISP of RFC 5905 */

enum {
	FLAGS = 0,
	STRATUM = 1,
	ROOT_DELAY = 4,
	ROOT_DISPERSION = 8,
	REFERENCE_ID = 12,
	REFERENCE_TIME = 16,
	ORIGIN_TIME = 24,
	RECEIVE_TIME = 32,
	TRANSMIT_TIME = 40
};
enum { VERSION = 4, CLIENT = 3, SERVER = 4, NO_LEAP_KNOWN = 3 };

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t get64(const uint8_t *p)
{
	return (uint64_t)get32(p) << 32 | get32(p + 4);
}

uint64_t sntp_from_ns(int64_t ns)
{
	int64_t seconds = ns / BILLION, rest = ns % BILLION;

	if (rest < 0) {
		seconds--;
		rest += BILLION;
	}
	return ((uint64_t)seconds + EPOCH) << 32 | (((uint64_t)rest << 32) + BILLION / 2) / BILLION;
}

int64_t sntp_difference_ns(uint64_t a, uint64_t b)
{
	__int128 fixed = (int64_t)(a - b);	/* seconds in the upper half */

	return (int64_t)((fixed * BILLION + (INT64_C(1) << 31)) >> 32);
}

void sntp_request(uint8_t packet[SNTP_PACKET], uint64_t nonce)
{
	memset(packet, 0, SNTP_PACKET);
	packet[FLAGS] = VERSION << 3 | CLIENT;
	for (int i = 0; i < 8; i++)
		packet[TRANSMIT_TIME + i] = (uint8_t)(nonce >> (56 - 8 * i));
}

static void put_kiss(const uint8_t *id, char kiss[5])
{
	for (int i = 0; i < 4; i++)
		kiss[i] = id[i] >= 'A' && id[i] <= 'Z' ? (char)id[i] : '?';
	kiss[4] = '\0';
}

/* Stratum 1 names its clock, others the address that they follow (or a part of the hash of one). */
static void put_reference(const uint8_t *id, uint8_t stratum, char reference[16])
{
	if (stratum > 1) {
		snprintf(reference, 16, "%u.%u.%u.%u", id[0], id[1], id[2], id[3]);
		return;
	}
	for (int i = 0; i < 4; i++)
		reference[i] = id[i] == '\0' ? '\0' : id[i] > ' ' && id[i] < 127 ? (char)id[i] : '?';
	reference[4] = '\0';
}

static bool is_absurd(const struct sntp_reply *reply, uint64_t reference, uint64_t received, uint64_t transmitted)
{
	return transmitted == 0 || received == 0 || sntp_difference_ns(transmitted, received) < 0 ||
	       (reference != 0 && sntp_difference_ns(transmitted, reference) < 0) ||
	       reply->root_delay / 2 + reply->root_dispersion >= DISTANCE_MAX;
}

enum sntp_verdict sntp_parse(const uint8_t *packet, size_t n, uint64_t nonce, int64_t sent, int64_t received,
			     struct sntp_reply *ret)
{
	struct sntp_reply reply = {0};
	uint64_t t1 = sntp_from_ns(sent), t4 = sntp_from_ns(received), t2, t3;
	int64_t there, back;

	*ret = reply;
	if (n < SNTP_PACKET || n % 4 != 0)	/* extension fields and authenticators come in words */
		return SNTP_SHORT;
	reply.leap = packet[FLAGS] >> 6;
	reply.version = packet[FLAGS] >> 3 & 7;
	reply.stratum = packet[STRATUM];
	if ((packet[FLAGS] & 7) != SERVER || (reply.version != 3 && reply.version != VERSION))
		return SNTP_NOT_A_REPLY;
	if (get64(packet + ORIGIN_TIME) != nonce)
		return SNTP_NOT_OURS;
	if (reply.stratum == 0) {
		put_kiss(packet + REFERENCE_ID, reply.kiss);
		*ret = reply;
		return SNTP_KISS;
	}
	if (reply.leap == NO_LEAP_KNOWN || reply.stratum > 15)
		return SNTP_UNSYNCHRONISED;
	reply.root_delay = get32(packet + ROOT_DELAY) / 65536.0;
	reply.root_dispersion = get32(packet + ROOT_DISPERSION) / 65536.0;
	t2 = get64(packet + RECEIVE_TIME);
	t3 = get64(packet + TRANSMIT_TIME);
	if (is_absurd(&reply, get64(packet + REFERENCE_TIME), t2, t3))
		return SNTP_ABSURD;

	there = sntp_difference_ns(t2, t1);
	back = sntp_difference_ns(t3, t4);
	reply.offset = there / 2 + back / 2;	/* halves first: the sum may not fit */
	reply.delay = (received - sent) - sntp_difference_ns(t3, t2);
	if (received < sent || reply.delay < 0)
		return SNTP_ABSURD;
	put_reference(packet + REFERENCE_ID, reply.stratum, reply.reference);
	*ret = reply;
	return SNTP_GOOD;
}

const char *sntp_words(enum sntp_verdict verdict)
{
	switch (verdict) {
	case SNTP_GOOD: return "a good reply";
	case SNTP_SHORT: return "a reply of a wrong length";
	case SNTP_NOT_A_REPLY: return "a packet that is no reply";
	case SNTP_NOT_OURS: return "a reply to something else";
	case SNTP_KISS: return "the server refuses";
	case SNTP_UNSYNCHRONISED: return "the server itself is not synchronised";
	case SNTP_ABSURD: return "a reply with times that cannot be";
	}
	return "";
}
