/*
 * confine: what a process gives up before its first untrusted byte, and the only file that includes
 * libseccomp and libcap-ng.
 */
#ifndef WEIR_CONFINE_H
#define WEIR_CONFINE_H

#include <stddef.h>

/*
 * Gives up: every capability (verified), the right to gain privileges, core dumps, and being traced
 * by anyone but root.  0, -errno, or -EPERM when a capability is still held.  Call before threads
 * are made: they then share one heap of the C library, which gives memory back without opening files; a heap for
 * each would read /proc/sys/vm/overcommit_memory before it shrinks, and that is in no table.
 */
int confine_privileges(void);

/*
 * The same, but for these capabilities (CAP_NET_ADMIN and the like), which it must hold, and then holds alone: -EPERM
 * when one of them, or of the others, is not as it should be.  -EINVAL for a number that is no capability.
 */
int confine_privileges_but(const int *kept, size_t count);

/*
 * Closes the system-call table: the calls in `allowed` (names as in syscalls(2), ended by NULL), those
 * in confine_base, and no others; anything else kills the process.  Applies to all threads.  May be
 * called again with a narrower table, when the first one has "seccomp" and "prctl".  0 or -errno; -EINVAL for a name that is no system call.
 *
 * Some names are narrowed: mmap and mprotect never with PROT_EXEC, socket only AF_UNIX, prctl only
 * PR_SET_NAME and PR_SET_NO_NEW_PRIVS.  "thread" is no call but stands for what making a thread takes (clone with
 * CLONE_THREAD; clone3 answers ENOSYS, on which the C library goes on with clone), "ethtool" for ioctl with SIOCETHTOOL
 * alone.  bpf is BPF_MAP_LOOKUP_ELEM alone.
 *
 * In builds with WEIR_SANITIZE what the sanitizers need is added.
 */
int confine_calls(const char *const *allowed);

/* What the C library, libsodium and abort take in any process; ended by NULL. */
extern const char *const confine_base[];

#endif
