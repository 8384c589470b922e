/* erasing.c - what log-ins say (the name that was typed, from where) is erased after a time, where the school wants that; that they were stays in the
 * chain, and the erasure with it (SECURITY 5.10). */
#include "clock.h"
#include "collector/reckoning.h"
#include "room.h"

#define EVERY (3600 * NS_PER_S)

void erasing_tick(struct engine *e, int64_t wall, int64_t now)
{
	if (!e->its.login_details || now < e->erase_next || reckoning_suspect(e->its.reckoning) || !engine_change(e))
		return;		/* a suspect clock may make yesterday look a year old (R12) */
	e->erase_next = now + EVERY;
	change_erase(e->change, wall - e->its.login_details, wall);
}
