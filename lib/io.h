/* io.h - reading, writing and handing on of descriptors; nothing is left half done. 0 or -errno. */
#ifndef IO_H
#define IO_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

const char *io_path(char buf[PATH_MAX], const char *folder, const char *name);	/* "folder/name": returns buf */
int io_write_all(int fd, const void *data, size_t n);
int io_read_file(const char *path, size_t limit, char **ret, size_t *ret_n);	/* NUL after the end; -EFBIG */
/* Other readers see the old content or the new, also after power loss: temporary, fsync, rename, fsync of the folder. */
int io_replace_file(const char *path, const void *data, size_t n, mode_t mode);
int io_rename(const char *from, const char *to);				/* and fsync of the folder */
int io_sync_folder(const char *path);
int io_sync_parent(const char *path);						/* the folder that it stands in */
int io_make_folders(const char *path, mode_t mode);				/* mkdir -p */
/* As root: of these names in the folder ("." is itself; the last is NULL), what belongs to root becomes that user's. Links are not followed;
 * what is not there, or another's already, is passed over. */
int io_give(const char *folder, const char *const *names, uid_t, gid_t);

/* One message with at most one descriptor (fd < 0: none) over a Unix socket. io_receive: *ret_fd is -1 where none came,
 * else the caller's, close-on-exec. Returns the bytes received, 0 at the end, or -errno. */
int io_send(int socket, const void *data, size_t n, int fd);
ssize_t io_receive(int socket, void *data, size_t room, int *ret_fd);
int io_pair(int type, int ret[2]);						/* socketpair, close-on-exec */

#endif
