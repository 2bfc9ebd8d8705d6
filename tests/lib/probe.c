/*
 * probe: tries what a process must not be able to do, from inside a unit's sandbox (ExecStartPre= of a drop-in), and writes
 * a line for each thing: "probe UNIT NAME could" or "probe UNIT NAME refused ERRNO".  Ends with 0 in any case.
 *
 * Each try is undone at once when it succeeds, and is made in a child, so that one that is killed for it counts as refused.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* 0: it could; else an errno. */
static int result_of(long result)
{
	return result < 0 ? errno : 0;
}

/* ---- networks ---- */

static int open_socket(int family, int type, int protocol)
{
	return result_of(socket(family, type, protocol));
}

static int inet(void) { return open_socket(AF_INET, SOCK_DGRAM, 0); }
static int inet6(void) { return open_socket(AF_INET6, SOCK_DGRAM, 0); }
static int raw(void) { return open_socket(AF_INET, SOCK_RAW, 1); }
static int packet(void) { return open_socket(AF_PACKET, SOCK_RAW, 0); }
static int netlink(void) { return open_socket(AF_NETLINK, SOCK_RAW, 0); }

/* The socket families are one wall, the empty network another: what the kernel shows of it. */
static int sees_nic(void)
{
	char line[512];
	int lines = 0;
	FILE *file = fopen("/proc/self/net/dev", "re");
	if (file == NULL)
		return errno;
	while (fgets(line, sizeof(line), file) != NULL)
		lines += strchr(line, ':') != NULL && strstr(line, " lo:") == NULL;
	fclose(file);
	return lines > 0 ? 0 : ENODEV;
}

/* ---- files ---- */

static int write_below(const char *folder)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/weir-probe.%ld", folder, (long)getpid());
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	close(fd);
	return result_of(unlink(path));
}

static int write_etc(void) { return write_below("/etc"); }
static int write_var(void) { return write_below("/var"); }
static int write_lib(void) { return write_below("/var/lib"); }
static int write_run(void) { return write_below("/run"); }
static int write_tmp(void) { return write_below("/tmp"); }
static int write_var_tmp(void) { return write_below("/var/tmp"); }
static int write_shm(void) { return write_below("/dev/shm"); }
static int write_dev(void) { return write_below("/dev"); }
static int write_root(void) { return write_below("/"); }

static int sees_below(const char *folder)
{
	DIR *dir = opendir(folder);
	if (dir == NULL)
		return errno;
	int result = ENOENT;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			result = 0;
	closedir(dir);
	return result;
}

static int sees_home(void) { return sees_below("/home"); }
static int sees_keys(void) { return sees_below("/etc/weir/keys"); }
static int sees_box_of_root(void) { return sees_below("/root"); }

static int reads_disk_key(void) { return result_of(open("/etc/weir/keys/box.key", O_RDONLY | O_CLOEXEC)); }

static int sees_spool(void) { return sees_below("/var/lib/weir-sender/spool"); }
static int writes_spool(void) { return write_below("/var/lib/weir-sender/spool"); }
static int sees_vault(void) { return sees_below("/var/lib/weir-receiver/vault"); }
static int writes_vault(void) { return write_below("/var/lib/weir-receiver/vault"); }

/* Those of other units; its own are in $CREDENTIALS_DIRECTORY. */
static int sees_credentials(void)
{
	const char *own = getenv("CREDENTIALS_DIRECTORY");
	DIR *dir = opendir("/run/credentials");
	if (dir == NULL)
		return errno;
	int result = ENOENT;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		char path[512];
		snprintf(path, sizeof(path), "/run/credentials/%s", entry->d_name);
		if (entry->d_name[0] == '.' || (own != NULL && strcmp(own, path) == 0))
			continue;
		int seen = sees_below(path);
		result = seen == 0 || result == 0 ? 0 : seen;
	}
	closedir(dir);
	return result;
}

/* A process of another user; the first one is always there. */
static int sees_processes(void) { return result_of(open("/proc/1/cmdline", O_RDONLY | O_CLOEXEC)); }
static int reads_kernel_log(void) { return result_of(syscall(SYS_syslog, 10, NULL, 0)); }
static int writes_tunable(void) { return result_of(open("/proc/sys/net/ipv4/ip_default_ttl", O_WRONLY | O_CLOEXEC)); }

/* ---- rights ---- */

