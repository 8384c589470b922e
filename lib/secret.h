/* secret.h - for a process that holds keys or passwords. */
#ifndef SECRET_H
#define SECRET_H

/* From now on it leaves no core file, and nobody of the same user can look into it, or into what the kernel tells of it. Programs that it
 * starts leave none either, but can be looked into until they ask for this themselves. 0 or -errno. */
int secret_keep(void);

#endif
