#include "common/confine.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/tap.h"

static const char *const table[] = {"write", "socket", "close", "thread", "prctl", "ioctl", NULL};

#ifndef WEIR_SANITIZE
static const char *const link_table[] = {"write", "socket", "ethtool", "bpf", NULL};
#endif

static void *nothing(void *argument)
{
	return argument;
}

static int ascending(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(uint64_t));
}

/* The C library asks how much memory there is before it sorts more than a little. */
static void do_sort(void)
{
	static uint64_t numbers[4096];
	for (size_t i = 0; i < 4096; i++)
		numbers[i] = i * 2654435761U % 4096;
	qsort(numbers, 4096, sizeof(numbers[0]), ascending);
	_exit(0);
}

static void do_allowed(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;
	int waiting;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	/* whatever the answers are, the questions may be asked */
	(void)isatty(STDIN_FILENO);
	(void)ioctl(STDIN_FILENO, FIONREAD, &waiting);
	bool good = memory != MAP_FAILED && munmap(memory, 4096) == 0 && fd >= 0 && close(fd) == 0 &&
		    pthread_create(&thread, NULL, nothing, NULL) == 0 &&
		    pthread_join(thread, NULL) == 0 && prctl(PR_SET_NAME, "probe", 0, 0, 0) == 0;
	_exit(good ? 0 : 1);
}

enum { CHUNKS = 256, CHUNK_BYTES = 65536 };

static void *take_memory(void *chunks)
{
	void **all = chunks;
	for (size_t i = 0; i < CHUNKS; i++) {
		all[i] = malloc(CHUNK_BYTES);
		if (all[i] != NULL)
			memset(all[i], 1, CHUNK_BYTES);
	}
	return chunks;
}

/* As the encoder's thread of weir-emit and the thread that is done with its rows. */
static void do_free_elsewhere(void)
{
	void *chunks[CHUNKS] = {NULL};
	pthread_t thread;
	if (pthread_create(&thread, NULL, take_memory, chunks) != 0 || pthread_join(thread, NULL) != 0)
		_exit(1);
	for (size_t i = CHUNKS; i-- > 0;)
		free(chunks[i]);
	_exit(0);
}

static void do_inet_socket(void)
{
	_exit(socket(AF_INET, SOCK_DGRAM, 0) < 0 ? 1 : 0);
}

static void do_execute_memory(void)
{
	void *m = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	_exit(m == MAP_FAILED ? 1 : 0);
}

#ifdef __x86_64__
enum { X32_BIT = 0x40000000 };

static void *call_by_x32(void *argument)
{
	(void)syscall(X32_BIT | SYS_getpid);
	return argument;
}

/* A thread alone makes the call; the process is what must die of it. */
static void do_other_numbers(void)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, call_by_x32, NULL) != 0 || pthread_join(thread, NULL) != 0)
		_exit(1);
	_exit(0);
}
#endif

static void do_narrower(void)
{
	static const char *const narrow[] = {"write", "seccomp", NULL};
	if (confine_calls(narrow) != 0)
		_exit(1);
	_exit(socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? 1 : 0);
}

#ifndef WEIR_SANITIZE /* the sanitizers need these themselves */
static void do_fork(void)
{
	_exit(fork() < 0 ? 1 : 0);
}

static void do_open(void)
{
	FILE *file = fopen("/etc/passwd", "r");
	_exit(file == NULL ? 1 : 0);
}

static void do_type(void)
{
	char letter = 'x';
	_exit(ioctl(STDIN_FILENO, TIOCSTI, &letter) == 0 ? 0 : 1);
}

static void do_ethtool(void)
{
	struct ethtool_value command = {.cmd = ETHTOOL_GLINK};
	struct ifreq request = {.ifr_name = "lo", .ifr_data = (void *)&command};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	_exit(ioctl(fd, SIOCETHTOOL, &request) == 0 ? 0 : 1);
}

static void do_bpf(int command)
{
	union bpf_attr attributes = {.map_fd = 0};
	_exit(syscall(SYS_bpf, command, &attributes, sizeof(attributes)) == 0 ? 0 : 1);
}

static void do_lookup(void)
{
	do_bpf(BPF_MAP_LOOKUP_ELEM);
}

static void do_load(void)
{
	do_bpf(BPF_PROG_LOAD);
}

static void do_dumpable(void)
{
	_exit(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 ? 0 : 1);
}
#endif

