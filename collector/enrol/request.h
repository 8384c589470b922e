/* request.h - what a server with a token asks: looked at before anything is done with it. */
#ifndef REQUEST_H
#define REQUEST_H

#include "collector/message.h"

/* A whole frame with its head. NULL: it is no request, or is not within bounds; the caller frees. Where it came from, and the connection's
 * exporter, are the caller's to put in. */
struct enrolling *request_read(const uint8_t *frame, size_t n);

#endif
