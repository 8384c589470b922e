/* base64.h - bytes as text that people can mark with a double click: RFC 4648's alphabet for URLs, without padding. */
#ifndef BASE64_H
#define BASE64_H

#include <stddef.h>
#include <stdint.h>

char *base64_write(const void *data, size_t n);				/* the caller frees; NULL: no memory */
/* Strict: nothing but the alphabet, no bits left over. 0, -EINVAL or -ENOMEM; the caller frees. */
int base64_read(const char *text, uint8_t **ret, size_t *ret_n);

#endif
