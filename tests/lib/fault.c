/* What stands in front of libc: fault.h.  It calls the kernel itself, and allocates nothing. */
#undef _FORTIFY_SOURCE
#include "fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static struct fault_page *shared;
static uint32_t slot; /* of this program, FAULT_PROGRAMS_MAX when there is none left */

#define FAULT_NAME(name) #name,
static const char *const call_names[] = {FAULT_CALLS(FAULT_NAME) "any"};

const char *fault_call_name(enum fault_call call)
{
	return call_names[call];
}

enum fault_call fault_call_from_name(const char *name)
{
	enum fault_call call = 0;
	while (call < FAULT_CALL_END && strcmp(call_names[call], name) != 0)
		call++;
	return call;
}

static void *map_raw(size_t len, int flags, int fd)
{
	return (void *)syscall(SYS_mmap, NULL, len, PROT_READ | PROT_WRITE, flags, fd, 0);
}

struct fault_page *fault_share(void)
{
	void *at = map_raw(sizeof(*shared), MAP_SHARED | MAP_ANONYMOUS, -1);
	if (at == MAP_FAILED)
		abort();
	shared = at;
	return shared;
}

void fault_arm(struct fault_page *page, const struct fault_plan *plans, uint32_t count)
{
	page->is_armed = false;
	memset(page->counts, 0, sizeof(page->counts));
	memset(page->plans, 0, sizeof(page->plans));
	if (count > 0)
		memcpy(page->plans, plans, count * sizeof(*plans));
	page->current = 0;
	page->retried = 0;
	page->is_armed = true;
}

void fault_disarm(struct fault_page *page)
{
	page->is_armed = false;
}

uint32_t fault_fired(const struct fault_page *page, uint32_t plan)
{
	return page->plans[plan].fired;
}

/* A program that finds no page runs as ever. */
__attribute__((constructor)) static void find_page(void)
{
	const char *path = getenv("FAULT_PAGE");
	if (path == NULL)
		return;
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
	if (fd < 0)
		return;
	void *at = map_raw(sizeof(*shared), MAP_SHARED, fd);
	syscall(SYS_close, fd);
	if (at == MAP_FAILED)
		return;
	struct fault_page *page = at;
	while (slot < page->slots && strcmp(page->names[slot], program_invocation_short_name) != 0)
		slot++;
	/* two of one name that start at the same moment may take two: they are added up by who reads */
	if (slot == page->slots && slot < FAULT_PROGRAMS_MAX) {
		slot = page->slots++;
		if (slot < FAULT_PROGRAMS_MAX)
			strncpy(page->names[slot], program_invocation_short_name, FAULT_PROGRAM_BYTES - 1);
	}
	shared = page;
}

static void die(void)
{
	syscall(SYS_exit_group, FAULT_EXIT);
}

static bool fires(struct fault_page *page, struct fault_plan *plan)
{
	uint32_t seen = ++plan->seen;
	bool does = seen == plan->nth || (plan->for_ever && seen > plan->nth);
	if (does && plan->for_ever && plan->error == EINTR && seen >= plan->nth + FAULT_EINTR_TIMES)
		return false;
	if (!does)
		return false;
	plan->fired++;
	if (!plan->for_ever && page->current + 1 < FAULT_PLANS_MAX)
		page->current++;
	return true;
}

/* What is to happen to this call.  errno is set for an error. */
static enum fault_action enter(enum fault_call call)
{
	struct fault_page *page = shared;
	if (page == NULL || !page->is_armed)
		return FAULT_NOTHING;
	if (slot < FAULT_PROGRAMS_MAX)
		page->counts[slot][call]++;
	if (page->program[0] != 0 && strcmp(page->program, program_invocation_short_name) != 0)
		return FAULT_NOTHING;
	uint32_t current = page->current;
	struct fault_plan *plan = &page->plans[current];
	/* "any" is any that a disk answers, or at which a process can die */
	bool is_other = call == FAULT_alloc || call == FAULT_mmap ||
			(plan->action == FAULT_ERROR &&
			 (call == FAULT_recv || call == FAULT_send || call == FAULT_accept));
	if (plan->action == FAULT_NOTHING || (plan->call != call && (plan->call != FAULT_ANY || is_other)))
		return FAULT_NOTHING;
	if (!fires(page, plan))
		return FAULT_NOTHING;
	if (plan->action == FAULT_DIE_BEFORE)
		die();
	if (plan->action == FAULT_ERROR)
		errno = plan->error;
	return plan->action;
}

