#include "confine.h"

#include <cap-ng.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/sockios.h>
#include <malloc.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

const char *const confine_base[] = {
	"exit", "exit_group", "rt_sigreturn", "rt_sigprocmask", "restart_syscall", /* life and signals */
	"brk", "mmap", "munmap", "mprotect", "madvise", "munlock",                 /* memory; sodium_free */
	"futex", "clock_gettime", "getrandom",                                     /* locks, time, keys */
	"getpid", "gettid", "tgkill",                                              /* abort, for assert */
	"sysinfo",                                                                 /* qsort, of 1 KiB and more */
	NULL,
};

#ifdef WEIR_SANITIZE
static const char *const sanitizer_calls[] = {
	"sigaltstack", "sched_getaffinity", "sched_yield", "read", "write", "open", "openat", "close",
	"readlink", "readlinkat", "mremap", "rt_sigaction", "fstat", "newfstatat", "ioctl", "getuid",
	"lseek", "set_robust_list", "rseq", "clone", "wait4", "ptrace", "prctl", "process_vm_readv",
	"nanosleep", "clock_nanosleep", "getrlimit", "prlimit64", "personality", "sysinfo", "pipe2",
	"fcntl", "dup2", "unlink", "arch_prctl", "getdents64", "kill", "exit_group", "uname",
	"getppid", "getdents", "futex", "gettid", "tgkill", "sched_setaffinity", "munmap", "madvise",
	"gettimeofday",
	NULL,
};
#endif

/* What systemd has taken already, in a unit whose system calls do not include capset. */
static bool has_none(void)
{
	return capng_get_caps_process() == 0 && capng_have_capabilities(CAPNG_SELECT_ALL) == CAPNG_NONE;
}

static bool is_kept(int capability, const int *kept, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (kept[i] == capability)
			return true;
	return false;
}

/* Whether these, and none else, are held in this set. */
static bool holds_exactly(capng_type_t set, const int *kept, size_t count)
{
	for (int i = 0; i <= CAP_LAST_CAP; i++)
		if ((capng_have_capability(set, (unsigned int)i) != 0) != is_kept(i, kept, count))
			return false;
	return true;
}

/* Nobody can be asked again after this, so the answer comes from the kernel. */
static int drop_capabilities(const int *kept, size_t count)
{
	if (count == 0 && has_none())
		return 0;
	/* Without CAP_SETPCAP the bounding set stays, which no_new_privs has made harmless. */
	bool may_bound = capng_get_caps_process() == 0 && capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0;
	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < count; i++)
		if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, (unsigned int)kept[i]) != 0)
			return -EINVAL;
	if (capng_apply(may_bound ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS) != 0)
		return -EPERM;
	if (capng_get_caps_process() != 0)
		return -EPERM;
	bool is_well = holds_exactly(CAPNG_EFFECTIVE, kept, count) && holds_exactly(CAPNG_PERMITTED, kept, count) &&
		       holds_exactly(CAPNG_INHERITABLE, NULL, 0) && holds_exactly(CAPNG_AMBIENT, NULL, 0);
	return is_well ? 0 : -EPERM;
}

int confine_privileges(void)
{
	return confine_privileges_but(NULL, 0);
}

int confine_privileges_but(const int *kept, size_t count)
{
	struct rlimit no_core = {0, 0};
	if (setrlimit(RLIMIT_CORE, &no_core) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
#ifndef WEIR_SANITIZE /* they have a heap of their own */
	if (mallopt(M_ARENA_MAX, 1) != 1)
		return -EINVAL;
#endif
	int result = drop_capabilities(kept, count);
#ifndef WEIR_SANITIZE /* the leak check stops the process with ptrace */
	/* Last: it hides /proc/self, which capng_get_caps_process reads. */
	if (result == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		result = -errno;
#endif
	return result;
}

static int allow_thread(scmp_filter_ctx filter)
{
	int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				      SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	static const char *const also[] = {"set_robust_list", "rseq", "sched_getaffinity", "rt_sigaction"};
	for (size_t i = 0; result == 0 && i < sizeof(also) / sizeof(also[0]); i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW,
					  seccomp_syscall_resolve_name(also[i]), 0);
	return result;
}

#ifndef WEIR_SANITIZE
/* Questions alone: TIOCSTI, for one, would type commands into the terminal of whoever looks on. */
static int allow_ioctl(scmp_filter_ctx filter)
{
	static const unsigned long questions[] = {TCGETS, TIOCGWINSZ, FIONREAD};
	int result = 0;
	for (size_t i = 0; result == 0 && i < sizeof(questions) / sizeof(questions[0]); i++) {
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
					  SCMP_A1(SCMP_CMP_EQ, questions[i], 0));
		if (result == -EEXIST)
			result = 0;
	}
	return result;
}
#endif

static int allow(scmp_filter_ctx filter, const char *name)
{
	if (strcmp(name, "thread") == 0)
		return allow_thread(filter);
	if (strcmp(name, "ethtool") == 0)
		return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
					SCMP_A1(SCMP_CMP_EQ, SIOCETHTOOL, 0));
	int call = seccomp_syscall_resolve_name(name);
	if (call == __NR_SCMP_ERROR)
		return -EINVAL;
	if (call == SCMP_SYS(mmap) || call == SCMP_SYS(mprotect))
		return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
					SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
#ifndef WEIR_SANITIZE
	if (call == SCMP_SYS(ioctl))
		return allow_ioctl(filter);
	if (call == SCMP_SYS(prctl)) {
		/* libseccomp asks for it before each filter, also before the second, narrower one */
		int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
					      SCMP_A0(SCMP_CMP_EQ, PR_SET_NO_NEW_PRIVS, 0));
		if (result != 0 && result != -EEXIST)
			return result;
		return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
					SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
	}
#endif
	if (call == SCMP_SYS(bpf))
		return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
					SCMP_A0(SCMP_CMP_EQ, BPF_MAP_LOOKUP_ELEM, 0));
	if (call == SCMP_SYS(socket))
		return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
					SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0));
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
}

static int allow_all(scmp_filter_ctx filter, const char *const *names)
{
	int result = 0;
	for (size_t i = 0; result == 0 && names[i] != NULL; i++) {
		result = allow(filter, names[i]);
		/* said again, as base and a table may: libseccomp refuses it, we do not mind */
		if (result == -EEXIST)
			result = 0;
	}
	return result;
}

int confine_calls(const char *const *allowed)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (filter == NULL)
		return -ENOMEM;
	int result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	/* calls by the numbers of i386 or x32: by itself libseccomp would kill the thread alone, and the others go on */
	if (result == 0)
		result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (result == 0)
		result = allow_all(filter, confine_base);
	if (result == 0)
		result = allow_all(filter, allowed);
#ifdef WEIR_SANITIZE
	if (result == 0)
		result = allow_all(filter, sanitizer_calls);
#endif
	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	return result;
}
