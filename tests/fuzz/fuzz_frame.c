/* Frames and every message in them, from any bytes: first byte chooses the message, the rest is a frame. */
#include <stdlib.h>

#include "frame.h"
#include "proto/beadle.pb-c.h"
#include "proto/host.pb-c.h"
#include "proto/rooms.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const ProtobufCMessageDescriptor *types[] = {&wire__envelope__descriptor, &host__from_host__descriptor,
		&host__to_host__descriptor, &host__plan__descriptor, &rooms__message__descriptor};
	struct arena *arena;
	int64_t size;

	if (n < 1)
		return 0;
	size = frame_size(data + 1, n - 1, FRAME_MAX);
	if (size <= 0 || (size_t)size > n - 1)
		return 0;
	arena = arena_new((size_t)size * 8 + 65536);
	frame_unpack(types[data[0] % (sizeof(types) / sizeof(types[0]))], data + 1, (size_t)size, arena);
	arena_free(arena);
	return 0;
}
