#include "config.h"

#include "syscalls.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "log.h"

/* Texts, not arrays of pointers: those would cost each process pages of its own. A name that this machine does not know
 * is passed over. */
static const char set_all[] =
	"read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 close close_range lseek _llseek dup dup2 dup3 "
	"fcntl fcntl64 fstat fstat64 pipe pipe2 ioctl flock ftruncate ftruncate64 fsync fdatasync sync_file_range fadvise64 "
	"sendfile sendfile64 splice "
	"mmap mmap2 munmap mprotect pkey_mprotect mremap madvise mincore mlock mlock2 munlock mlockall munlockall brk msync "
	"memfd_create membarrier "
	"rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigtimedwait_time64 rt_sigsuspend sigaltstack "
	"signalfd signalfd4 sigreturn pause alarm setitimer getitimer tgkill tkill rt_sigqueueinfo rt_tgsigqueueinfo "
	"futex futex_time64 futex_waitv set_robust_list get_robust_list set_tid_address rseq arch_prctl set_thread_area "
	"restart_syscall sched_yield sched_getaffinity sched_setaffinity sched_getparam sched_getscheduler sched_setscheduler "
	"sched_get_priority_max sched_get_priority_min setpriority getpriority ioprio_set ioprio_get getcpu "
	"clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_nanosleep clock_nanosleep_time64 nanosleep "
	"gettimeofday time times timer_create timer_settime timer_settime64 timer_gettime timer_getoverrun timer_delete "
	"timerfd_create timerfd_settime timerfd_settime64 timerfd_gettime timerfd_gettime64 "
	"poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create epoll_create1 epoll_ctl epoll_wait "
	"epoll_pwait epoll_pwait2 eventfd eventfd2 "
	"getpid getppid gettid getuid geteuid getgid getegid getresuid getresgid getgroups getpgid getpgrp getsid umask prctl "
	"capget uname sysinfo getrandom getrlimit ugetrlimit setrlimit getrusage getcwd chdir fchdir exit exit_group "
	"seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self "
	"socketpair sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg recvmmsg_time64 send recv shutdown getsockopt setsockopt "
	"getsockname getpeername connect bind";
static const char set_read[] =
	"open openat openat2 access faccessat faccessat2 stat stat64 lstat lstat64 newfstatat fstatat64 statx readlink readlinkat "
	"getdents getdents64 statfs statfs64 fstatfs fstatfs64 getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr "
	"name_to_handle_at inotify_init inotify_init1 inotify_add_watch inotify_rm_watch readahead adjtimex clock_adjtime syslog "
	"quotactl_fd listmount statmount";
static const char set_write[] =
	"creat fchmod mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat mknod mknodat truncate "
	"truncate64 fallocate copy_file_range sync syncfs";
static const char set_modes[] =
	"chmod fchmodat fchmodat2 chown chown32 lchown lchown32 fchown fchown32 fchownat utime utimes futimesat utimensat "
	"utimensat_time64 setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr";
static const char set_fork[] =
	"fork vfork wait4 waitpid waitid kill pidfd_open pidfd_send_signal setpgid setsid";
static const char set_exec[] = "execve execveat";
static const char set_listen[] = "listen accept accept4";
static const char set_users[] =
	"setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid setresuid32 setresgid setresgid32 setgroups "
	"setgroups32 setfsuid setfsuid32 setfsgid setfsgid32 capset";
static const char set_fanotify[] = "fanotify_init fanotify_mark";
#ifdef SANITIZED
/* The leak checker stops the other threads as a debugger does; the thread checker starts itself anew. */
static const char set_sanitizer[] = "ptrace fork vfork clone wait4 execve personality process_vm_readv open openat readlink readlinkat "
	"getdents64 stat newfstatat unlink unlinkat kill";
#else
/* No honest program of ours, nor any library that it uses, makes these: who makes them has taken the process over. The rest
 * of what is not allowed is refused, because a library may try it and go on without. */
static const char set_hostile[] =
	"execve execveat ptrace process_vm_readv process_vm_writev mount umount2 pivot_root chroot setns unshare init_module "
	"finit_module delete_module kexec_load kexec_file_load bpf perf_event_open userfaultfd open_by_handle_at reboot swapon "
	"swapoff acct clock_settime settimeofday sethostname setdomainname iopl ioperm";
#endif

