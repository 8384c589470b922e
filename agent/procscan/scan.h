/* scan.h - what beadle-procscan writes for each process: a fixed record, read by the host that asked. */
#ifndef SCAN_H
#define SCAN_H

#include <stdint.h>

#define SCAN_EXE 256

struct scan_record {
	uint32_t pid, uid;
	uint64_t start_ticks;
	uint32_t deleted_libraries;
	uint32_t exe_deleted;
	char exe[SCAN_EXE];	/* NUL-terminated, cut; "" when it may not be read */
};

#endif
