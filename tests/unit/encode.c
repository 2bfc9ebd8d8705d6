#include "sender/encode.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/erasure.h"
#include "common/io.h"
#include "tests/lib/tap.h"

struct object {
	struct geometry geometry;
	uint8_t *bytes;
	int fd;
};

static void make_object(struct object *o, const char *name, struct geometry g, uint64_t *random)
{
	o->geometry = g;
	o->bytes = malloc(g.object_len);
	test_random_bytes(random, o->bytes, g.object_len);
	o->fd = open(test_path(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (io_pwrite(o->fd, o->bytes, g.object_len, 0) != 0)
		ok(false, "an object is written");
}

static void free_object(struct object *o)
{
	close(o->fd);
	free(o->bytes);
}

static int wait_for(const struct encoder *encoder, unsigned int slot)
{
	int state;
	while ((state = encoder_state(encoder, slot)) == ENCODE_WORKING)
		sched_yield();
	return state;
}

static void close_slot(struct encoder *encoder, unsigned int slot)
{
	while (!encoder_close(encoder, slot))
		sched_yield();
}

/* The repair rows of a block as they should be: r rows in one buffer that the caller frees. */
static uint8_t *repair_of(const struct object *o, uint32_t block)
{
	const struct geometry *g = &o->geometry;
	uint8_t *rows = calloc((size_t)g->source_rows + g->repair_rows, g->row_len);
	const uint8_t *source[255];
	uint8_t *repair[255];
	uint64_t start = geometry_row_offset(g, block, 0);
	uint64_t len = o->geometry.object_len - start;
	if (len > (uint64_t)g->source_rows * g->row_len)
		len = (uint64_t)g->source_rows * g->row_len;
	memcpy(rows, o->bytes + start, len);
	for (uint32_t i = 0; i < g->source_rows; i++)
		source[i] = rows + (size_t)i * g->row_len;
	for (uint32_t i = 0; i < g->repair_rows; i++)
		repair[i] = rows + (size_t)(g->source_rows + i) * g->row_len;
	struct erasure *code = erasure_new(g->source_rows, g->repair_rows);
	erasure_encode(code, source, 0, g->repair_rows, repair, g->row_len);
	erasure_free(code);
	memmove(rows, repair[0], (size_t)g->repair_rows * g->row_len);
	return rows;
}

static bool rows_are_right(const struct encoder *encoder, unsigned int slot, const struct object *o,
			   uint32_t block, unsigned int first, unsigned int count)
{
	uint8_t *wanted = repair_of(o, block);
	bool right = true;
	for (unsigned int i = first; i < first + count; i++)
		right &= memcmp(encoder_row(encoder, slot, i), wanted + (size_t)i * o->geometry.row_len,
				o->geometry.row_len) == 0;
	free(wanted);
	return right;
}

static void blocks_one_after_another(struct encoder *encoder, uint64_t *random)
{
	/* 21 segments: two full blocks of 8, and a third that ends inside its second row */
	struct object o;
	make_object(&o, "blocks", (struct geometry){21 * 16384, 28672, 5, 3}, random);
	encoder_open(encoder, 7, o.fd, &o.geometry, false);
	is_number(encoder_state(encoder, 7), 0, "a slot has no job at first");
	bool right = true;
	for (uint32_t block = 0; block < geometry_block_count(&o.geometry); block++) {
		right &= encoder_request(encoder, 7, block, 0, 3) == 3;
		right &= wait_for(encoder, 7) == ENCODE_READY;
		right &= rows_are_right(encoder, 7, &o, block, 0, 3);
		encoder_release(encoder, 7);
		right &= encoder_state(encoder, 7) == 0;
	}
	ok(right, "the repair rows of each block are right, also of one that ends early");
	is_number(encoder_request(encoder, 7, 1, 1, 3), 2, "rows from the second on can be asked for");
	ok(wait_for(encoder, 7) == ENCODE_READY && rows_are_right(encoder, 7, &o, 1, 1, 2),
	   "and are right");
	close_slot(encoder, 7);
	encoder_open(encoder, 7, o.fd, &o.geometry, false);
	ok(encoder_state(encoder, 7) == 0, "a closed slot can be opened again");
	close_slot(encoder, 7);
	free_object(&o);
}

static void many_at_once(struct encoder *encoder, uint64_t *random)
{
	struct object objects[ORDERS_MAX];
	for (unsigned int i = 0; i < ORDERS_MAX; i++) {
		char name[16] = {'m', (char)('0' + i), 0};
		make_object(&objects[i], name, geometry_choose((3 + i * 7) * 16384, 125), random);
		encoder_open(encoder, i, objects[i].fd, &objects[i].geometry, false);
	}
	bool asked = true, right = true;
	for (unsigned int i = 0; i < ORDERS_MAX; i++)
		asked &= encoder_request(encoder, i, 0, 0, objects[i].geometry.repair_rows) == objects[i].geometry.repair_rows;
	for (unsigned int i = 0; i < ORDERS_MAX; i++) {
		right &= wait_for(encoder, i) == ENCODE_READY;
		right &= rows_are_right(encoder, i, &objects[i], 0, 0,
					objects[i].geometry.repair_rows);
	}
	ok(asked && right, "64 bundles have their rows made at once, none in another's memory");
	for (unsigned int i = 0; i < ORDERS_MAX; i++) {
		close_slot(encoder, i);
		free_object(&objects[i]);
	}
}

/* A sparse object needs no disk: its rows are zeros, and so are the repair rows. */
static void open_sparse(struct object *o, const char *name, struct geometry g)
{
	*o = (struct object){.geometry = g};
	o->fd = open(test_path(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (ftruncate(o->fd, (off_t)g.object_len) < 0)
		ok(false, "a sparse object is made");
}

static void the_budget_holds(struct encoder *encoder, uint64_t *random)
{
	/* 22 rows of 8 MB are more than one job may take */
	struct object large, other, third, small;
	const struct geometry g = {UINT64_C(3) * ROW_BYTES_MAX / 16384 * 16384, ROW_BYTES_MAX, 3, 22};
	open_sparse(&large, "large", g);
	open_sparse(&other, "other", g);
	open_sparse(&third, "third", g);
	make_object(&small, "small", geometry_choose(49152, 125), random);
	encoder_open(encoder, 0, large.fd, &g, false);
	encoder_open(encoder, 1, other.fd, &g, false);
	encoder_open(encoder, 2, third.fd, &g, false);
	encoder_open(encoder, 3, small.fd, &small.geometry, false);
	is_number(encoder_request(encoder, 0, 0, 0, 22), 16, "rows too large for one job come in several");
	is_number(encoder_request(encoder, 1, 0, 0, 22), 16, "two of the largest jobs fit the budget");
	is_number(encoder_request(encoder, 2, 0, 0, 22), 0, "a third waits");
	is_number(encoder_request(encoder, 3, 0, 0, small.geometry.repair_rows), 0, "even a small one when nothing at all is left");
	is_number(encoder_state(encoder, 2), 0, "and has no job meanwhile");
	ok(wait_for(encoder, 0) == ENCODE_READY && wait_for(encoder, 1) == ENCODE_READY,
	   "both are finished");
	const uint8_t *first = encoder_row(encoder, 0, 0), *end = first + (size_t)16 * ROW_BYTES_MAX;
	encoder_release(encoder, 0);
	is_number(encoder_request(encoder, 0, 0, 16, 22), 6, "the rest comes with the next request");
	is_number(encoder_request(encoder, 3, 0, 0, small.geometry.repair_rows), small.geometry.repair_rows,
		  "a small one takes what is free");
	ok(wait_for(encoder, 3) == ENCODE_READY &&
		   rows_are_right(encoder, 3, &small, 0, 0, small.geometry.repair_rows),
	   "and is not held up");
	ok(wait_for(encoder, 0) == ENCODE_READY && encoder_row(encoder, 0, 21)[ROW_BYTES_MAX - 1] == 0,
	   "the last rows are there");
	ok(encoder_row(encoder, 0, 16) >= first && encoder_row(encoder, 0, 21) < end, "in memory that the first ones had");
	for (unsigned int i = 0; i < 4; i++)
		close_slot(encoder, i);
	close(large.fd);
	close(other.fd);
	close(third.fd);
	free_object(&small);
}

static void what_cannot_be_read(struct encoder *encoder, uint64_t *random)
{
	struct object o;
	make_object(&o, "short", geometry_choose(1 << 20, 125), random);
	ok(ftruncate(o.fd, (1 << 20) - 1) == 0, "an object loses its last byte");
	encoder_open(encoder, 4, o.fd, &o.geometry, false);
	encoder_request(encoder, 4, 0, 0, o.geometry.repair_rows);
	is_number(wait_for(encoder, 4), -ENODATA, "its job fails");
	close_slot(encoder, 4);
	int fd = open(test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	encoder_open(encoder, 4, fd, &o.geometry, false);
	encoder_request(encoder, 4, 0, 0, o.geometry.repair_rows);
	is_number(wait_for(encoder, 4), -EISDIR, "so does one that cannot be read, with the reason");
	close_slot(encoder, 4);
	close(fd);
	free_object(&o);
}

/* Leaves a job running; gives the file that it needs. */
static int jobs_can_be_ended(struct encoder *encoder)
{
	struct object o;
	const struct geometry g = {UINT64_C(128) * ROW_BYTES_MAX / 16384 * 16384, ROW_BYTES_MAX, 128, 16};
	open_sparse(&o, "ended", g);
	bool ended = true;
	for (unsigned int slot = 0; slot < 8; slot++) {
		encoder_open(encoder, slot, o.fd, &g, false);
		ended &= encoder_request(encoder, slot, 0, 0, 16) == 16;
		close_slot(encoder, slot); /* a whole block would take a second */
	}
	ok(ended, "a job ends when its bundle is withdrawn, and its memory is free again");
	encoder_open(encoder, 0, o.fd, &g, false);
	encoder_request(encoder, 0, 0, 0, 16);
	return o.fd;
}

int main(void)
{
	uint64_t random = test_seed();
	alarm(60); /* the loops above end by what the thread does, or not at all */
	struct encoder *encoder = NULL;
	is_number(encoder_new(&encoder), 0, "an encoder starts");
	blocks_one_after_another(encoder, &random);
	many_at_once(encoder, &random);
	the_budget_holds(encoder, &random);
	what_cannot_be_read(encoder, &random);
	int fd = jobs_can_be_ended(encoder);
	encoder_free(encoder);
	close(fd);
	encoder_free(NULL);
	ok(true, "it ends in the middle of a job");
	return done_testing();
}
