/* A time server's packet, and what the tools of time daemons print. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/clock/daemon.h"
#include "plugins/clock/sntp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct daemon_state state;
	struct sntp_reply reply;
	uint64_t nonce = 0;
	int64_t at = 1795488600 * INT64_C(1000000000);
	char *text = malloc(size + 1);

	for (size_t i = 24; i < 32 && i < size; i++)	/* the fuzzer shall get past the nonce */
		nonce = nonce << 8 | data[i];
	if (sntp_parse(data, size, nonce, at, at + 1000000, &reply) == SNTP_GOOD &&
	    (reply.delay < 0 || reply.delay > 1000000))
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	daemon_parse_chrony(text, &state);
	daemon_parse_ntpd(text, &state);
	daemon_parse_timesyncd(text, &state);
	free(text);
	return 0;
}
