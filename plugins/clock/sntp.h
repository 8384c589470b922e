/*
 * sntp.h - SNTP packets (RFC 5905 section 7.3, RFC 4330) and what they say of our clock. No I/O.
 *
 * Times are ns of CLOCK_REALTIME. Packets have 32-bit seconds that wrap in 2036; only differences to our own clock are
 * taken, modulo 2^64, so they are right in every era while the clocks are within 68 years.
 */
#ifndef SNTP_H
#define SNTP_H

#include <stddef.h>
#include <stdint.h>

#define SNTP_PACKET 48

/* A client's packet says nothing of us: `nonce` stands in for the time of sending, and the reply must bring it back. */
void sntp_request(uint8_t packet[SNTP_PACKET], uint64_t nonce);

enum sntp_verdict {
	SNTP_GOOD,
	SNTP_SHORT,		/* no packet of that length */
	SNTP_NOT_A_REPLY,	/* version or mode */
	SNTP_NOT_OURS,		/* does not bring the nonce back: late, repeated, or forged */
	SNTP_KISS,		/* stratum 0: the server asks for something; see kiss */
	SNTP_UNSYNCHRONISED,	/* the server itself has no time */
	SNTP_ABSURD,		/* times or distances that cannot be */
};

struct sntp_reply {
	uint8_t leap, version, stratum;
	char kiss[5];			/* "DENY", "RATE", ...; printable */
	char reference[16];		/* of the server: address, or refclock's name */
	double root_delay, root_dispersion;	/* seconds */
	int64_t offset, delay;		/* ns: server's clock minus ours; way there and back */
};

/* `sent`, `received`: our clock. Only with SNTP_GOOD offset and delay are set. */
enum sntp_verdict sntp_parse(const uint8_t *packet, size_t n, uint64_t nonce, int64_t sent, int64_t received,
			     struct sntp_reply *ret);

const char *sntp_words(enum sntp_verdict);

/* NTP's 64-bit time of a moment, and differences of two such times in ns, correct across eras. */
uint64_t sntp_from_ns(int64_t ns);
int64_t sntp_difference_ns(uint64_t a, uint64_t b);

#endif
