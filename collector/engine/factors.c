#include "factors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "clock.h"

#define AROUND 1		/* steps: a phone's clock, and a person's fingers */
#define FAR (600 / TOTP_STEP_S)
#define WRONG 10
#define WINDOW (15 * 60 * NS_PER_S)
#define OFFERED (10 * 60 * NS_PER_S)

struct factor {
	char name[64];
	int64_t used;			/* step */
	unsigned wrong;
	int64_t since;			/* boot clock: the first wrong one of this window */
	int64_t offered_until;		/* boot clock; 0: nothing is offered */
	uint8_t offer[TOTP_SECRET];
	UT_hash_handle hh;
};

struct factors { struct factor *all; int64_t started; };

static int64_t step_at(int64_t wall)
{
	return wall / NS_PER_S / TOTP_STEP_S;
}

struct factors *factors_new(int64_t now_wall)
{
	struct factors *f = calloc(1, sizeof(*f));

	if (f)
		f->started = step_at(now_wall);
	return f;
}

void factors_free(struct factors *f)
{
	struct factor *one, *safe;

	if (!f)
		return;
	HASH_ITER(hh, f->all, one, safe) {
		HASH_DEL(f->all, one);
		explicit_bzero(one, sizeof(*one));
		free(one);
	}
	free(f);
}

static struct factor *find(struct factors *f, const char *name)
{
	struct factor *one;

	HASH_FIND_STR(f->all, name, one);
	if (one)
		return one;
	one = calloc(1, sizeof(*one));
	if (!one)
		return NULL;
	snprintf(one->name, sizeof(one->name), "%s", name);
	one->used = f->started;
	HASH_ADD_STR(f->all, name, one);
	return one;
}

static bool is_braked(struct factor *one, int64_t now_boot)
{
	if (one->wrong && now_boot - one->since > WINDOW)
		one->wrong = 0;
	return one->wrong >= WRONG;
}

/* Steps up to *used do not count. */
static enum factor_verdict judge(struct factor *one, const uint8_t secret[TOTP_SECRET], int64_t *used, const char *code, int64_t now_wall,
				 int64_t now_boot, int *ret_off_s)
{
	int64_t now = step_at(now_wall), step;

	*ret_off_s = 0;
	if (!one || is_braked(one, now_boot))
		return FACTOR_BRAKED;
	step = totp_step_of(secret, code, now_wall / NS_PER_S, AROUND, *used);
	if (step >= 0) {
		*used = step;
		one->wrong = 0;
		return FACTOR_GOOD;
	}
	if (one->wrong++ == 0)
		one->since = now_boot;
	step = totp_step_of(secret, code, now_wall / NS_PER_S, FAR, -1);
	if (step >= 0 && (step > now + AROUND || step < now - AROUND))
		*ret_off_s = (int)(step - now) * TOTP_STEP_S;
	return FACTOR_WRONG;
}

enum factor_verdict factors_check(struct factors *f, const char *name, const uint8_t secret[TOTP_SECRET], const char *code, int64_t now_wall,
				  int64_t now_boot, int *ret_off_s)
{
	struct factor *one = find(f, name);
	int64_t now = step_at(now_wall);

	if (one && one->used > now + AROUND)		/* the clock was put back */
		one->used = now - AROUND - 1;
	return judge(one, secret, one ? &one->used : NULL, code, now_wall, now_boot, ret_off_s);
}

int factors_offer(struct factors *f, const char *name, int64_t now_boot, uint8_t ret[TOTP_SECRET])
{
	struct factor *one = find(f, name);
	int r = one ? totp_new(one->offer) : -ENOMEM;

	if (r < 0)
		return r;
	one->offered_until = now_boot + OFFERED;
	memcpy(ret, one->offer, TOTP_SECRET);
	return 0;
}

enum factor_verdict factors_confirm(struct factors *f, const char *name, const char *code, int64_t now_wall, int64_t now_boot,
				    uint8_t ret[TOTP_SECRET], int *ret_off_s)
{
	struct factor *one = find(f, name);
	int64_t used = -1;
	enum factor_verdict verdict;

	if (one && now_boot > one->offered_until)
		return FACTOR_NONE;
	verdict = judge(one, one ? one->offer : NULL, &used, code, now_wall, now_boot, ret_off_s);
	if (verdict == FACTOR_GOOD) {
		memcpy(ret, one->offer, TOTP_SECRET);
		explicit_bzero(one->offer, sizeof(one->offer));
		one->offered_until = 0;
		one->used = used;
	}
	return verdict;
}
