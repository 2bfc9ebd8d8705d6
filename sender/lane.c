#include "lane.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/io.h"
#include "common/verdict.h"

static void fail(struct lane *lane, int error)
{
	lane->state = ORDER_FAILED;
	lane->error = error;
}

static int check_range(const struct task *order)
{
	const struct geometry *g = &order->geometry;
	int result = geometry_check(g);
	if (result != 0)
		return result;
	if (order->kind > TASK_HEAL || order->step.first_block >= order->step.block_end ||
	    order->step.block_end > geometry_block_count(g) || order->step.first_row >= order->step.row_end ||
	    order->step.row_end > geometry_row_total(g))
		return VERDICT_BAD_LIMIT;
	return 0;
}

static int check_order(const struct task *order)
{
	if (order->id.epoch == 0 || order->id.route_id == 0)
		return VERDICT_BAD_LIMIT;
	if (memchr(order->file, 0, sizeof(order->file)) == NULL)
		return VERDICT_BAD_NAME;
	char route[NAME_BYTES];
	uint64_t number;
	int result = bundle_name_parse(order->file, route, &number);
	if (result != 0)
		return result;
	if (number == 0 || number >= BUNDLE_NUMBER_END || number != order->id.number)
		return VERDICT_BAD_NAME;
	return check_range(order);
}

