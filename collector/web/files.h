/* files.h - the dashboard's own files: read once at start into a fixed table, so that no path is ever built from a request (W6). */
#ifndef FILES_H
#define FILES_H

#include <stddef.h>

struct file { char *path, *data, etag[40]; size_t n; const char *type; };
struct files { struct file *at; size_t n; };

/* All files of one folder whose ending has a type. 0 or -errno; index.html must be among them, it is also "/". */
int files_load(const char *folder, struct files *ret);
void files_free(struct files *);
const struct file *files_find(const struct files *, const char *path);

#endif