static const struct { unsigned set; const char *names; } sets[] = {
	{CALLS_READ, set_read}, {CALLS_WRITE, set_write}, {CALLS_MODES, set_modes}, {CALLS_FORK, set_fork},
	{CALLS_EXEC, set_exec}, {CALLS_LISTEN, set_listen}, {CALLS_USERS, set_users}, {CALLS_FANOTIFY, set_fanotify},
};

/* Clones that make a name space are none of ours. */
#define NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define SOCKET_TYPE 0xfu	/* the rest are flags */

/* Whole: the header's macros leave fields out. */
static struct scmp_arg_cmp argument(unsigned which, enum scmp_compare how, scmp_datum_t a, scmp_datum_t b)
{
	return (struct scmp_arg_cmp){which, how, a, b};
}

static int add_names(scmp_filter_ctx f, uint32_t action, const char *names)
{
	char name[32];
	int n, r = 0;

	for (; r == 0 && sscanf(names, " %31s%n", name, &n) == 1; names += n) {
		int call = seccomp_syscall_resolve_name(name);

		if (call >= 0)
			r = seccomp_rule_add(f, action, call, 0);
		if (r == -EEXIST)	/* two sets name it */
			r = 0;
	}
	return r;
}

static int add_family(scmp_filter_ctx f, int family, int type)
{
	const struct scmp_arg_cmp by_family = argument(0, SCMP_CMP_EQ, (scmp_datum_t)family, 0);
	const struct scmp_arg_cmp by_type = argument(1, SCMP_CMP_MASKED_EQ, SOCKET_TYPE, (scmp_datum_t)type);

	return seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, by_family, by_type);
}

static int add_sockets(scmp_filter_ctx f, unsigned families)
{
	static const struct { unsigned set; int family, type; } may[] = {
		{FAMILY_UNIX, AF_UNIX, SOCK_STREAM}, {FAMILY_UNIX, AF_UNIX, SOCK_DGRAM}, {FAMILY_UNIX, AF_UNIX, SOCK_SEQPACKET},
		{FAMILY_INTERNET, AF_INET, SOCK_STREAM}, {FAMILY_INTERNET, AF_INET, SOCK_DGRAM},
		{FAMILY_INTERNET, AF_INET6, SOCK_STREAM}, {FAMILY_INTERNET, AF_INET6, SOCK_DGRAM},
		{FAMILY_INTERNET, AF_NETLINK, SOCK_RAW}, {FAMILY_INTERNET, AF_NETLINK, SOCK_DGRAM},
		{FAMILY_RAW, AF_INET, SOCK_RAW}, {FAMILY_RAW, AF_INET6, SOCK_RAW},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(may) / sizeof(*may); i++)
		if (families & may[i].set)
			r = add_family(f, may[i].family, may[i].type);
	/* A resolver looks for a cache first, and goes on without one. */
	if (r == 0 && (families & FAMILY_INTERNET) && !(families & FAMILY_UNIX))
		r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), 1, argument(0, SCMP_CMP_EQ, AF_UNIX, 0));
	return r;
}

/* Limits are one's own, and signals to oneself. Nobody takes the place of our handler of refusals; what programs of others do with
 * that signal is theirs. */
static int add_own(scmp_filter_ctx f, int quiet)
{
	const struct scmp_arg_cmp self = argument(0, SCMP_CMP_EQ, 0, 0), other = argument(0, SCMP_CMP_NE, SIGSYS, 0);
	const struct scmp_arg_cmp us = argument(0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0);
	int r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, self);

	if (r == 0)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(rt_sigaction), quiet ? 0 : 1, other);
	if (r == 0)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(kill), 1, us);
	return r == -EEXIST ? 0 : r;
}

static uint32_t refusal(int quiet)
{
	const char *wish = getenv("BEADLE_WALLS");

	if (quiet != SYSCALLS_QUIET && wish && strcmp(wish, "kill") == 0)
		return SCMP_ACT_KILL_PROCESS;
	return quiet ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_TRAP;
}

static int add_all(scmp_filter_ctx f, const struct syscalls *s)
{
	int r = add_names(f, SCMP_ACT_ALLOW, set_all);

	for (size_t i = 0; r == 0 && i < sizeof(sets) / sizeof(*sets); i++)
		if (s->sets & sets[i].set)
			r = add_names(f, SCMP_ACT_ALLOW, sets[i].names);
#ifdef SANITIZED
	if (r == 0)
		r = add_names(f, SCMP_ACT_ALLOW, set_sanitizer);
#else
	if (r == 0 && s->deadly && refusal(s->quiet) != SCMP_ACT_KILL_PROCESS)
		r = add_names(f, SCMP_ACT_KILL_PROCESS, set_hostile);
	if (r == 0)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				     argument(0, SCMP_CMP_MASKED_EQ, NAMESPACES, 0));
