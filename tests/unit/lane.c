/* In what order the rows of a bundle go, and that source rows wait for nothing. */
#include "sender/lane.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/datagram.h"
#include "common/io.h"
#include "tests/lib/tap.h"

enum { EPOCH = 7, ROUTE = 3, BLOCKS = 4, SOURCE_ROWS = 5, REPAIR_ROWS = 3, ROW_BYTES = 28672, BATCH_BYTES = 65536 };

struct rig {
	struct encoder *encoder;
	struct tagger *tagger;
	struct lane_folders folders;
	struct batch batch;
	struct outfit outfit;
	struct lane lane;
	bool is_code_quick;          /* what is being made is waited for at each turn */
	/* what went */
	unsigned int source, repair; /* rows that have ended, of all blocks */
	unsigned int waited;         /* turns in which nothing could go */
	unsigned int waited_early;   /* though a source row could have */
	unsigned int ahead;          /* source rows that went before repair rows of the block before theirs */
	unsigned int wrong;
};

static struct task order_of(uint32_t first_row, uint32_t row_end)
{
	return (struct task){
		.serial = 1,
		.id = {EPOCH, 1, ROUTE},
		.geometry = {BLOCKS * SOURCE_ROWS * ROW_BYTES / SEGMENT_BYTES * SEGMENT_BYTES, ROW_BYTES, SOURCE_ROWS, REPAIR_ROWS},
		.step = {.block_end = BLOCKS, .first_row = (uint8_t)first_row, .row_end = (uint8_t)row_end},
		.file = "tax-000001",
	};
}

/* Of a whole block, from its source rows on to its repair rows; the next block's source rows may come between. */
static void judge(struct rig *r, const struct datagram *d)
{
	const uint32_t end = d->first_symbol + d->symbol_count, symbols = ROW_BYTES / SYMBOL_BYTES, row = d->row;
	if (row < SOURCE_ROWS) {
		r->wrong += (uint32_t)d->block * SOURCE_ROWS + row != r->source;
		r->wrong += d->block > r->repair / REPAIR_ROWS + 1;
		r->ahead += d->block > r->repair / REPAIR_ROWS;
		r->source += end == symbols;
	} else {
		r->wrong += (uint32_t)d->block * REPAIR_ROWS + row - SOURCE_ROWS != r->repair;
		r->wrong += r->source < (d->block + 1U) * SOURCE_ROWS;
		r->repair += end == symbols;
	}
}

static void send_all(struct rig *r)
{
	while (r->lane.state == ORDER_WAITING || r->lane.state == ORDER_SENDING) {
		while (r->is_code_quick && encoder_state(r->encoder, 0) == ENCODE_WORKING)
			sched_yield();
		if (!lane_prepare(&r->lane, r->encoder, 0, 1)) {
			r->waited++;
			r->waited_early += r->source < BLOCKS * SOURCE_ROWS && r->source / SOURCE_ROWS <= r->repair / REPAIR_ROWS + 1;
			sched_yield();
			continue;
		}
		lane_fill(&r->lane, &r->batch, 4, &r->outfit, r->encoder, 0);
		for (unsigned int i = 0; i < r->batch.count; i++) {
			struct datagram d;
			size_t at = i * r->batch.datagram_len, left = r->batch.len - at;
			size_t len = left < r->batch.datagram_len ? left : r->batch.datagram_len;
			r->wrong += datagram_decode(&d, r->batch.bytes + at, len) != 0;
			judge(r, &d);
		}
	}
}

static void begin(struct rig *r, const struct task *order)
{
	r->source = r->repair = r->waited = r->waited_early = r->ahead = r->wrong = 0;
	lane_open(&r->lane, order, &r->folders, r->encoder, 0);
}

static void end(struct rig *r)
{
	while (!lane_close(&r->lane, r->encoder, 0))
		sched_yield();
}

/* What keeps the encoder busy: of rows that nothing is read for, and more of them than are left of the bundle. */
static void occupy(struct rig *r, int fd)
{
	const struct geometry g = {UINT64_C(128) * ROW_BYTES_MAX / SEGMENT_BYTES * SEGMENT_BYTES, ROW_BYTES_MAX, 128, 16};
	encoder_open(r->encoder, 1, fd, &g, false);
	ok(encoder_request(r->encoder, 1, 0, 0, 16) == 16, "the encoder has something else to do");
}

int main(void)
{
	uint64_t random = test_seed();
	struct rig r = {.outfit = {.symbols = datagram_symbols(1500)}};
	static const uint8_t secret[TAGGER_SECRET_BYTES] = {9};
	alarm(60); /* what is waited for the encoder's thread does, or it never comes */
	ok(suite_start() == 0 && encoder_new(&r.encoder) == 0 && tagger_new(&r.tagger, secret) == 0, "all begins");
	r.outfit.tagger = r.tagger;
	r.batch.bytes = malloc(BATCH_BYTES);
	r.batch.row = malloc(BATCH_BYTES);
	r.folders.ready_fd = r.folders.sent_fd = io_open_dir(AT_FDCWD, test_dir());
	struct task pass = order_of(0, SOURCE_ROWS + REPAIR_ROWS);
	uint8_t *object = malloc(pass.geometry.object_len);
	test_random_bytes(&random, object, pass.geometry.object_len);
	is_number(io_write_file(r.folders.ready_fd, pass.file, object, pass.geometry.object_len, 0600), 0, "a bundle of four blocks");
	int fd = open(test_path("sparse"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ok(ftruncate(fd, INT64_C(128) * ROW_BYTES_MAX) == 0, "and another one");
	occupy(&r, fd);

	begin(&r, &pass);
	send_all(&r);
	is_number(r.lane.state, ORDER_SENT, "a pass goes");
	ok(r.source == BLOCKS * SOURCE_ROWS && r.repair == BLOCKS * REPAIR_ROWS, "every row of it");
	is_number(r.wrong, 0, "in order: of no block repair rows before its source rows, nor source rows of the next but one before them");
	is_number(r.waited_early, 0, "no source row waits for repair rows of the block before it");
	ok(r.lane.sent_bytes == r.lane.total_bytes, "as many bytes as were announced");
	end(&r);

	struct task further = order_of(SOURCE_ROWS, SOURCE_ROWS + REPAIR_ROWS);
	begin(&r, &further);
	r.source = BLOCKS * SOURCE_ROWS;
	send_all(&r);
	ok(r.lane.state == ORDER_SENT && r.repair == BLOCKS * REPAIR_ROWS && r.wrong == 0, "repair rows alone go, too");
	end(&r);

	struct task sources = order_of(1, SOURCE_ROWS);
	sources.step.first_block = 3;
	begin(&r, &sources);
	r.source = 3 * SOURCE_ROWS + 1;
	r.repair = 3 * REPAIR_ROWS;
	send_all(&r);
	ok(r.lane.state == ORDER_SENT && r.source == BLOCKS * SOURCE_ROWS && r.waited == 0 && r.wrong == 0, "and source rows alone");
	end(&r);

	while (!encoder_close(r.encoder, 1))
		sched_yield();
	r.is_code_quick = true;
	begin(&r, &pass);
	send_all(&r);
	ok(r.lane.state == ORDER_SENT && r.repair == BLOCKS * REPAIR_ROWS && r.wrong == 0, "a pass of which all is made at once goes in order, too");
	is_number(r.ahead, 0, "and block by block");
	end(&r);

	encoder_free(r.encoder);
	tagger_free(r.tagger);
	io_close(fd);
	io_close(r.folders.ready_fd);
	free(r.batch.bytes);
	free(r.batch.row);
	free(object);
	return done_testing();
}