/* The wait status of a child that is confined by this table and then does one thing. */
static int confined(const char *const *calls, void (*act)(void))
{
	pid_t child = fork();
	if (child == 0) {
		if (confine_privileges() != 0 || confine_calls(calls) != 0)
			_exit(99);
		act();
	}
	int status = -1;
	waitpid(child, &status, 0);
	return status;
}

static bool dies(void (*act)(void))
{
	int status = confined(table, act);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static void read_status(pid_t child, uint64_t held)
{
	char path[64], line[256];
	snprintf(path, sizeof(path), "/proc/%d/status", child);
	FILE *file = fopen(path, "r");
	unsigned int seen = 0;
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "CapEff:", 7) == 0 || strncmp(line, "CapPrm:", 7) == 0 ||
		    strncmp(line, "CapInh:", 7) == 0 || strncmp(line, "CapAmb:", 7) == 0) {
			seen++;
			bool may_hold = line[3] == 'E' || line[3] == 'P';
			ok(strtoull(line + 7, NULL, 16) == (may_hold ? held : 0), "%.6s is %s", line,
			   may_hold && held != 0 ? "what was kept" : "empty");
		}
		if (strncmp(line, "NoNewPrivs:", 11) == 0) {
			seen++;
			is_number(atoi(line + 11), 1, "no new privileges can be had");
		}
	}
	if (file != NULL)
		fclose(file);
	is_number(seen, 5, "the kernel told of all five");
}

/* kept: as confine_privileges_but takes them. */
static void test_privileges(const int *kept, size_t count, uint64_t held)
{
	int ends[2], back[2];
	if (pipe(ends) != 0 || pipe(back) != 0)
		abort();
	pid_t child = fork();
	if (child == 0) {
		int result = count == 0 ? confine_privileges() : confine_privileges_but(kept, count);
		char byte = result == 0 ? 'y' : 'n';
		if (write(ends[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			_exit(1);
		_exit(0);
	}
	char byte = 0;
	ok(read(ends[0], &byte, 1) == 1 && byte == 'y', "privileges are given up");
	read_status(child, held);
	ok(write(back[1], "x", 1) == 1, "the child may end");
	waitpid(child, NULL, 0);
}

/* Whoever has not got what it is to keep cannot begin. */
static void test_lacking(void)
{
	static const int kept[] = {CAP_NET_ADMIN, CAP_BPF}, none[] = {4711};
	pid_t child = fork();
	if (child == 0) {
		int wrong = confine_privileges_but(none, 1) == -EINVAL ? 0 : 1;
		int lost = confine_privileges() == 0 && confine_privileges_but(kept, 2) == -EPERM ? 0 : 2;
		_exit(wrong | lost);
	}
	int status = -1;
	waitpid(child, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "what is not held cannot be kept, and what is none is refused");
}

int main(void)
{
	static const int kept[] = {CAP_NET_ADMIN, CAP_BPF};
	test_privileges(NULL, 0, 0);
	if (geteuid() == 0)
		test_privileges(kept, 2, UINT64_C(1) << CAP_NET_ADMIN | UINT64_C(1) << CAP_BPF);
	else
		skip("only root has capabilities to keep", "two of them are kept");
	test_lacking();
	int status = confined(table, do_allowed);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "what the table allows works, threads included");
	status = confined(table, do_sort);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "sorting a large array works behind any table");
	status = confined(table, do_free_elsewhere);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "so does freeing what another thread has allocated");
#ifndef WEIR_SANITIZE
	ok(dies(do_open), "opening a file, which is not in the table, is fatal");
	ok(dies(do_type), "ioctl types nothing into a terminal");
	ok(dies(do_dumpable), "prctl is allowed for the name of a thread and nothing else");
	ok(dies(do_fork), "thread allows no process");
	ok(dies(do_ethtool), "ioctl asks no NIC");
	status = confined(link_table, do_ethtool);
	ok(WIFEXITED(status), "but in the table that says so");
	status = confined(link_table, do_lookup);
	ok(WIFEXITED(status), "bpf may be asked for what a map holds");
	status = confined(link_table, do_load);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "and loads nothing");
#endif
	ok(dies(do_inet_socket), "socket allows no network");
	ok(dies(do_execute_memory), "memory is never executable");
#ifdef __x86_64__
	ok(dies(do_other_numbers), "a call by a number of another convention kills the process, and no thread alone");
#endif
	static const char *const wide[] = {"write", "socket", "seccomp", NULL};
	status = confined(wide, do_narrower);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "a second table narrows the first");
	static const char *const wrong[] = {"no_such_call", NULL};
	is_number(confine_calls(wrong), -EINVAL, "a name that is no system call is refused");
	return done_testing();
}
