/*
 * filter: the system-call filters of a running process, as the kernel has them, and what it does when it makes a call
 * that they do not allow.  For root.
 *
 *   filter table PID [COUNT]       what the filters (of them the COUNT oldest) let through, by running their
 *                                  instructions for every number from 0 to 1023
 *   filter call PID NAME ARG…      the process makes this call now: "returned N" or "killed by SIGNAL"
 *
 * A table has a line for each call that is not killed:
 *
 *   allowed NAME                   whatever its arguments: the filters have not looked at them
 *   narrowed NAME SAMPLE:ACTION…   the filters look at its arguments; with this one it is allowed or killed, whatever
 *                                  the other arguments are
 *   answered NAME ERRNO
 *   other NAME ACTION              anything else, which there should be none of
 *
 * and then "x32 ACTION" and "i386 ACTION" for calls by these numbers.  All threads must have the same filters.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PTRACE_SECCOMP_GET_FILTER
#define PTRACE_SECCOMP_GET_FILTER 0x420c
#endif

enum {
	NUMBERS = 1024, FILTERS_MAX = 8, X32_BIT = 0x40000000, ARGS = 6, CALL_LEN = 2,
	MEMORY_WORDS = BPF_MEMWORDS,
};

struct program {
	struct sock_filter code[BPF_MAXINSNS];
	size_t len;
};

struct filters {
	struct program of[FILTERS_MAX]; /* the oldest first */
	size_t count;
};

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "filter: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* ---- a process that stands still ---- */

static void stop(pid_t tid)
{
	int status;
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0)
		fail("cannot attach");
	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0 || waitpid(tid, &status, __WALL) != tid ||
	    !WIFSTOPPED(status))
		fail("it does not stop");
}

static void go_on(pid_t tid)
{
	if (ptrace(PTRACE_DETACH, tid, NULL, NULL) != 0)
		fail("cannot let it go on");
}

static void read_filters(struct filters *out, pid_t tid)
{
	*out = (struct filters){.count = 0};
	stop(tid);
	while (out->count < FILTERS_MAX) {
		struct program *program = &out->of[out->count];
		errno = 0;
		long len = ptrace(PTRACE_SECCOMP_GET_FILTER, tid, (void *)out->count, NULL);
		if (len < 0 && errno == ENOENT)
			break;
		if (len < 0)
			fail("the kernel does not give the filter (CONFIG_CHECKPOINT_RESTORE)");
		if (len > BPF_MAXINSNS ||
		    ptrace(PTRACE_SECCOMP_GET_FILTER, tid, (void *)out->count, program->code) != len)
			fail("the filter changes");
		program->len = (size_t)len;
		out->count++;
	}
	go_on(tid);
}

/* Of all threads, which must have the same. */
static void read_all_filters(struct filters *out, pid_t pid)
{
	static struct filters other;
	char path[64];
	size_t threads = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	DIR *dir = opendir(path);
	if (dir == NULL)
		fail(path);
	for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		if (entry->d_name[0] == '.')
			continue;
		read_filters(threads == 0 ? out : &other, (pid_t)strtol(entry->d_name, NULL, 10));
		if (threads++ > 0 && memcmp(out, &other, sizeof(other)) != 0) {
			printf("other thread %s has other filters\n", entry->d_name);
			exit(1);
		}
	}
	closedir(dir);
	printf("threads %zu filters %zu\n", threads, out->count);
}

/* ---- running a filter ---- */

struct machine {
	const struct seccomp_data *data;
	uint32_t a, x, memory[MEMORY_WORDS];
	bool has_looked; /* at an argument, or at where the call comes from */
};

static uint32_t load(struct machine *m, uint32_t at)
{
	uint32_t word;
	if (at % sizeof(word) != 0 || at + sizeof(word) > sizeof(*m->data))
		abort();
	m->has_looked |= at >= offsetof(struct seccomp_data, instruction_pointer);
	memcpy(&word, (const uint8_t *)m->data + at, sizeof(word));
	return word;
}

