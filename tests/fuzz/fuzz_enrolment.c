/* Enrolment: the text of a token, as a person hands it over, and once more with check digits that fit; the request of a server, as the collector
 * takes it; the collector's answer, as the server takes it. */
#include <stdlib.h>
#include <string.h>

#include "cli/answer.h"
#include "collector/enrol/request.h"
#include "lib/base64.h"
#include "lib/crc32c.h"
#include "lib/frame.h"
#include "lib/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What is read as a token is written as the same text. */
static void look(const char *text)
{
	struct token t;
	char *again;

	if (token_read(text, &t) < 0)
		return;
	again = token_write(&t);
	if (!again || strcmp(again, text))
		abort();
	free(again);
}

static void with_digits(const uint8_t *data, size_t n)
{
	uint8_t *bytes = malloc(n + 4);
	const uint32_t crc = crc32c(0, data, n);
	char *body, *text;

	memcpy(bytes, data, n);
	for (int i = 0; i < 4; i++)
		bytes[n + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
	body = base64_write(bytes, n + 4);
	text = malloc(strlen(body) + 9);
	strcpy(text, "beadle1_");
	strcat(text, body);
	look(text);
	free(text);
	free(body);
	free(bytes);
}

static void as_messages(const uint8_t *data, size_t n)
{
	struct enrolment_answer answer = {0};
	int64_t size = frame_size(data, n, TOKEN_ANSWER_MAX);

	if (size <= 0 || (size_t)size > n)
		return;
	if (size <= (int64_t)TOKEN_REQUEST_MAX + FRAME_HEAD)
		free(request_read(data, (size_t)size));
	answer_read(data, (size_t)size, "twvs", &answer);
	answer_clear(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1);

	if (n)
		memcpy(text, data, n);
	text[n] = 0;
	look(text);
	free(text);
	if (n < 1024)
		with_digits(data, n);
	as_messages(data, n);
	return 0;
}
