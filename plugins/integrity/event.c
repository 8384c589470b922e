/* event.c - a change, field by field. */
#include <beadle/plugin.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "plugins/integrity/compare.h"
#include "plugins/integrity/event.h"

#define FIELDS_MAX 24

struct side {
	char type[16], owner[32], mode[8], size[24], device[24], sha256[EVENT_HEX], caps[2 * OBJECT_CAPS_MAX + 1];
};

struct fields { struct beadle_label at[FIELDS_MAX + 1]; size_t n; };

static const char *hex(const uint8_t *bytes, size_t n, char *buffer)
{
	for (size_t i = 0; i < n; i++)
		snprintf(buffer + 2 * i, 3, "%02x", bytes[i]);
	return buffer;
}

const char *event_hex(const uint8_t digest[32], char buffer[EVENT_HEX])
{
	return hex(digest, 32, buffer);
}

static const char *type_name(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return "file";
	case S_IFDIR: return "folder";
	case S_IFLNK: return "link";
	case S_IFIFO: return "pipe";
	case S_IFSOCK: return "socket";
	case S_IFBLK: return "block device";
	default: return "character device";
	}
}

static void add(struct fields *fields, const char *name, const char *value)
{
	if (value && *value && fields->n < FIELDS_MAX)
		fields->at[fields->n++] = (struct beadle_label){name, value};
}

/* Names of one side's fields, in the order in which they are added. */
static const char *const before_names[] = {"type_before", "owner_before", "mode_before", "size_before", "sha256_before",
	"capabilities_before", "link_before", "device_before"};
static const char *const after_names[] = {"type_after", "owner_after", "mode_after", "size_after", "sha256_after",
	"capabilities_after", "link_after", "device_after"};

static void add_side(struct fields *fields, const char *const names[], const struct object *object, struct side *side)
{
	if (!object)
		return;
	memset(side, 0, sizeof(*side));
	snprintf(side->owner, sizeof(side->owner), "%" PRIu32 ":%" PRIu32, object->uid, object->gid);
	snprintf(side->mode, sizeof(side->mode), "%04o", object->mode & 07777);
	if (S_ISREG(object->mode))
		snprintf(side->size, sizeof(side->size), "%" PRIu64, object->size);
	if (S_ISCHR(object->mode) || S_ISBLK(object->mode))
		snprintf(side->device, sizeof(side->device), "%" PRIu64, object->device);
	if (object->flags & OBJECT_HASHED)
		event_hex(object->sha256, side->sha256);
	hex(object->caps, object->caps_n, side->caps);

	add(fields, names[0], type_name(object->mode));
	add(fields, names[1], side->owner);
	add(fields, names[2], side->mode);
	add(fields, names[3], side->size);
	add(fields, names[4], side->sha256);
	add(fields, names[5], side->caps);
	add(fields, names[6], object->link);
	add(fields, names[7], side->device);
}

void event_tell(struct beadle_ctx *ctx, const struct object *before, const struct object *after, unsigned differences)
{
	struct fields fields = {0};
	struct side sides[2];
	char words[COMPARE_WORDS_MAX];

	add(&fields, "path", (after ? after : before)->path);
	add(&fields, "change", !before ? "added" : !after ? "removed" : "modified");
	add(&fields, "what", compare_words(differences, words));
	if (after && after->flags & OBJECT_UNSTABLE)
		add(&fields, "unstable", "yes");
	add_side(&fields, before_names, before, &sides[0]);
	add_side(&fields, after_names, after, &sides[1]);
	beadle_event_fields(ctx, "integrity_change", fields.at);
}