static uint32_t compute(uint16_t code, uint32_t a, uint32_t with)
{
	switch (BPF_OP(code)) {
	case BPF_ADD:
		return a + with;
	case BPF_SUB:
		return a - with;
	case BPF_MUL:
		return a * with;
	case BPF_AND:
		return a & with;
	case BPF_OR:
		return a | with;
	case BPF_XOR:
		return a ^ with;
	case BPF_LSH:
		return with < 32 ? a << with : 0;
	case BPF_RSH:
		return with < 32 ? a >> with : 0;
	case BPF_NEG:
		return -a;
	default:
		abort();
	}
}

static bool holds(uint16_t code, uint32_t a, uint32_t with)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return a == with;
	case BPF_JGT:
		return a > with;
	case BPF_JGE:
		return a >= with;
	case BPF_JSET:
		return (a & with) != 0;
	default:
		abort();
	}
}

static uint32_t run(const struct program *program, const struct seccomp_data *data, bool *has_looked)
{
	struct machine m = {.data = data};
	for (size_t at = 0; at < program->len; at++) {
		const struct sock_filter *f = &program->code[at];
		uint32_t with = BPF_SRC(f->code) == BPF_X ? m.x : f->k;
		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			m.a = BPF_MODE(f->code) == BPF_ABS   ? load(&m, f->k)
			      : BPF_MODE(f->code) == BPF_MEM ? m.memory[f->k % MEMORY_WORDS]
			      : BPF_MODE(f->code) == BPF_IMM ? f->k
							     : (abort(), 0U);
			break;
		case BPF_LDX:
			m.x = BPF_MODE(f->code) == BPF_MEM ? m.memory[f->k % MEMORY_WORDS] : f->k;
			break;
		case BPF_ST:
			m.memory[f->k % MEMORY_WORDS] = m.a;
			break;
		case BPF_STX:
			m.memory[f->k % MEMORY_WORDS] = m.x;
			break;
		case BPF_ALU:
			m.a = compute(f->code, m.a, with);
			break;
		case BPF_JMP:
			at += BPF_OP(f->code) == BPF_JA ? f->k : holds(f->code, m.a, with) ? f->jt : f->jf;
			break;
		case BPF_RET:
			*has_looked = m.has_looked;
			return BPF_RVAL(f->code) == BPF_A ? m.a : f->k;
		default: /* BPF_MISC */
			if (BPF_MISCOP(f->code) == BPF_TAX)
				m.x = m.a;
			else
				m.a = m.x;
		}
	}
	abort();
}

/*
 * The strictest of all, as the kernel orders actions.  Whether that depends on what was looked at: not where one of
 * them kills without having looked.
 */
static uint32_t ask(const struct filters *filters, const struct seccomp_data *data, bool *has_looked)
{
	uint32_t strictest = SECCOMP_RET_ALLOW;
	*has_looked = false;
	for (size_t i = 0; i < filters->count; i++) {
		bool looks = false;
		uint32_t answer = run(&filters->of[i], data, &looks);
		*has_looked |= looks;
		if (!looks && answer == SECCOMP_RET_KILL_PROCESS) {
			*has_looked = false;
			return answer;
		}
		if ((int32_t)(answer & SECCOMP_RET_ACTION_FULL) < (int32_t)(strictest & SECCOMP_RET_ACTION_FULL))
			strictest = answer;
	}
	return strictest;
}

/* ---- the table ---- */

