/* report.h - what a host says becomes a wire.Record. Nothing that it says is believed unchecked. */
#ifndef REPORT_H
#define REPORT_H

#include "agent/core/check.h"
#include "lib/arena.h"
#include "proto/host.pb-c.h"

/* 0: *ret is filled, from the message and the arena (a round whose series find no number has become a failed one); -EBADMSG: an offence,
 * and what it is in *ret_why; -ENOMEM. */
int report_round(const struct check *, const Host__Round *, struct dictionary *, struct arena *, Wire__Record *ret, const char **ret_why);
int report_events(const struct check *, const Host__Events *, Wire__Record *ret, const char **ret_why);

/* A record of ours about a round that did not come: outcome and cause in words, which must outlive the record. */
void report_failure(const struct check *, Wire__Outcome, const char *why, int64_t took_ns, Wire__Record *ret);

#endif