static int lacks_no_new_privs(void) { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 ? 0 : EPERM; }
static int becomes_root(void) { return getuid() == 0 ? 0 : result_of(setuid(0)); }

static int has_capabilities(void)
{
	char line[256];
	int result = EPERM;
	FILE *file = fopen("/proc/self/status", "re");
	if (file == NULL)
		return errno;
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "Cap", 3) == 0 && strtoull(line + 7, NULL, 16) != 0)
			result = 0;
	fclose(file);
	return result;
}

static int dumps_core(void)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_CORE, &limit) < 0 ? errno : limit.rlim_max > 0 ? 0 : EPERM;
}

static int set_user_id(void)
{
	int fd = memfd_create("probe", MFD_CLOEXEC);
	return fd < 0 ? errno : result_of(fchmod(fd, 04755));
}

static int new_user_namespace(void) { return result_of(unshare(CLONE_NEWUSER)); }
static int new_mount_namespace(void) { return result_of(unshare(CLONE_NEWNS)); }
static int mounts(void)
{
	if (mount("tmpfs", "/mnt", "tmpfs", 0, NULL) < 0)
		return errno;
	return result_of(umount("/mnt"));
}
static int changes_root(void) { return result_of(chroot("/")); }
static int makes_device(void)
{
	if (mknod("/dev/weir-probe", S_IFCHR | 0600, makedev(1, 3)) < 0)
		return errno;
	return result_of(unlink("/dev/weir-probe"));
}
static int traces(void) { return result_of(ptrace(PTRACE_TRACEME, 0, NULL, NULL)); }

static int executable_memory(void)
{
	return mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}

static int another_personality(void) { return result_of(personality(ADDR_NO_RANDOMIZE)); }
static int real_time(void)
{
	const struct sched_param priority = {.sched_priority = 1};
	return result_of(sched_setscheduler(0, SCHED_RR, &priority));
}
static int names_host(void)
{
	char name[256];
	return gethostname(name, sizeof(name)) < 0 ? errno : result_of(sethostname(name, strlen(name)));
}
static int keyring(void) { return result_of(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "weir-probe")); }

static int kernel_program(void)
{
	union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
	return result_of(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static const struct {
	const char *name;
	int (*attempt)(void);
} attempts[] = {
	{"inet", inet},
	{"inet6", inet6},
	{"raw", raw},
	{"packet", packet},
	{"netlink", netlink},
	{"nic", sees_nic},
	{"write-etc", write_etc},
	{"write-var", write_var},
	{"write-lib", write_lib},
	{"write-run", write_run},
	{"write-tmp", write_tmp},
	{"write-var-tmp", write_var_tmp},
	{"write-shm", write_shm},
	{"write-dev", write_dev},
	{"write-root", write_root},
	{"home", sees_home},
	{"home-of-root", sees_box_of_root},
	{"keys", sees_keys},
	{"key-on-disk", reads_disk_key},
	{"spool", sees_spool},
	{"spool-write", writes_spool},
	{"vault", sees_vault},
	{"vault-write", writes_vault},
	{"credentials", sees_credentials},
	{"processes", sees_processes},
	{"kernel-log", reads_kernel_log},
	{"tunable", writes_tunable},
	{"new-privileges", lacks_no_new_privs},
	{"root", becomes_root},
	{"capabilities", has_capabilities},
	{"core", dumps_core},
	{"set-user-id", set_user_id},
	{"user-namespace", new_user_namespace},
	{"mount-namespace", new_mount_namespace},
	{"mount", mounts},
	{"chroot", changes_root},
	{"device", makes_device},
	{"trace", traces},
	{"executable-memory", executable_memory},
	{"personality", another_personality},
	{"real-time", real_time},
	{"host-name", names_host},
	{"keyring", keyring},
	{"bpf", kernel_program},
};

/* An errno, or 256 and the signal that ended the child. */
static int attempt_in_child(int (*attempt)(void))
{
	fflush(stdout);
	pid_t child = fork();
	if (child == 0)
		_exit(attempt() & 0xff);
	int status = 0;
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return errno;
	return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	const char *unit = argc > 1 ? argv[1] : "none";
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		int result = attempt_in_child(attempts[i].attempt);
		if (result == 0)
			printf("probe %s %s could\n", unit, attempts[i].name);
		else
			printf("probe %s %s refused %d\n", unit, attempts[i].name, result);
	}
	return 0;
}