static int open_file(int *out, const struct lane_folders *folders, const struct task *order)
{
	int fd = openat(order->is_in_sent ? folders->sent_fd : folders->ready_fd, order->file,
			O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	struct stat st;
	int result = fstat(fd, &st) < 0 ? -errno : 0;
	if (result == 0 && !S_ISREG(st.st_mode))
		result = VERDICT_NOT_REGULAR;
	if (result == 0 && (uint64_t)st.st_size < order->geometry.object_len)
		result = VERDICT_TRUNCATED;
	if (result != 0)
		io_close(fd);
	else
		*out = fd;
	return result;
}

static bool end_work(struct lane *lane, struct encoder *encoder, unsigned int slot)
{
	if (lane->has_encoder && !encoder_close(encoder, slot))
		return false;
	lane->has_encoder = false;
	/* only ever read from: there is nothing that a failing close could have lost */
	io_close(lane->fd);
	lane->fd = -1;
	return true;
}

/* Of the step's rows those from `first` on and before `end`. */
static void begin_rows(struct lane_rows *rows, const struct task *order, uint32_t first, uint32_t end)
{
	rows->step = order->step;
	if (rows->step.first_row < first)
		rows->step.first_row = (uint8_t)first;
	if (rows->step.row_end > end)
		rows->step.row_end = (uint8_t)end;
	rows->has_more = walk_begin(&rows->at, &rows->step, &order->geometry);
}

void lane_open(struct lane *lane, const struct task *order, const struct lane_folders *folders,
	       struct encoder *encoder, unsigned int slot)
{
	*lane = (struct lane){.is_used = true, .order = *order, .fd = -1, .page = -1};
	int result = check_order(order);
	if (result == 0)
		result = open_file(&lane->fd, folders, order);
	if (result != 0) {
		fail(lane, result);
		return;
	}
	lane->state = ORDER_WAITING;
	lane->total_bytes = plan_step_bytes(&order->step, &order->geometry);
	encoder_open(encoder, slot, lane->fd, &order->geometry, order->kind == TASK_HEAL);
	lane->has_encoder = true;
	begin_rows(&lane->source, order, 0, order->geometry.source_rows);
	begin_rows(&lane->repair, order, order->geometry.source_rows, ROWS_MAX);
	if (!lane->source.has_more && !lane->repair.has_more) {
		lane->state = ORDER_SENT;
		(void)end_work(lane, encoder, slot);
	}
}

bool lane_close(struct lane *lane, struct encoder *encoder, unsigned int slot)
{
	if (!end_work(lane, encoder, slot))
		return false;
	lane->is_used = false;
	return true;
}

/* Repair rows of one block at a time, which keeps to the encoder's memory. */
static int request_rows(struct lane *lane, struct encoder *encoder, unsigned int slot)
{
	const struct walk *at = &lane->repair.at;
	int state = encoder_state(encoder, slot);
	if (!lane->repair.has_more || state != 0)
		return state;
	uint32_t k = lane->order.geometry.source_rows, first = at->row - k;
	lane->repair_end = first + encoder_request(encoder, slot, at->block, first, lane->repair.step.row_end - k);
	return 0;
}

/* A row that has begun is gone on with. */
static struct lane_rows *choose_rows(struct lane *lane, bool is_ready)
{
	struct lane_rows *source = &lane->source, *repair = &lane->repair;
	if (!repair->has_more)
		return source->has_more ? source : NULL;
	bool is_due = source->at.symbol == 0 && (!source->has_more || source->at.block > repair->at.block);
	if (is_due && is_ready)
		return repair;
	return source->has_more && repair->at.symbol == 0 && source->at.block <= repair->at.block + 1 ? source : NULL;
}

bool lane_prepare(struct lane *lane, struct encoder *encoder, unsigned int slot, uint64_t now_ns)
{
	if (lane->state == ORDER_FAILED)
		(void)end_work(lane, encoder, slot);
	if ((lane->state != ORDER_WAITING && lane->state != ORDER_SENDING) ||
	    now_ns / 1000000 < lane->order.step.not_before_ms)
		return false;
	int state = request_rows(lane, encoder, slot);
	if (state < 0) {
		fail(lane, state);
		return false;
	}
	lane->next = choose_rows(lane, state == ENCODE_READY);
	return lane->next != NULL;
}

/* From the end of a row to the next that has something to send. */
static void next_row(struct lane *lane, struct encoder *encoder, unsigned int slot)
{
	struct lane_rows *rows = lane->next;
	uint32_t k = lane->order.geometry.source_rows;
	if (rows == &lane->repair && rows->at.row + 1 - k == lane->repair_end)
		encoder_release(encoder, slot);
	rows->has_more = walk_next_row(&rows->at, &rows->step, &lane->order.geometry);
	if (lane->source.has_more || lane->repair.has_more)
		return;
	lane->state = ORDER_SENT;
	/* nothing is being made any more, so this is done at once */
	(void)end_work(lane, encoder, slot);
}

/* Where each datagram of a batch begins, and how many symbols it carries. */
static uint8_t place(const struct batch *batch, const struct outfit *outfit, uint32_t symbols, uint32_t number, uint8_t **out)
{
	uint32_t left = symbols - number * outfit->symbols;
	*out = batch->bytes + number * batch->datagram_len;
	return (uint8_t)(left < outfit->symbols ? left : outfit->symbols);
}

/*
 * A row lies in one piece in the file, or in the encoder's memory.  It is read in one piece, too, and then put into the
 * datagrams: the kernel would copy into pieces of 1,408 bytes half as fast.
 */
static int fill_payloads(const struct lane *lane, const struct batch *batch, const struct outfit *outfit, uint32_t symbols,
			 const struct encoder *encoder, unsigned int slot)
{
	const struct geometry *g = &lane->order.geometry;
	const struct walk *walk = &lane->next->at;
	const uint64_t at = (uint64_t)walk->symbol * SYMBOL_BYTES;
	const bool is_repair = lane->next == &lane->repair;
	const uint8_t *row = is_repair ? encoder_row(encoder, slot, walk->row - g->source_rows) + at : batch->row;
	if (!is_repair) {
		int result = io_pread_exact(lane->fd, batch->row, (size_t)symbols * SYMBOL_BYTES,
					    geometry_row_offset(g, walk->block, walk->row) + at);
		if (result != 0)
			return result;
	}
	for (uint32_t i = 0; i < batch->count; i++) {
		uint8_t *out;
		const size_t len = (size_t)place(batch, outfit, symbols, i, &out) * SYMBOL_BYTES;
		memcpy(out + DATAGRAM_DATA_BYTES, row, len);
		row += len;
	}
	return 0;
}

void lane_fill(struct lane *lane, struct batch *batch, unsigned int most, struct outfit *outfit,
	       struct encoder *encoder, unsigned int slot)
{
	const struct geometry *g = &lane->order.geometry;
	struct walk *walk = &lane->next->at;
	const uint32_t left_of_row = walk_left(walk, g);
	const uint32_t room = (most < BATCH_DATAGRAMS_MAX ? most : BATCH_DATAGRAMS_MAX) * outfit->symbols;
	const uint32_t symbols = left_of_row < room ? left_of_row : room;
	*batch = (struct batch){
		.bytes = batch->bytes,
		.row = batch->row,
		.datagram_len = datagram_len(outfit->symbols),
		.count = (symbols + outfit->symbols - 1) / outfit->symbols,
	};
	int result = fill_payloads(lane, batch, outfit, symbols, encoder, slot);
	if (result != 0) {
		batch->count = 0;
		fail(lane, result);
		return;
	}
	lane->state = ORDER_SENDING;
	struct datagram d = {
		.id = lane->order.id,
		.geometry = *g,
		.block = (uint16_t)walk->block,
		.row = (uint8_t)walk->row,
	};
	for (uint32_t i = 0; i < batch->count; i++) {
		uint8_t *out;
		d.symbol_count = place(batch, outfit, symbols, i, &out);
		d.first_symbol = (uint16_t)(walk->symbol + i * outfit->symbols);
		d.sequence = outfit->sequence++;
		datagram_encode_data(out, &d);
		datagram_set_tag(out, datagram_len(d.symbol_count), outfit->tagger);
		batch->len += datagram_len(d.symbol_count);
	}
	walk->symbol += symbols;
	lane->sent_bytes += (uint64_t)symbols * SYMBOL_BYTES;
	if (symbols == left_of_row)
		next_row(lane, encoder, slot);
}
