/* kernel.h - small files of /proc and /sys, and what stands in them. Parsers take the text, so they need no kernel to
 * test. */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All of ROOT/NAME that fits, with a NUL and without the last newline. 0 or -errno. */
int kernel_read(const char *root, const char *name, char *buffer, size_t room);

/* A file that holds one number. */
int kernel_number(const char *root, const char *name, int64_t *ret);

/* Time that the processors spent, in ticks since the boot; of /proc/stat. */
struct kernel_cpu { uint64_t total, idle, wait, steal; unsigned processors; };
int kernel_cpu(const char *text, struct kernel_cpu *ret);

/* The share of each between two readings; false when there is none: nothing passed, or the machine was booted in
 * between. */
struct kernel_cpu_share { double used, wait, steal; };
bool kernel_cpu_share(const struct kernel_cpu *before, const struct kernel_cpu *after, struct kernel_cpu_share *ret);

/* Bytes; of /proc/meminfo. */
struct kernel_memory { uint64_t total, available, free, cached, swap_total, swap_free; };
int kernel_memory(const char *text, struct kernel_memory *ret);

/* Of /proc/loadavg: averages over 1, 5 and 15 minutes, and the number of tasks. */
struct kernel_load { double average[3]; uint64_t tasks; };
int kernel_load(const char *text, struct kernel_load *ret);

/* Share of the last minute, 0..1, in which `kind` ("some", "full") of the tasks waited; of /proc/pressure/RESOURCE. */
int kernel_pressure(const char *text, const char *kind, double *ret);

/* The number after `name` at the beginning of a line ("oom_kill 3"). */
int kernel_field(const char *text, const char *name, uint64_t *ret);

/* Calls for each entry of a folder, in the order of their names; for none when it cannot be read. */
void kernel_each(const char *folder, void (*fn)(const char *folder, const char *name, void *arg), void *arg);

#endif
