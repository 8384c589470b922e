/* compare.c - two states of one object. */
#include "plugins/integrity/compare.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

static bool content_differs(const struct object *before, const struct object *after)
{
	const int unknown = OBJECT_UNREADABLE;

	if (before->flags & OBJECT_HASHED && after->flags & OBJECT_HASHED)
		return !(before->flags & OBJECT_UNSTABLE) && memcmp(before->sha256, after->sha256, 32) != 0;
	if ((before->flags | after->flags) & unknown)
		return before->size != after->size;
	return before->size != after->size || before->mtime != after->mtime;
}

unsigned compare_objects(const struct object *before, const struct object *after)
{
	const char *link_before = before->link ? before->link : "", *link_after = after->link ? after->link : "";
	unsigned ret = 0;

	if ((before->mode ^ after->mode) & S_IFMT)
		ret |= COMPARE_TYPE;
	else if (S_ISREG(after->mode) && content_differs(before, after))
		ret |= COMPARE_CONTENT;
	if (before->uid != after->uid || before->gid != after->gid)
		ret |= COMPARE_OWNER;
	if ((before->mode ^ after->mode) & 0777)
		ret |= COMPARE_MODE;
	if ((before->mode ^ after->mode) & 07000)
		ret |= COMPARE_SETUID;
	if (before->caps_n != after->caps_n || memcmp(before->caps, after->caps, after->caps_n) != 0)
		ret |= COMPARE_CAPABILITIES;
	if (strcmp(link_before, link_after) != 0)
		ret |= COMPARE_LINK;
	if (before->device != after->device)
		ret |= COMPARE_DEVICE;
	return ret;
}

const char *compare_words(unsigned differences, char buffer[COMPARE_WORDS_MAX])
{
	static const char *const words[] = {
		"type", "content", "owner", "mode", "setuid", "capabilities", "link", "device"
	};
	size_t n = 0;

	buffer[0] = '\0';
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (differences & 1u << i)
			n += (size_t)snprintf(buffer + n, COMPARE_WORDS_MAX - n, "%s%s", n ? ", " : "", words[i]);
	return buffer;
}

/* All that compare_objects looks at, and no times, which differ on each reading of what was merely touched. */
static int digest_object(EVP_MD_CTX *md, const struct object *object)
{
	struct {
		uint64_t size, device;
		uint32_t mode, uid, gid, caps_n;
		uint8_t caps[OBJECT_CAPS_MAX], sha256[32];
	} fixed;

	if (!object)
		return EVP_DigestUpdate(md, "-", 1);
	memset(&fixed, 0, sizeof(fixed));
	fixed.size = object->size;
	fixed.device = object->device;
	fixed.mode = object->mode;
	fixed.uid = object->uid;
	fixed.gid = object->gid;
	fixed.caps_n = object->caps_n;
	memcpy(fixed.caps, object->caps, object->caps_n);
	if (object->flags & OBJECT_HASHED)
		memcpy(fixed.sha256, object->sha256, 32);
	return EVP_DigestUpdate(md, "+", 1) && EVP_DigestUpdate(md, &fixed, sizeof(fixed)) &&
	       EVP_DigestUpdate(md, object->path, strlen(object->path) + 1) &&
	       EVP_DigestUpdate(md, object->link ? object->link : "", object->link ? strlen(object->link) + 1 : 1);
}

int compare_id(const struct object *before, const struct object *after, uint8_t ret[COMPARE_ID])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t digest[32];
	bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) && digest_object(md, before) &&
		  digest_object(md, after) && EVP_DigestFinal_ex(md, digest, NULL);

	EVP_MD_CTX_free(md);
	if (ok)
		memcpy(ret, digest, COMPARE_ID);
	return ok ? 0 : -ENOMEM;
}
