/*
 * recorder: a block store that remembers in which order it was written.
 *
 *   recorder FOLDER IMAGE LOG
 *
 * A file system with two files, mounted at FOLDER until it is unmounted.  `disk` is IMAGE, to be given to
 * losetup(8); `marks` takes lines of text.  What is written to either, and every flush of the disk, goes to
 * LOG (recording.h) in the order in which it came, so a mark tells what somebody outside had been told when
 * a write was made.  It says "ready" when it is mounted.  Needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io.h"
#include "tests/lib/recording.h"

enum {
	WRITE_MAX = 131072, /* of one request */
	BUFFER_BYTES = WRITE_MAX + 8192,
	NODE_ROOT = FUSE_ROOT_ID,
	NODE_DISK,
	NODE_MARKS,
	MARKS_SIZE = 1 << 30, /* where a line ends up does not matter */
};

struct recorder {
	int fuse;
	int image;
	int log;
	uint64_t size;
	uint8_t in[BUFFER_BYTES];
	uint8_t out[BUFFER_BYTES];
};

static void die(const char *what)
{
	fprintf(stderr, "recorder: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* An answer: error is 0 or -errno, and payload the bytes behind the header in r->out. */
static void answer(struct recorder *r, int error, size_t payload)
{
	const struct fuse_in_header *in = (const void *)r->in;
	struct fuse_out_header *out = (void *)r->out;
	size_t len = sizeof(*out) + (error == 0 ? payload : 0);
	*out = (struct fuse_out_header){.len = (uint32_t)len, .error = error, .unique = in->unique};
	/* ENOENT: whoever asked was interrupted, and waits no more */
	if (write(r->fuse, r->out, len) < 0 && errno != ENOENT)
		die("cannot answer the kernel");
}

static void *payload_of(struct recorder *r)
{
	return r->out + sizeof(struct fuse_out_header);
}

static const void *arguments_of(const struct recorder *r)
{
	return r->in + sizeof(struct fuse_in_header);
}

static void note(struct recorder *r, enum record_type type, uint64_t offset, const void *data, uint32_t len)
{
	static const uint8_t padding[8];
	struct record record = {.type = type, .len = len, .offset = offset};
	if (io_write(r->log, &record, sizeof(record)) != 0 || io_write(r->log, data, len) != 0 ||
	    io_write(r->log, padding, (8 - len % 8) % 8) != 0)
		die("cannot write the log");
}

static struct fuse_attr attributes(const struct recorder *r, uint64_t node)
{
	bool is_root = node == NODE_ROOT;
	return (struct fuse_attr){
		.ino = node,
		.size = node == NODE_DISK ? r->size : node == NODE_MARKS ? MARKS_SIZE : 0,
		.mode = is_root ? S_IFDIR | 0700 : S_IFREG | 0600,
		.nlink = is_root ? 2 : 1,
		.blksize = 4096,
	};
}

static void start(struct recorder *r)
{
	const struct fuse_init_in *in = arguments_of(r);
	struct fuse_init_out *out = payload_of(r);
	*out = (struct fuse_init_out){
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = in->max_readahead,
		.flags = FUSE_BIG_WRITES & in->flags,
		.max_write = WRITE_MAX,
	};
	answer(r, 0, sizeof(*out));
}

static void look_up(struct recorder *r)
{
	const char *name = arguments_of(r);
	struct fuse_entry_out *out = payload_of(r);
	uint64_t node = strcmp(name, "disk") == 0 ? NODE_DISK : strcmp(name, "marks") == 0 ? NODE_MARKS : 0;
	*out = (struct fuse_entry_out){.nodeid = node, .entry_valid = 60, .attr_valid = 60};
	out->attr = attributes(r, node);
	answer(r, node == 0 ? -ENOENT : 0, sizeof(*out));
}

static void tell_attributes(struct recorder *r, uint64_t node)
{
	struct fuse_attr_out *out = payload_of(r);
	*out = (struct fuse_attr_out){.attr_valid = 60, .attr = attributes(r, node)};
	answer(r, 0, sizeof(*out));
}

static void open_file(struct recorder *r)
{
	struct fuse_open_out *out = payload_of(r);
	/* nothing stays in the kernel's cache: each write comes here while its writer waits */
	*out = (struct fuse_open_out){.open_flags = FOPEN_DIRECT_IO};
	answer(r, 0, sizeof(*out));
}

static void read_file(struct recorder *r, uint64_t node)
{
	const struct fuse_read_in *in = arguments_of(r);
	size_t size = in->size <= WRITE_MAX ? in->size : WRITE_MAX;
	ssize_t n = node == NODE_DISK ? io_pread(r->image, payload_of(r), size, in->offset) : 0;
	answer(r, n < 0 ? (int)n : 0, n < 0 ? 0 : (size_t)n);
}

static void write_file(struct recorder *r, uint64_t node)
{
	const struct fuse_write_in *in = arguments_of(r);
	const uint8_t *data = (const uint8_t *)(in + 1);
	struct fuse_write_out *out = payload_of(r);
	*out = (struct fuse_write_out){.size = in->size};
	int result = node == NODE_DISK ? io_pwrite(r->image, data, in->size, in->offset) : 0;
	if (result == 0)
		note(r, node == NODE_DISK ? RECORD_WRITE : RECORD_MARK, in->offset, data, in->size);
	answer(r, result, sizeof(*out));
}

static void serve(struct recorder *r)
{
	const struct fuse_in_header *in = (const void *)r->in;
	switch (in->opcode) {
	case FUSE_INIT:
		start(r);
		break;
	case FUSE_LOOKUP:
		look_up(r);
		break;
	case FUSE_GETATTR:
	case FUSE_SETATTR: /* times, which nobody reads */
		tell_attributes(r, in->nodeid);
		break;
	case FUSE_OPEN:
		open_file(r);
		break;
	case FUSE_READ:
		read_file(r, in->nodeid);
		break;
	case FUSE_WRITE:
		write_file(r, in->nodeid);
		break;
	case FUSE_FSYNC:
		if (in->nodeid == NODE_DISK)
			note(r, RECORD_FLUSH, 0, NULL, 0);
		answer(r, 0, 0);
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_DESTROY:
		answer(r, 0, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break; /* want no answer */
	default:
		answer(r, -ENOSYS, 0);
	}
}

int main(int argc, char **argv)
{
	char options[64];
	struct stat st;
	if (argc != 4) {
		fprintf(stderr, "usage: recorder FOLDER IMAGE LOG\n");
		return 2;
	}
	struct recorder *r = calloc(1, sizeof(*r));
	if (r == NULL)
		die("cannot start");
	r->image = open(argv[2], O_RDWR | O_CLOEXEC);
	r->log = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	r->fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (r->image < 0 || r->log < 0 || r->fuse < 0 || fstat(r->image, &st) < 0)
		die("cannot open its files");
	r->size = (uint64_t)st.st_size;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40700,user_id=0,group_id=0,allow_other", r->fuse);
	if (mount("recorder", argv[1], "fuse", MS_NOSUID | MS_NODEV, options) < 0)
		die("cannot mount");
	puts("ready");
	fflush(stdout);
	for (;;) {
		ssize_t n = read(r->fuse, r->in, sizeof(r->in));
		if (n < 0 && errno == ENODEV)
			return 0; /* unmounted */
		if (n < 0 && errno != EINTR && errno != ENOENT && errno != EAGAIN)
			die("cannot hear the kernel");
		if (n > 0)
			serve(r);
	}
}