static const struct sample {
	const char *call;
	const char *what;
	unsigned int arg;
	uint64_t value;
} samples[] = {
	{"mmap", "read", 2, PROT_READ},
	{"mmap", "write", 2, PROT_READ | PROT_WRITE},
	{"mmap", "exec", 2, PROT_EXEC},
	{"mmap", "read-exec", 2, PROT_READ | PROT_EXEC},
	{"mmap", "high-exec", 2, UINT64_C(1) << 32 | PROT_EXEC},
	{"mprotect", "read", 2, PROT_READ},
	{"mprotect", "write", 2, PROT_READ | PROT_WRITE},
	{"mprotect", "exec", 2, PROT_EXEC},
	{"mprotect", "read-exec", 2, PROT_READ | PROT_EXEC},
	{"socket", "unix", 0, AF_UNIX},
	{"socket", "inet", 0, AF_INET},
	{"socket", "inet6", 0, AF_INET6},
	{"socket", "packet", 0, AF_PACKET},
	{"socket", "netlink", 0, AF_NETLINK},
	{"socket", "xdp", 0, AF_XDP},
	{"socket", "high-inet", 0, UINT64_C(1) << 32 | AF_INET},
	{"prctl", "name", 0, PR_SET_NAME},
	{"prctl", "no-new-privs", 0, PR_SET_NO_NEW_PRIVS},
	{"prctl", "dumpable", 0, PR_SET_DUMPABLE},
	{"prctl", "seccomp", 0, PR_SET_SECCOMP},
	{"prctl", "ambient", 0, PR_CAP_AMBIENT},
	{"prctl", "securebits", 0, PR_SET_SECUREBITS},
	{"clone", "thread", 0, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM},
	{"clone", "fork", 0, SIGCHLD},
	{"clone", "vfork", 0, CLONE_VM | CLONE_VFORK | SIGCHLD},
	{"clone", "user-namespace", 0, CLONE_NEWUSER | SIGCHLD},
	{"ioctl", "size", 1, TIOCGWINSZ},
	{"ioctl", "settings", 1, TCGETS},
	{"ioctl", "waiting", 1, FIONREAD},
	{"ioctl", "type", 1, TIOCSTI},
	{"ioctl", "console", 1, TIOCCONS},
	{"ioctl", "nic", 1, SIOCETHTOOL},
	{"ioctl", "flags", 1, SIOCSIFFLAGS},
	{"bpf", "lookup", 0, BPF_MAP_LOOKUP_ELEM},
	{"bpf", "update", 0, BPF_MAP_UPDATE_ELEM},
	{"bpf", "load", 0, BPF_PROG_LOAD},
	{"bpf", "high-load", 0, UINT64_C(1) << 32 | BPF_PROG_LOAD},
};

static const char *name_of(uint32_t answer)
{
	switch (answer & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		return "allowed";
	case SECCOMP_RET_KILL_PROCESS:
		return "killed";
	case SECCOMP_RET_KILL_THREAD:
		return "thread-killed";
	case SECCOMP_RET_ERRNO:
		return "errno";
	default:
		return "odd";
	}
}

static const char *name_of_call(int number)
{
	static char text[64];
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, number);
	if (name != NULL)
		snprintf(text, sizeof(text), "%s", name);
	else
		snprintf(text, sizeof(text), "#%d", number);
	free(name);
	return text;
}

/* The same, whatever the other arguments are, or "depends". */
static const char *try_sample(const struct filters *filters, struct seccomp_data data, const struct sample *sample)
{
	bool has_looked = false;
	data.args[sample->arg] = sample->value;
	uint32_t first = ask(filters, &data, &has_looked);
	for (unsigned int i = 0; i < ARGS; i++)
		if (i != sample->arg)
			data.args[i] = UINT64_MAX;
	return ask(filters, &data, &has_looked) == first ? name_of(first) : "depends";
}

static void print_narrowed(const struct filters *filters, const struct seccomp_data *data, const char *call)
{
	printf("narrowed %s", call);
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		if (strcmp(samples[i].call, call) == 0)
			printf(" %s:%s", samples[i].what, try_sample(filters, *data, &samples[i]));
	puts("");
}