#endif
	if (r == 0)
		r = add_own(f, s->quiet);
	if (r == 0)	/* its flags are in memory, which no filter can see; the C library then takes clone */
		r = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return r == 0 ? add_sockets(f, s->families) : r;
}

static int load(scmp_filter_ctx f)
{
	int r = seccomp_attr_set(f, SCMP_FLTATR_API_SYSRAWRC, 1);

	if (r == 0)
		r = seccomp_load(f);
	return r == -EINVAL || r == -ENOSYS ? -EOPNOTSUPP : r;
}

int syscalls_confine(const struct syscalls *s)
{
	scmp_filter_ctx f = seccomp_init(refusal(s->quiet));
	int r = f ? add_all(f, s) : -ENOMEM;

	if (r == 0)
		r = load(f);
	if (f)
		seccomp_release(f);
	return r;
}

int syscalls_seal(void)
{
	static const char names[] = "mmap mmap2 mprotect pkey_mprotect";
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	const char *at = names;
	char name[32];
	int n, r = f ? 0 : -ENOMEM;

	for (; r == 0 && sscanf(at, " %31s%n", name, &n) == 1; at += n) {
		int call = seccomp_syscall_resolve_name(name);

		if (call >= 0)
			r = seccomp_rule_add(f, refusal(0), call, 1, argument(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
	}
	if (r == 0)
		r = load(f);
	if (f)
		seccomp_release(f);
	return r;
}

int syscalls_no_headers(void)
{
	static const struct { unsigned level, name; } ways[] = {{SOL_IP, IP_HDRINCL}, {SOL_IPV6, IPV6_HDRINCL}, {SOL_RAW, IPV6_HDRINCL}};
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int r = f ? 0 : -ENOMEM;

	/* The kernel looks at the lower half of a register, so we must. */
	for (size_t i = 0; r == 0 && i < sizeof(ways) / sizeof(*ways); i++)
		r = seccomp_rule_add(f, refusal(0), SCMP_SYS(setsockopt), 2, argument(1, SCMP_CMP_MASKED_EQ, UINT32_MAX, ways[i].level),
				     argument(2, SCMP_CMP_MASKED_EQ, UINT32_MAX, ways[i].name));
	if (r == 0)
		r = load(f);
	if (f)
		seccomp_release(f);
	return r;
}

/* ---- what was refused ---- */

#define TOLD 32

static int *refused;
static size_t refused_room;
static int told[TOLD];

/* True for the first time that there was room for. */
static bool keep(int call)
{
	for (size_t i = 0; i < refused_room; i++) {
		int none = 0;

		if (refused[i] == call)
			return false;
		if (__atomic_compare_exchange_n(&refused[i], &none, call, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return true;
		if (none == call)	/* another thread was faster */
			return false;
	}
	return false;
}

/* The call was not made; it answers EPERM. */
static void on_refused(int signal, siginfo_t *info, void *context)
{
	ucontext_t *at = context;

	if (keep(info->si_syscall + 1) && refused == told)
		log_in_signal("walls: refused, as none of its system calls: number ", (unsigned)info->si_syscall);
#if defined(__x86_64__)
	at->uc_mcontext.gregs[REG_RAX] = -EPERM;
#elif defined(__aarch64__)
	at->uc_mcontext.regs[0] = (unsigned long)-EPERM;
#elif defined(__riscv)
	at->uc_mcontext.__gregs[REG_A0] = (unsigned long)-EPERM;
#else
	_exit(128 + signal);
#endif
}

void syscalls_watch(int *kept, size_t room)
{
	struct sigaction action = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO | SA_NODEFER};

	refused = kept;
	refused_room = room;
	sigaction(SIGSYS, &action, NULL);
}

void syscalls_tell(void)
{
	syscalls_watch(told, TOLD);
}

char *syscalls_name(int number, char buf[32])
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

	if (name)
		snprintf(buf, 32, "%s", name);
	else
		snprintf(buf, 32, "call %d", number);
	free(name);
	return buf;
}
