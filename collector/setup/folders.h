/* folders.h - what is below the state folder, and whose it is. */
#ifndef FOLDERS_H
#define FOLDERS_H

/* Makes what is missing. 0 or -errno. */
int folders_make(const char *state);

/* As root: each folder and what init put into it becomes its process's. A user that does not exist is passed over. 0 or -errno. */
int folders_give(const char *state);

#endif