static void print_call(const struct filters *filters, int number)
{
	bool has_looked = false;
	const struct seccomp_data data = {.nr = number, .arch = AUDIT_ARCH_X86_64};
	uint32_t answer = ask(filters, &data, &has_looked);
	const char *call = name_of_call(number);
	if (has_looked)
		print_narrowed(filters, &data, call);
	else if ((answer & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
		printf("answered %s %s\n", call, strerrorname_np((int)(answer & SECCOMP_RET_DATA)));
	else if (strcmp(name_of(answer), "allowed") == 0)
		printf("allowed %s\n", call);
	else if (strcmp(name_of(answer), "killed") != 0)
		printf("other %s %s\n", call, name_of(answer));
}

/* What all numbers come to under another convention; "several" should never be. */
static const char *other_convention(const struct filters *filters, uint32_t arch, int bit)
{
	const char *all = NULL;
	for (int number = 0; number < NUMBERS; number++) {
		bool has_looked = false;
		const struct seccomp_data data = {.nr = number | bit, .arch = arch};
		const char *answer = name_of(ask(filters, &data, &has_looked));
		if (all != NULL && strcmp(all, answer) != 0)
			return "several";
		all = answer;
	}
	return all;
}

static int print_table(pid_t pid, size_t most)
{
	static struct filters filters;
	read_all_filters(&filters, pid);
	if (most < filters.count)
		filters.count = most;
	for (int number = 0; number < NUMBERS; number++)
		print_call(&filters, number);
	printf("x32 %s\n", other_convention(&filters, AUDIT_ARCH_X86_64, X32_BIT));
	printf("i386 %s\n", other_convention(&filters, AUDIT_ARCH_I386, 0));
	return 0;
}

/* ---- a call that it is made to make ---- */

/* Where the process has an instruction "syscall". */
static uint64_t find_call(pid_t pid)
{
	static uint8_t piece[65536];
	char path[64], line[512];
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	int memory = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	FILE *maps = fopen(path, "re");
	uint64_t found = 0, begin, end;
	char rights[8];
	while (memory >= 0 && maps != NULL && found == 0 && fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx %7s", &begin, &end, rights) != 3 || rights[2] != 'x' ||
		    strstr(line, "libc.so") == NULL)
			continue;
		for (uint64_t at = begin; found == 0 && at < end; at += sizeof(piece) - CALL_LEN) {
			ssize_t n = pread(memory, piece, sizeof(piece), (off_t)at);
			const uint8_t *call = n <= 0 ? NULL : memmem(piece, (size_t)n, "\x0f\x05", CALL_LEN);
			if (call != NULL)
				found = at + (uint64_t)(call - piece);
		}
	}
	if (maps != NULL)
		fclose(maps);
	if (found == 0)
		fail("no system call to be found in it");
	close(memory);
	return found;
}

static int make_call(pid_t pid, const char *name, char **args, int count)
{
	struct user_regs_struct before, regs;
	uint64_t values[ARGS] = {0};
	int number = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name), status;
	for (int i = 0; i < count && i < ARGS; i++)
		values[i] = strtoull(args[i], NULL, 0);
	if (number < 0) {
		errno = ENOSYS;
		fail(name);
	}
	uint64_t call = find_call(pid);
	stop(pid);
	if (ptrace(PTRACE_GETREGS, pid, NULL, &before) != 0)
		fail("cannot read its registers");
	regs = before;
	regs.rip = call;
	regs.rax = (unsigned int)number;
	regs.orig_rax = UINT64_MAX; /* what it waited in is not begun again now */
	regs.rdi = values[0];
	regs.rsi = values[1];
	regs.rdx = values[2];
	regs.r10 = values[3];
	regs.r8 = values[4];
	regs.r9 = values[5];
	if (ptrace(PTRACE_SETREGS, pid, NULL, &regs) != 0 || ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) != 0 ||
	    waitpid(pid, &status, __WALL) != pid)
		fail("it does not make the call");
	if (WIFSIGNALED(status)) {
		printf("killed by SIG%s\n", sigabbrev_np(WTERMSIG(status)));
		return 0;
	}
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP || ptrace(PTRACE_GETREGS, pid, NULL, &regs) != 0 ||
	    ptrace(PTRACE_SETREGS, pid, NULL, &before) != 0)
		fail("it does not come back from the call");
	printf("returned %ld\n", (long)regs.rax);
	go_on(pid);
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid = argc > 2 ? (pid_t)strtol(argv[2], NULL, 10) : 0;
	if (pid > 0 && strcmp(argv[1], "table") == 0)
		return print_table(pid, argc > 3 ? strtoull(argv[3], NULL, 10) : FILTERS_MAX);
	if (pid > 0 && strcmp(argv[1], "call") == 0 && argc > 3)
		return make_call(pid, argv[3], argv + 4, argc - 4);
	fprintf(stderr, "usage: filter table PID [COUNT] | filter call PID NAME [ARG...]\n");
	return 2;
}
