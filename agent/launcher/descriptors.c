/* What takes privilege only to open: hosts say which, and what they get is what the configuration has granted to their plugin. */
#include "config.h"

#include "agent/launcher/launcher.h"

#include <unistd.h>

#include "lib/capability.h"
#include "lib/cleanup.h"
#include "lib/descriptor.h"
#include "lib/grant.h"
#include "lib/io.h"
#include "lib/log.h"

#define OPENERS_MAX 16		/* each ends at once, but for one whose file system hangs */

static const struct plugin_record *find(const struct reading *reading, uint32_t index)
{
	for (uint32_t i = 0; i < reading->n; i++)
		if (reading->records[i].index == index)
			return &reading->records[i];
	return NULL;
}

void descriptors_hear(struct children *c, const struct reading *reading)
{
	const struct plugin_record *r;
	struct launcher_wish wish;
	CLOSE int to = -1;
	ssize_t k = io_receive(c->wishes, &wish, sizeof(wish), &to);

	if (k <= 0) {		/* the template is gone, which is told otherwise */
		cleanup_close(&c->wishes);
		c->wishes = -1;
		return;
	}
	r = k == sizeof(wish) ? find(reading, wish.plugin) : NULL;
	if (to < 0 || !r || wish.which >= GRANT_DESCRIPTORS || !(r->descriptors & GRANT_DESCRIPTOR(wish.which)))
		return log_error("a host wishes for a descriptor that was not granted");
	if (c->openers >= OPENERS_MAX)
		return log_error("plugin %s: no descriptor: %d of them are being opened, and do not come", r->name, OPENERS_MAX);
	if (descriptor_give(to, wish.which, &(struct descriptor_owner){r->name, r->uid, r->gid, r->capabilities, r->grants}) > 0)
		c->openers++;
}

void descriptors_keep(const struct reading *reading)
{
	static bool gone;
	bool wanted = false;

	for (uint32_t i = 0; i < reading->n; i++)
		wanted |= (reading->records[i].descriptors & GRANT_DESCRIPTOR(GRANT_FANOTIFY_FILESYSTEM)) != 0;
	if (wanted && gone)
		log_warning("watching file systems takes a right that was given up at the start: restart the agent");
	gone |= !wanted;
	if (gone)
		descriptors_none(NULL);
}

int descriptors_none(const void *nothing)
{
	return geteuid() == 0 ? capability_keep(CAPABILITY_AGENT) : 0;
}
