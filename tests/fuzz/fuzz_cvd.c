/* A database's header, as it lies on disk, and the other texts of ClamAV that are parsed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/antivirus/clamd.h"
#include "plugins/antivirus/cvd.h"
#include "plugins/antivirus/health.h"
#include "plugins/antivirus/logs.h"

static bool nothing(const char *file, const char *signature, void *arg)
{
	if (!*file || !*signature)
		abort();
	return strlen(signature) != 7;	/* now and then it is full */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cvd cvd;
	struct clamd clamd;
	struct scan scan;
	struct health health;
	int64_t when;
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	cvd_parse(data, size, &cvd);
	clamd_parse(text, &clamd);
	logs_last_update(text, &when);
	if (logs_last_scan(text, &scan) == 0 && scan.begins > size)
		abort();
	if (logs_detections((const char *)data, size, nothing, NULL) > size)
		abort();
	health_parse(text, size, 0, &health);
	free(text);
	return 0;
}
