/*
 * message.h - a notice as a mail (RFC 5322, 2045, 2047). A typed builder: whatever the text holds, it adds no header, no recipient
 * and no line (SECURITY M1).
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/rooms.pb-c.h"

/* The whole mail, lines ended by CRLF, NUL-terminated; the caller frees. `from` is an address; the Message-ID is made of the
 * notice's id and from's domain. NULL: an address that is none, or no memory. */
char *message_build(const Rooms__Notice *, const char *from, int64_t wall_ns, size_t *ret_n);

#endif
