#include "message.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "text.h"

#define WORD_BYTES 45		/* of text in an encoded-word: 60 in base64, 72 with its frame (RFC 2047 2: 75) */
#define LINE_BYTES 57		/* 76 characters of base64 (RFC 2045 6.8) */

static void put_base64(FILE *out, const char *text, size_t n)
{
	unsigned char line[4 * ((LINE_BYTES + 2) / 3) + 1];

	EVP_EncodeBlock(line, (const unsigned char *)text, (int)n);
	fputs((char *)line, out);
}

/* How much of the text fits an encoded-word without cutting a character in two (RFC 2047 5). */
static size_t word_of(const char *s, size_t n)
{
	size_t k = n < WORD_BYTES ? n : WORD_BYTES;

	if (k < n)
		while (k > 1 && ((unsigned char)s[k] & 0xc0) == 0x80)
			k--;
	return k;
}

static void put_encoded(FILE *out, const char *name, const char *text)
{
	size_t n = strlen(text);

	fprintf(out, "%s:", name);
	do {
		size_t k = word_of(text, n);

		fputs(" =?UTF-8?B?", out);
		put_base64(out, text, k);
		fputs(n > k ? "?=\r\n" : "?=", out);
		text += k;
		n -= k;
	} while (n);
	fputs("\r\n", out);
}

static void put_date(FILE *out, int64_t wall_ns)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t t = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;

	gmtime_r(&t, &tm);
	fprintf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
		tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* Ids are the collector's own; this keeps the header whole should one ever not be. */
static void put_id(FILE *out, const char *id, const char *domain)
{
	fputs("Message-ID: <beadle.", out);
	for (; *id; id++) {
		bool plain = (*id >= 'a' && *id <= 'z') || (*id >= 'A' && *id <= 'Z') || (*id >= '0' && *id <= '9') || *id == '-';

		if (plain)
			fputc(*id, out);
		else
			fprintf(out, "_%02x", (unsigned char)*id);
	}
	fprintf(out, "@%s>\r\n", domain);
}

static void put_body(FILE *out, const char *text)
{
	size_t n = strlen(text);

	fputs("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n", out);
	while (n) {
		size_t k = n < LINE_BYTES ? n : LINE_BYTES;

		put_base64(out, text, k);
		fputs("\r\n", out);
		text += k;
		n -= k;
	}
}

char *message_build(const Rooms__Notice *notice, const char *from, int64_t wall_ns, size_t *ret_n)
{
	char *buf = NULL;
	FILE *out;

	if (!text_mail_address(from) || notice->n_to == 0)
		return NULL;
	for (size_t i = 0; i < notice->n_to; i++)
		if (!text_mail_address(notice->to[i]))
			return NULL;
	out = open_memstream(&buf, ret_n);
	if (!out)
		return NULL;
	put_date(out, wall_ns);
	fprintf(out, "From: Beadle <%s>\r\n", from);
	for (size_t i = 0; i < notice->n_to; i++)
		fprintf(out, "%s<%s>%s", i ? "\t" : "To: ", notice->to[i], i + 1 < notice->n_to ? ",\r\n" : "\r\n");
	put_encoded(out, "Subject", notice->subject);
	put_id(out, notice->id, strchr(from, '@') + 1);
	fputs("Auto-Submitted: auto-generated\r\n", out);	/* RFC 3834: no vacation notes back */
	if (notice->incident)
		fprintf(out, "X-Beadle-Incident: %llu\r\n", (unsigned long long)notice->incident);
	put_body(out, notice->text);
	if (fclose(out) != 0) {
		free(buf);
		return NULL;
	}
	return buf;
}
