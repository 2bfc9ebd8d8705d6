/*
 * rerecord: a disk that a power cut left (cuts.h), with a recorder (recorder.c) between it and whoever works on it, so that
 * what recovery writes can be cut in turn.
 */
#ifndef WEIR_TEST_RERECORD_H
#define WEIR_TEST_RERECORD_H

#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/lib/cuts.h"

enum { RERECORD_PATH_BYTES = 96, RERECORD_WAIT_MS = 10000 };

struct rerecord {
	char base[RERECORD_PATH_BYTES];  /* the disk as the cut left it */
	char log[RERECORD_PATH_BYTES];   /* what was written since */
	char marks[RERECORD_PATH_BYTES]; /* where lines of text go */
	char image[RERECORD_PATH_BYTES], mount[RERECORD_PATH_BYTES];
	const char *mounted_at;
	pid_t recorder;
	int loop_fd;
};

/* In a folder of memory, which is the caller's and is left with what was recorded last. */
static inline void rerecord_open(struct rerecord *r, const char *folder)
{
	*r = (struct rerecord){.recorder = -1, .loop_fd = -1};
	snprintf(r->base, sizeof(r->base), "%s/base", folder);
	snprintf(r->log, sizeof(r->log), "%s/log", folder);
	snprintf(r->image, sizeof(r->image), "%s/image", folder);
	snprintf(r->mount, sizeof(r->mount), "%s/disk", folder);
	snprintf(r->marks, sizeof(r->marks), "%s/disk/marks", folder);
	if (mkdir(r->mount, 0700) < 0)
		cuts_die(r->mount);
}

/* Without the pages that hold nothing, which are most. */
static inline void rerecord_copy(const char *path, const struct cuts *cuts)
{
	static const uint8_t nothing[CUTS_PAGE];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)cuts->size) < 0)
		cuts_die(path);
	for (size_t at = 0; at + CUTS_PAGE <= cuts->size; at += CUTS_PAGE)
		if (memcmp(cuts->image + at, nothing, CUTS_PAGE) != 0 &&
		    pwrite(fd, cuts->image + at, CUTS_PAGE, (off_t)at) != CUTS_PAGE)
			cuts_die(path);
	close(fd);
}

/* It lies beside this program, and has mounted its two files when it says something. */
static inline void rerecord_run(struct rerecord *r)
{
	char self[PATH_MAX], path[PATH_MAX + 16], word[8];
	int fds[2];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len < 0 || pipe2(fds, O_CLOEXEC) < 0)
		cuts_die("no recorder");
	self[len] = 0;
	snprintf(path, sizeof(path), "%s/recorder", dirname(self));
	r->recorder = fork();
	if (r->recorder == 0) {
		dup2(fds[1], STDOUT_FILENO);
		/* what it has mounted goes with the last process that sees it */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(path, "recorder", r->mount, r->image, r->log, NULL);
		_exit(127);
	}
	close(fds[1]);
	if (r->recorder < 0 || read(fds[0], word, sizeof(word)) <= 0)
		cuts_die(path);
	close(fds[0]);
}

/* The disk of the cut, mounted where it was: 0, or -errno of mounting it. */
static inline int rerecord_start(struct rerecord *r, const struct cuts *cuts)
{
	char disk[RERECORD_PATH_BYTES + 8], loop[CUTS_LOOP_BYTES];
	rerecord_copy(r->base, cuts);
	rerecord_copy(r->image, cuts);
	rerecord_run(r);
	snprintf(disk, sizeof(disk), "%s/disk", r->mount);
	int fd = open(disk, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		cuts_die(disk);
	r->loop_fd = cuts_attach(loop, fd);
	close(fd);
	r->mounted_at = cuts->folder;
	/* without the help that ext4 gives to programs which forget an fsync */
	return mount(loop, cuts->folder, "ext4", MS_NOATIME, "noauto_da_alloc") < 0 ? -errno : 0;
}

/* The kernel may still be busy with what has just been closed. */
static inline void rerecord_unmount(const char *path)
{
	const struct timespec moment = {.tv_nsec = 10000000};
	for (int waited_ms = 0; umount(path) < 0; waited_ms += 10) {
		if (errno != EBUSY || waited_ms > RERECORD_WAIT_MS)
			cuts_die(path);
		nanosleep(&moment, NULL);
	}
}

/* Everything is written, and the log is whole. */
static inline void rerecord_end(struct rerecord *r, bool is_mounted)
{
	int status = -1;
	if (is_mounted)
		rerecord_unmount(r->mounted_at);
	close(r->loop_fd);
	rerecord_unmount(r->mount);
	if (waitpid(r->recorder, &status, 0) < 0 || status != 0)
		cuts_die("the recorder");
}

#endif
