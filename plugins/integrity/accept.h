/*
 * accept.h - a person's word that the changes found are right.
 *
 * The file `accept` in the plugin's state directory holds the number of the change set that was looked at (the fact
 * integrity_changes). Only if the next scan finds exactly that set does it become the baseline.
 */
#ifndef ACCEPT_H
#define ACCEPT_H

#define ACCEPT_TOKEN 65	/* hex and a NUL */

/* Its first word, cut to fit. 0, -ENOENT when there is no file, or -errno. */
int accept_read(const char *path, char ret_token[ACCEPT_TOKEN]);

#endif
