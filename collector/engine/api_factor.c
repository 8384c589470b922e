/* api_factor.c - a person's second factor: offered with a picture for the telephone, taken once a code shows that it is held, and taken away by
 * another when it is lost (SECURITY 5.12). */
#include <qrencode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "clock.h"
#include "log.h"

/* "otpauth://totp/TITLE:NAME?secret=...": the Key URI that authenticators read. */
static char *write_uri(const struct asker *a, const char *secret)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	const char *title = a->engine->its.site->title;
	char issuer[3 * 128 + 1], *uri = NULL;
	size_t n = 0;

	for (; *title && n + 3 < sizeof(issuer); title++)
		n += (size_t)snprintf(issuer + n, sizeof(issuer) - n, strchr(plain, *title) ? "%c" : "%%%02X", (unsigned char)*title);
	if (asprintf(&uri, "otpauth://totp/Beadle%%20%s:%s?secret=%s&issuer=Beadle%%20%s", issuer, a->name, secret, issuer) < 0)
		return NULL;
	return uri;
}

/* A row is a text, a dark square "1". */
static json_t *draw(const char *text)
{
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
	json_t *rows = json_array();

	for (int y = 0; code && y < code->width; y++) {
		char row[256];

		for (int x = 0; x < code->width; x++)
			row[x] = code->data[y * code->width + x] & 1 ? '1' : '0';
		json_array_append_new(rows, json_stringn(row, (size_t)code->width));
	}
	QRcode_free(code);
	return rows;
}

static bool refuse(const struct asker *a, enum factor_verdict verdict, int off)
{
	if (verdict == FACTOR_NONE)
		api_refuse(a, 409, "conflict", "no authenticator is being set up, or it took more than 10 minutes: begin anew");
	else if (verdict == FACTOR_BRAKED)
		api_refuse(a, 429, "too_many", "too many wrong codes: wait 15 minutes");
	else if (off)
		api_refuse(a, 403, "clock", "this code is of a clock that is %d s %s than the collector's", off < 0 ? -off : off,
			   off < 0 ? "earlier" : "later");
	else
		api_refuse(a, 403, "not_allowed", "code: expected the one that your authenticator shows now");
	return false;
}

/* Those who have one already show it first. Refuses by itself. */
static bool shows_old(const struct asker *a, const char *code)
{
	enum factor_verdict verdict = FACTOR_GOOD;
	int off = 0;

	if (a->account->has_factor)
		verdict = factors_check(a->engine->factors, a->name, a->account->factor, code, clock_wall(), clock_boot(), &off);
	return verdict == FACTOR_GOOD || refuse(a, verdict, off);
}

void api_factor_new(const struct asker *a, const json_t *arguments)
{
	uint8_t secret[TOTP_SECRET];
	char text[TOTP_TEXT], *uri;
	const char *code;

	if (!api_text(a, arguments, "code", "", 16, &code))
		return;
	if (!a->account || a->stale) {
		api_refuse(a, 403, a->account ? "confirm" : "not_allowed",
			   a->account ? "nothing was done here for 30 minutes: log in again to change something" : "the local socket has no second factor");
		return;
	}
	if (!shows_old(a, code))
		return;
	if (factors_offer(a->engine->factors, a->name, clock_boot(), secret) < 0) {
		api_refuse(a, 503, "unavailable", "no secret can be made now");
		return;
	}
	totp_write(secret, text);
	uri = write_uri(a, text);
	api_answer(a, 200, json_pack("{s:s, s:s, s:o}", "secret", text, "uri", uri ? uri : "", "qr", draw(uri ? uri : text)));
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(text, sizeof(text));
	free(uri);
}

static bool keep(const struct asker *a, const struct account *account, const char *action)
{
	struct store_change *change = engine_change(a->engine);

	if (change && accounts_set(a->engine->accounts, account, a->session, &(struct deed){a->name, a->from, action}, change) == 0)
		return true;
	api_refuse(a, 503, "unavailable", "nothing can be kept now");
	return false;
}

void api_factor_confirm(const struct asker *a, const json_t *arguments)
{
	struct account account = a->account ? *a->account : (struct account){0};
	enum factor_verdict verdict;
	const char *code;
	int off;

	if (!api_text(a, arguments, "code", NULL, 16, &code))
		return;
	verdict = a->account ? factors_confirm(a->engine->factors, a->name, code, clock_wall(), clock_boot(), account.factor, &off) : FACTOR_NONE;
	account.has_factor = true;
	if (verdict != FACTOR_GOOD)
		refuse(a, verdict, off);
	else if (keep(a, &account, "account.factor")) {
		log_notice("\"%s\" has a second factor", a->name);
		api_answer(a, 200, json_object());
	}
	explicit_bzero(&account, sizeof(account));
}
