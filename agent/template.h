/*
 * template.h - records between configuration reader, launcher, template and core. Fixed size, bounds-checked by each
 * receiver: the launcher parses no text. All over SOCK_SEQPACKET pairs, one struct a message.
 *
 *   reader   -> launcher   struct plugin_record, one per plugin, on descriptor 3; the core's Plan in the memfd on 4
 *   launcher -> template   struct template_load, then as many plugin_records; answered by a template_load when it goes
 *                          by them. An index names the same plugin as long as the state directory lives,
 *                          so that the core may go on asking while the records change
 *   core     -> template   struct template_ask: start or kill the host of plugin n
 *   template -> core       struct template_tell: started (with the host's socket), ended (with status), refused
 *   launcher -> core       struct core_tell: a new plan (with the memfd as descriptor), stop
 *   host     -> launcher   struct launcher_wish, over a pair that the template hands down to each host, before its walls stand and its
 *                          module is open; with it a socket, on which a struct descriptor_gift (lib/descriptor.h) is the answer. The
 *                          launcher goes by its own record of that plugin: from it come user and paths
 */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include <stdint.h>
#include <sys/types.h>

#define PLUGINS_MAX 256

struct plugin_record {
	uint32_t index;
	uint32_t uid, gid;		/* 0 when not running as root: the host stays what it is */
	uint64_t memory, file_size;	/* bytes: RLIMIT_AS (not under sanitizers), RLIMIT_FSIZE */
	uint32_t processes, files;	/* RLIMIT_NPROC, RLIMIT_NOFILE */
	uint32_t procscan;		/* granted: the host gets a socket on which the template answers with a scan */
	uint32_t descriptors;		/* granted: mask of GRANT_DESCRIPTOR (lib/grant.h), which the launcher opens for each host anew */
	uint64_t capabilities;		/* mask of CAP_*; only what is on the launcher's fixed list */
	char name[64];
	char module[488];		/* absolute path */
	uint64_t module_inode, module_size;	/* of the file that the configuration reader asked; 0: any will do */
	int64_t module_changed;		/* its ctime, ns */
	char state[512];		/* private directory: made by the template, owned by uid; "" for none */
	char grants[4096];		/* lib/grant.h, one a line: what its walls leave open */
};

struct template_load { uint32_t count; };

enum { TEMPLATE_START = 1, TEMPLATE_KILL, TEMPLATE_STARTED, TEMPLATE_ENDED, TEMPLATE_REFUSED };
struct template_ask { uint32_t what, plugin, serial; };	/* serial: the core's number of this start */
struct template_tell {
	uint32_t what, plugin, serial;
	int32_t pid, status;		/* status as of waitpid(2) */
	uint64_t cpu_ns, peak_bytes;	/* rusage of an ended host and its children */
	char why[160];			/* of a refusal */
};

enum { CORE_PLAN = 1, CORE_STOP };
struct core_tell { uint32_t what; };

struct launcher_wish { uint32_t plugin, which; };	/* which: enum grant_descriptors */

/* Descriptors at exec of the core: 3 = launcher, 4 = template, 5 = plan. Of the template: 3 = launcher, 4 = core, 5 = wishes. */
enum { FD_LAUNCHER = 3, FD_TEMPLATE = 4, FD_CORE = 4, FD_PLAN = 5, FD_WISHES = 5 };

#endif