/* RESULT is what the kernel says; -1 when it was not asked. */
#define MAKE(call, type, expression) \
	do { \
		enum fault_action action = enter(FAULT_##call); \
		if (action == FAULT_ERROR) \
			return (type)-1; \
		type result = (type)(expression); \
		if (action == FAULT_DIE_AFTER) \
			die(); \
		return result; \
	} while (0)

#define MAKE_SIZED(call, len, expression) \
	do { \
		enum fault_action action = enter(FAULT_##call); \
		if (action == FAULT_ERROR) \
			return -1; \
		if (action == FAULT_SHORT && (len) > 1) \
			(len) /= 2; \
		ssize_t result = (ssize_t)(expression); \
		if (action == FAULT_DIE_AFTER) \
			die(); \
		return result; \
	} while (0)

static mode_t mode_of(int flags, va_list arguments)
{
	return (flags & (O_CREAT | O_TMPFILE)) != 0 ? (mode_t)va_arg(arguments, unsigned int) : 0;
}

#define MODE_OF(mode, flags) \
	va_list arguments; \
	va_start(arguments, flags); \
	mode_t mode = mode_of(flags, arguments); \
	va_end(arguments)

int open(const char *path, int flags, ...)
{
	MODE_OF(mode, flags);
	MAKE(open, int, syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

int open64(const char *path, int flags, ...)
{
	MODE_OF(mode, flags);
	MAKE(open, int, syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

int openat(int dir, const char *path, int flags, ...)
{
	MODE_OF(mode, flags);
	MAKE(open, int, syscall(SYS_openat, dir, path, flags, mode));
}

/* The names that <fcntl.h>, <unistd.h> and <sys/socket.h> give calls whose sizes can be checked. */
int __open_2(const char *path, int flags), __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
ssize_t __read_chk(int fd, void *out, size_t len, size_t size), __recv_chk(int fd, void *out, size_t len, size_t size, int flags);
ssize_t __pread_chk(int fd, void *out, size_t len, off_t offset, size_t size);
ssize_t __pread64_chk(int fd, void *out, size_t len, off_t offset, size_t size);

int __open_2(const char *path, int flags)
{
	MAKE(open, int, syscall(SYS_openat, AT_FDCWD, path, flags, 0));
}

int __open64_2(const char *path, int flags)
{
	MAKE(open, int, syscall(SYS_openat, AT_FDCWD, path, flags, 0));
}

int __openat_2(int dir, const char *path, int flags)
{
	MAKE(open, int, syscall(SYS_openat, dir, path, flags, 0));
}

ssize_t read(int fd, void *out, size_t len)
{
	MAKE_SIZED(read, len, syscall(SYS_read, fd, out, len));
}

ssize_t __read_chk(int fd, void *out, size_t len, size_t size)
{
	(void)size;
	return read(fd, out, len);
}

ssize_t pread(int fd, void *out, size_t len, off_t offset)
{
	MAKE_SIZED(pread, len, syscall(SYS_pread64, fd, out, len, offset));
}

ssize_t __pread_chk(int fd, void *out, size_t len, off_t offset, size_t size)
{
	(void)size;
	return pread(fd, out, len, offset);
}

ssize_t __pread64_chk(int fd, void *out, size_t len, off_t offset, size_t size)
{
	(void)size;
	return pread(fd, out, len, offset);
}

ssize_t write(int fd, const void *data, size_t len)
{
	MAKE_SIZED(write, len, syscall(SYS_write, fd, data, len));
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
	MAKE_SIZED(pwrite, len, syscall(SYS_pwrite64, fd, data, len, offset));
}

/* Short: half of the pieces, or half of the only one. */
ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset)
{
	struct iovec half = pieces[0];
	half.iov_len /= 2;
	enum fault_action action = enter(FAULT_pwrite);
	if (action == FAULT_ERROR)
		return -1;
	if (action == FAULT_SHORT && count == 1 && half.iov_len > 0)
		pieces = &half;
	else if (action == FAULT_SHORT && count > 1)
		count /= 2;
	ssize_t result = syscall(SYS_pwritev, fd, pieces, count, offset, 0);
	if (action == FAULT_DIE_AFTER)
		die();
	return result;
}

ssize_t recv(int fd, void *out, size_t len, int flags)
{
	MAKE_SIZED(recv, len, syscall(SYS_recvfrom, fd, out, len, flags, NULL, NULL));
}

ssize_t __recv_chk(int fd, void *out, size_t len, size_t size, int flags)
{
	(void)size;
	return recv(fd, out, len, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	MAKE(recv, ssize_t, syscall(SYS_recvmsg, fd, message, flags));
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
	MAKE_SIZED(send, len, syscall(SYS_sendto, fd, data, len, flags, NULL, 0));
}

ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to, socklen_t to_len)
{
	MAKE_SIZED(send, len, syscall(SYS_sendto, fd, data, len, flags, to, to_len));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	MAKE(send, ssize_t, syscall(SYS_sendmsg, fd, message, flags));
}

int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict len, int flags)
{
	MAKE(accept, int, syscall(SYS_accept4, fd, address, len, flags));
}

/* The file for which a synchronisation failed, until it is closed.  A directory may be synchronised again for others. */
static _Atomic int lost_fd = -1;

static int synchronise(enum fault_call call, long number, int fd)
{
	struct stat st;
	enum fault_action action = enter(call);
	int error = errno;
	if (shared != NULL && fd == lost_fd)
		shared->retried++;
	if (action == FAULT_ERROR) {
		if (syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH) == 0 && S_ISREG(st.st_mode))
			lost_fd = fd;
		errno = error;
		return -1;
	}
	int result = (int)syscall(number, fd);
	if (action == FAULT_DIE_AFTER)
		die();
	return result;
}

int fsync(int fd)
{
	return synchronise(FAULT_fsync, SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return synchronise(FAULT_fdatasync, SYS_fdatasync, fd);
}

/* Of a folder of many files: none of them is synchronised again. */
int syncfs(int fd)
{
	MAKE(fsync, int, syscall(SYS_syncfs, fd));
}

int sync_file_range(int fd, off_t offset, off_t len, unsigned int flags)
{
	MAKE(sync_file_range, int, syscall(SYS_sync_file_range, fd, offset, len, flags));
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
	MAKE(fallocate, int, syscall(SYS_fallocate, fd, mode, offset, len));
}

int ftruncate(int fd, off_t len)
{
	MAKE(ftruncate, int, syscall(SYS_ftruncate, fd, len));
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	MAKE(rename, int, syscall(SYS_renameat, from_dir, from, to_dir, to));
}

int rename(const char *from, const char *to)
{
	MAKE(rename, int, syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to));
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
	MAKE(rename, int, syscall(SYS_renameat2, from_dir, from, to_dir, to, flags));
}

int link(const char *from, const char *to)
{
	MAKE(link, int, syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	MAKE(link, int, syscall(SYS_linkat, from_dir, from, to_dir, to, flags));
}

int unlink(const char *path)
{
	MAKE(unlink, int, syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

int unlinkat(int dir, const char *path, int flags)
{
	MAKE(unlink, int, syscall(SYS_unlinkat, dir, path, flags));
}

int mkdir(const char *path, mode_t mode)
{
	MAKE(mkdir, int, syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

int mkdirat(int dir, const char *path, mode_t mode)
{
	MAKE(mkdir, int, syscall(SYS_mkdirat, dir, path, mode));
}

int close(int fd)
{
	enum fault_action action = enter(FAULT_close);
	int error = errno;
	if (fd == lost_fd)
		lost_fd = -1;
	int result = (int)syscall(SYS_close, fd);
	if (action == FAULT_DIE_AFTER)
		die();
	if (action != FAULT_ERROR)
		return result;
	errno = error;
	return -1;
}

int fstat(int fd, struct stat *out)
{
	MAKE(stat, int, syscall(SYS_newfstatat, fd, "", out, AT_EMPTY_PATH));
}

int fstatat(int dir, const char *restrict path, struct stat *restrict out, int flags)
{
	MAKE(stat, int, syscall(SYS_newfstatat, dir, path, out, flags));
}

#ifndef WEIR_SANITIZE
/* When an allocation fails in here, libseccomp 2.5 never comes back: for its authors to mend, and it would hide ours. */
static _Thread_local bool is_exempt;
int seccomp_load(const void *filter);
int seccomp_load(const void *filter)
{
	int (*real)(const void *) = NULL;
	*(void **)&real = dlsym(RTLD_NEXT, "seccomp_load");
	is_exempt = true;
	int result = real == NULL ? -ENOSYS : real(filter);
	is_exempt = false;
	return result;
}

/* The sanitizers have these to themselves. */
void *__libc_malloc(size_t len), *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t len), *__libc_memalign(size_t alignment, size_t len);

static bool has_memory(void)
{
	if (is_exempt)
		return true;
	if (enter(FAULT_alloc) != FAULT_ERROR)
		return true;
	errno = ENOMEM;
	return false;
}

void *malloc(size_t len)
{
	return has_memory() ? __libc_malloc(len) : NULL;
}

void *calloc(size_t count, size_t size)
{
	return has_memory() ? __libc_calloc(count, size) : NULL;
}

void *realloc(void *old, size_t len)
{
	return has_memory() ? __libc_realloc(old, len) : NULL;
}

int posix_memalign(void **out, size_t alignment, size_t len)
{
	void *at = has_memory() ? __libc_memalign(alignment, len) : NULL;
	if (at == NULL)
		return ENOMEM;
	*out = at;
	return 0;
}

void *aligned_alloc(size_t alignment, size_t len)
{
	return has_memory() ? __libc_memalign(alignment, len) : NULL;
}

void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	if (enter(FAULT_mmap) == FAULT_ERROR)
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, at, len, protection, flags, fd, offset);
}
#endif
