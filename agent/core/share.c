#include "config.h"

#include "agent/core/share.h"

void share_now(struct share *s, uint64_t bytes)
{
	if (bytes < s->bytes)
		for (size_t i = 0; i < s->of.n; i++)
			s->of.at[i] *= (double)bytes / (double)s->bytes;
	s->bytes = bytes;
}

bool share_room(const struct share *s, uint32_t check, uint64_t n)
{
	double taken = check < s->of.n ? s->of.at[check] : 0;

	return s->bytes + n <= s->limit && taken + (double)n <= (double)(s->limit - s->bytes);
}

void share_add(struct share *s, uint32_t check, uint64_t n)
{
	while (s->of.n <= check)
		if (!vec_push(&s->of))
			return;
	s->of.at[check] += (double)n;
	s->bytes += n;
}

void share_free(struct share *s)
{
	vec_free(&s->of);
}
