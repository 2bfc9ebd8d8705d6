/* The whole loop over a socket of the loopback: what arrives is what was ordered. */
#include "sender/transmit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/erasure.h"
#include "common/io.h"
#include "common/verdict.h"
#include "sender/announce.h"
#include "tests/lib/tap.h"

enum { EPOCH = 77, BUNDLES_MAX = 4, ROUTE = 3 };

static const uint8_t box_seed[SUITE_KEY_BYTES] = {5};
static const uint8_t secret_of_tags[TAGGER_SECRET_BYTES] = {9};
static struct tagger *tagger, *receiving; /* one for each thread */

struct bundle {
	struct geometry geometry;
	uint8_t *object;
	uint8_t *rows;      /* all blocks: source rows, zero-filled, and repair rows, as they should be */
	uint8_t *got;       /* one a symbol: how often it came */
	uint64_t first_at, last_at; /* order of arrival */
	uint64_t source_at;         /* of the last of its source rows */
};

struct bench {
	int tx_fd, rx_fd, ready_fd;
	struct orders_page orders; /* what hold says */
	struct orders_shared *orders_page;
	struct progress_shared *progress_page;
	const struct orders_shared *orders_seen;
	struct progress_shared *progress_seen;
	struct transmit *transmit;
	struct encoder *encoder;
	pthread_t thread;
	/* what came */
	uint64_t count, wrong, beats, pages[2], data, next_sequence;
	uint64_t pages_before_data;
	bool in_order;
};

/* Of the whole code; a pass sends fewer. */
static size_t block_rows(const struct geometry *g)
{
	return geometry_row_total(g);
}

static struct plan_step pass_of(const struct geometry *g)
{
	return (struct plan_step){
		.block_end = geometry_block_count(g),
		.row_end = (uint8_t)(g->source_rows + g->repair_rows),
	};
}

static size_t symbols_all(const struct geometry *g)
{
	return geometry_block_count(g) * block_rows(g) * geometry_row_symbols(g);
}

static uint8_t *row_of(const struct bundle *b, uint32_t block, uint32_t row)
{
	return b->rows + (block * block_rows(&b->geometry) + row) * b->geometry.row_len;
}

static void make_bundle(struct bundle *b, struct geometry g, uint64_t *random)
{
	*b = (struct bundle){.geometry = g};
	b->object = malloc(g.object_len);
	test_random_bytes(random, b->object, g.object_len);
	uint32_t blocks = geometry_block_count(&g);
	b->rows = calloc(blocks * block_rows(&g), g.row_len);
	b->got = calloc(symbols_all(&g), 1);
	uint32_t count = geometry_row_total(&g) - g.source_rows;
	struct erasure *code = erasure_new(g.source_rows, count);
	for (uint32_t block = 0; block < blocks; block++) {
		const uint8_t *source[255];
		uint8_t *repair[255];
		for (uint32_t i = 0; i < g.source_rows; i++) {
			uint64_t at = geometry_row_offset(&g, block, i);
			uint64_t len = at < g.object_len ? g.object_len - at : 0;
			if (len > g.row_len)
				len = g.row_len;
			if (len > 0)
				memcpy(row_of(b, block, i), b->object + at, len);
			source[i] = row_of(b, block, i);
		}
		for (uint32_t i = 0; i < count; i++)
			repair[i] = row_of(b, block, g.source_rows + i);
		erasure_encode(code, source, 0, count, repair, g.row_len);
	}
	erasure_free(code);
}

static void free_bundle(struct bundle *b)
{
	free(b->object);
	free(b->rows);
	free(b->got);
}

static void order_file(const struct bench *t, const struct bundle *b, uint64_t number,
		       char name[static ORDER_FILE_BYTES])
{
	snprintf(name, ORDER_FILE_BYTES, "tax-%06llu", (unsigned long long)number);
	int result = io_write_file(t->ready_fd, name, b->object, b->geometry.object_len, 0600);
	if (result != 0)
		ok(false, "a bundle is written to the spool");
}

/* Writes the page as hold would: a heartbeat, one page that names them all, and the orders. */
static void write_orders(struct bench *t, struct bundle *bundles, size_t count, uint64_t generation)
{
	struct heartbeat beat = {.bundles = (uint32_t)count, .epoch = EPOCH, .beat = generation,
				 .generation = generation, .pages = 1};
	struct page page = {.count = (uint16_t)count, .epoch = EPOCH, .generation = generation,
			    .pages = 1};
	t->orders.epoch = EPOCH;
	t->orders.beat = generation;
	t->orders.generation = generation;
	t->orders.page_count = 1;
	t->orders.made[0] = generation;
	t->orders.order_count = (uint32_t)count;
	for (size_t i = 0; i < count; i++) {
		page.entries[i] = (struct entry){.route_id = ROUTE, .geometry = bundles[i].geometry,
						 .epoch = EPOCH, .number = i + 1};
		struct task *order = &t->orders.orders[i];
		*order = (struct task){.serial = 10 + i, .id = {EPOCH, i + 1, ROUTE},
					.geometry = bundles[i].geometry, .priority = 5,
					.step = pass_of(&bundles[i].geometry)};
		order_file(t, &bundles[i], i + 1, order->file);
	}
	size_t len;
	heartbeat_encode(t->orders.heartbeat.bytes, &beat, box_seed);
	t->orders.heartbeat.len = HEARTBEAT_BYTES;
	page_encode(t->orders.pages[0].bytes, &len, &page, box_seed);
	t->orders.pages[0].len = (uint16_t)len;
	orders_write(t->orders_page, &t->orders);
}

/* As in weir-emit, it is set by a signal that the thread itself takes. */
static volatile sig_atomic_t stop;

static void stop_it(int signal)
{
	(void)signal;
	stop = 1;
}

static void open_sockets(struct bench *t, uint32_t address, struct sockaddr_in *goal)
{
	t->rx_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	t->tx_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int size = 64 << 20;
	if (setsockopt(t->rx_fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(t->rx_fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	*goal = (struct sockaddr_in){.sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_ANY)};
	socklen_t len = sizeof(*goal);
	ok(bind(t->rx_fd, (struct sockaddr *)goal, sizeof(*goal)) == 0 &&
		   getsockname(t->rx_fd, (struct sockaddr *)goal, &len) == 0,
	   "a receiver listens");
	goal->sin_addr.s_addr = htonl(address);
	const struct timeval longest = {.tv_sec = 5};
	setsockopt(t->rx_fd, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof(longest));
}

static void open_bench(struct bench *t, uint32_t address, uint32_t mtu, uint64_t rate)
{
	memset(t, 0, sizeof(*t));
	t->in_order = true;
	stop = 0;
	struct sockaddr_in goal;
	open_sockets(t, address, &goal);
	io_make_dir(AT_FDCWD, test_path("ready"), 0700);
	t->ready_fd = io_open_dir(AT_FDCWD, test_path("ready"));
	struct orders_shared *seen = NULL;
	ok(orders_map(&t->orders_page, test_dir(), true) == 0 &&
		   orders_map(&seen, test_dir(), false) == 0 &&
		   progress_map(&t->progress_page, test_dir(), true) == 0 &&
		   progress_map(&t->progress_seen, test_dir(), false) == 0,
	   "both pages are mapped on both sides");
	t->orders_seen = seen;
	struct transmit_options options = {
		.socket_fd = t->tx_fd, .goal = goal, .folders = {t->ready_fd, t->ready_fd}, .mtu = mtu,
		.rate_bits_per_s = rate, .heal_bits_per_s = rate / 4, .started_s = 1000, .progress = t->progress_page,
	};
	options.tagger = tagger;
	t->next_sequence = UINT64_C(1000) << 32;
	ok(transmit_new(&t->transmit, &options) == 0 && encoder_new(&t->encoder) == 0,
	   "the transmitter is made, for MTU %u", mtu);
}

static void *run(void *argument)
{
	struct bench *t = argument;
	transmit_run(t->transmit, t->orders_seen, t->encoder, &stop);
	return NULL;
}

static void close_bench(struct bench *t)
{
	pthread_kill(t->thread, SIGUSR1);
	pthread_join(t->thread, NULL);
	transmit_free(t->transmit);
	encoder_free(t->encoder);
	close(t->tx_fd);
	close(t->rx_fd);
	close(t->ready_fd);
	orders_unmap(t->orders_page);
	progress_unmap(t->progress_page);
	progress_unmap(t->progress_seen);
	unlink(test_path(ORDERS_FILE));
	unlink(test_path(PROGRESS_FILE));
}

static void take_control(struct bench *t, const struct datagram *d, size_t len, size_t full_len)
{
	t->wrong += len != full_len || d->id.epoch != EPOCH;
	enum message_kind kind = message_kind(d->payload, d->payload_len);
	t->wrong += kind == MESSAGE_UNKNOWN;
	t->beats += kind == MESSAGE_HEARTBEAT;
	struct page page;
	if (kind == MESSAGE_PAGE && page_decode(&page, d->payload, d->payload_len) == 0)
		t->pages[page.generation & 1]++;
}

static void take_data(struct bench *t, struct bundle *bundles, size_t count,
		      const struct datagram *d)
{
	if (t->data++ == 0)
		t->pages_before_data = t->pages[1];
	if (d->id.route_id != ROUTE || d->id.number < 1 || d->id.number > count) {
		t->wrong++;
		return;
	}
	struct bundle *b = &bundles[d->id.number - 1];
	const struct geometry *g = &b->geometry;
	const uint8_t *row = row_of(b, d->block, d->row);
	t->wrong += g->object_len != d->geometry.object_len || g->row_len != d->geometry.row_len;
	t->wrong += memcmp(row + (size_t)d->first_symbol * SYMBOL_BYTES, d->payload,
			   d->payload_len) != 0;
	size_t first = (d->block * block_rows(g) + d->row) * geometry_row_symbols(g) +
		       d->first_symbol;
	for (size_t i = 0; i < d->symbol_count; i++)
		b->got[first + i]++;
	if (b->first_at == 0)
		b->first_at = t->data;
	b->last_at = t->data;
	if (d->row < g->source_rows)
		b->source_at = t->data;
}

static void take(struct bench *t, struct bundle *bundles, size_t count, size_t full_len)
{
	uint8_t bytes[DATAGRAM_BYTES_MAX + 1];
	ssize_t len = recv(t->rx_fd, bytes, sizeof(bytes), 0);
	struct datagram d;
	if (len < 0 || !datagram_tag_is_right(bytes, (size_t)len, receiving) ||
	    datagram_decode(&d, bytes, (size_t)len) != 0) {
		t->wrong++;
		return;
	}
	t->in_order &= d.sequence == t->next_sequence++;
	if (d.type == DATAGRAM_TYPE_CONTROL)
		take_control(t, &d, (size_t)len, full_len);
	else
		take_data(t, bundles, count, &d);
}

/* The progress page as hold reads it; all zeros before it has been written. */
static const struct progress_page *seen(const struct bench *t)
{
	static struct progress_page page;
	if (progress_read(&page, t->progress_seen) != 0)
		memset(&page, 0, sizeof(page));
	return &page;
}

/* How many orders are in this state, by the page that hold reads. */
static unsigned int count_orders(const struct bench *t, enum order_state state)
{
	unsigned int count = 0;
	const struct progress_page *page = seen(t);
	for (uint32_t i = 0; i < page->count; i++)
		count += page->orders[i].state == state;
	return count;
}

/* All symbols of the step came once, and no others. */
static bool step_came_once(const struct bundle *b, const struct plan_step *step)
{
	const struct geometry *g = &b->geometry;
	const uint8_t *got = b->got;
	for (uint32_t block = 0; block < geometry_block_count(g); block++)
		for (uint32_t row = 0; row < block_rows(g); row++) {
			bool is_ordered = block >= step->first_block && block < step->block_end &&
					  row >= step->first_row && row < step->row_end;
			uint32_t sent = is_ordered ? geometry_row_sent(g, block, row) : 0;
			for (uint32_t i = 0; i < geometry_row_symbols(g); i++)
				if (*got++ != (i < sent))
					return false;
		}
	return true;
}

static bool symbols_came_once(const struct bundle *b)
{
	struct plan_step pass = pass_of(&b->geometry);
	return step_came_once(b, &pass);
}

static void start(struct bench *t)
{
	orders_write(t->orders_page, &t->orders);
	ok(pthread_create(&t->thread, NULL, run, t) == 0, "it runs");
}

static uint64_t datagrams_of_step(const struct bundle *b, const struct plan_step *step, uint32_t symbols)
{
	uint64_t count = 0;
	for (uint32_t block = step->first_block; block < step->block_end; block++)
		for (uint32_t row = step->first_row; row < step->row_end; row++)
			count += (geometry_row_sent(&b->geometry, block, row) + symbols - 1) / symbols;
	return count;
}

static uint64_t datagrams_of(const struct bundle *b, uint32_t symbols)
{
	struct plan_step pass = pass_of(&b->geometry);
	return datagrams_of_step(b, &pass, symbols);
}

static void several_cross(uint32_t mtu, uint64_t *random)
{
	struct bundle bundles[3];
	make_bundle(&bundles[0], geometry_choose(3000 * UINT64_C(16384), 125), random);
	make_bundle(&bundles[1], geometry_choose(49152, 125), random);
	/* five blocks, and the last ends in its second row */
	make_bundle(&bundles[2],
		    (struct geometry){.object_len = 65536 * 4 + 16384, .row_len = 12288,
				      .source_rows = 5, .repair_rows = 3},
		    random);
	struct bench t;
	open_bench(&t, INADDR_LOOPBACK, mtu, 2000000000);
	write_orders(&t, bundles, 3, 1);
	start(&t);
	uint64_t wanted = 0, bytes = 0;
	uint32_t symbols = datagram_symbols(mtu);
	for (int i = 0; i < 3; i++)
		wanted += datagrams_of(&bundles[i], symbols);
	while (t.data < wanted && t.wrong == 0)
		take(&t, bundles, 3, datagram_len(symbols));
	while (count_orders(&t, ORDER_SENT) < 3)
		sched_yield();
	is_number((int64_t)t.wrong, 0, "every datagram is right and holds what belongs there");
	for (int i = 0; i < 3; i++)
		ok(symbols_came_once(&bundles[i]), "every symbol of bundle %d came once", i);
	ok(t.in_order, "sequence numbers go up by one from the start time");
	is_number((int64_t)t.beats, 1, "a heartbeat goes once");
	ok(t.pages_before_data == 1 && t.pages[1] >= ANNOUNCE_REPEATS,
	   "the page goes once before the first data, and four times in all");
	ok(bundles[1].last_at < bundles[0].last_at && bundles[2].last_at < bundles[0].last_at,
	   "small bundles do not wait for a big one");
	for (uint32_t i = 0; i < 3; i++)
		bytes += seen(&t)->orders[i].total_bytes;
	uint64_t payload = 0;
	for (int i = 0; i < 3; i++)
		payload += bundles[i].geometry.object_len +
			   (uint64_t)geometry_block_count(&bundles[i].geometry) *
				   bundles[i].geometry.repair_rows * bundles[i].geometry.row_len;
	is_number((int64_t)bytes, (int64_t)payload, "progress knows how much there is to send");
	is_number((int64_t)seen(&t)->orders[0].sent_bytes,
		  (int64_t)seen(&t)->orders[0].total_bytes, "and that all of it went");
	close_bench(&t);
	for (int i = 0; i < 3; i++)
		free_bundle(&bundles[i]);
}

static const struct order_progress *progress_of(const struct bench *t, uint64_t serial)
{
	const struct progress_page *page = seen(t);
	for (uint32_t i = 0; i < page->count; i++)
		if (page->orders[i].serial == serial)
			return &page->orders[i];
	return NULL;
}

/* Only what is ordered goes: rows of blocks, also those behind a pass; and not before its time. */
static void parts_cross(uint64_t *random)
{
	static const struct plan_step steps[] = {
		{0, 1, 3, 2, 7},    /* source and repair rows of two blocks in the midst */
		{0, 0, 5, 8, 16},   /* all further rows */
		{0, 4, 5, 1, 5},    /* source rows alone, of a block that ends in its second row */
		{0, 2, 3, 10, 11},  /* one row */
	};
	struct bundle b;
	make_bundle(&b, (struct geometry){65536 * 4 + 16384, 12288, 5, 3}, random);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct bench t;
		open_bench(&t, INADDR_LOOPBACK, 1500, 1000000000);
		write_orders(&t, &b, 1, 1);
		t.orders.orders[0].step = steps[i];
		memset(b.got, 0, symbols_all(&b.geometry));
		start(&t);
		uint64_t wanted = datagrams_of_step(&b, &steps[i], 11);
		while (t.data < wanted && t.wrong == 0)
			take(&t, &b, 1, 1472);
		while (count_orders(&t, ORDER_SENT) < 1)
			sched_yield();
		ok(t.wrong == 0 && step_came_once(&b, &steps[i]), "part %zu: what is ordered goes, and nothing else", i);
		is_number((int64_t)progress_of(&t, 10)->total_bytes, (int64_t)plan_step_bytes(&steps[i], &b.geometry),
			  "part %zu: progress knows how much that is", i);
		close_bench(&t);
	}
	free_bundle(&b);
}

static void bad_parts_fail(uint64_t *random)
{
	static const struct plan_step steps[] = {
		{0, 0, 6, 0, 8}, {0, 2, 2, 0, 8}, {0, 0, 1, 4, 4}, {0, 0, 1, 0, 17}, {0, 0, 0, 0, 8},
	};
	struct bundle bundles[5];
	struct bench t;
	for (int i = 0; i < 5; i++)
		make_bundle(&bundles[i], (struct geometry){65536 * 4 + 16384, 12288, 5, 3}, random);
	open_bench(&t, INADDR_LOOPBACK, 1500, 1000000000);
	write_orders(&t, bundles, 5, 1);
	for (int i = 0; i < 5; i++)
		t.orders.orders[i].step = steps[i];
	t.orders.orders[4].step = pass_of(&bundles[4].geometry);
	t.orders.orders[4].kind = TASK_HEAL + 1;
	start(&t);
	while (count_orders(&t, ORDER_FAILED) < 5)
		sched_yield();
	is_number(progress_of(&t, 13)->error, VERDICT_BAD_LIMIT, "rows and blocks that are not there fail");
	is_number((int64_t)seen(&t)->bytes / 1472, (int64_t)seen(&t)->datagrams,
		  "and nothing of them is sent");
	close_bench(&t);
	for (int i = 0; i < 5; i++)
		free_bundle(&bundles[i]);
}

/* Healing has its share of the rate, and none while there is work. */
static void work_goes_before_healing(uint64_t *random)
{
	struct bundle bundles[2];
	make_bundle(&bundles[0], geometry_choose(UINT64_C(8) << 20, 125), random);
	make_bundle(&bundles[1], geometry_choose(UINT64_C(1) << 20, 125), random);
	struct bench t;
	open_bench(&t, INADDR_LOOPBACK, 1500, 400000000);
	write_orders(&t, bundles, 2, 1);
	t.orders.orders[0].kind = TASK_HEAL;
	t.orders.orders[0].is_in_sent = true;
	t.orders.order_count = 1;
	start(&t);
	while (t.data < 500 && t.wrong == 0)
		take(&t, bundles, 2, 1472);
	is_number(count_orders(&t, ORDER_SENDING), 1, "an idle link heals");
	t.orders.order_count = 2;
	orders_write(t.orders_page, &t.orders);
	uint64_t work = datagrams_of(&bundles[1], 11), wanted = work + datagrams_of(&bundles[0], 11);
	while (bundles[1].first_at == 0 && t.wrong == 0)
		take(&t, bundles, 2, 1472);
	uint64_t begun = t.data;
	while (t.data < wanted && t.wrong == 0)
		take(&t, bundles, 2, 1472);
	/* behind them it may have to wait for repair rows, and then nothing else can go */
	const struct plan_step source = {.block_end = 1, .row_end = bundles[1].geometry.source_rows};
	uint64_t rows = datagrams_of_step(&bundles[1], &source, 11);
	is_number((int64_t)(bundles[1].source_at - begun), (int64_t)rows - 1,
		  "once work has begun no healing goes between its source rows");
	ok(t.wrong == 0 && symbols_came_once(&bundles[0]) && symbols_came_once(&bundles[1]),
	   "then it goes on where it was, and all of both has come once");
	close_bench(&t);
	free_bundle(&bundles[0]);
	free_bundle(&bundles[1]);
}

static void bad_orders_fail_alone(uint64_t *random)
{
	struct bundle bundles[4];
	for (int i = 0; i < 4; i++)
		make_bundle(&bundles[i], geometry_choose(65536, 125), random);
	struct bench t;
	open_bench(&t, INADDR_LOOPBACK, 1500, 1000000000);
	write_orders(&t, bundles, 4, 1);
	t.orders.orders[0].geometry.row_len = 8192; /* not as the catalogue says */
	t.orders.orders[0].geometry.source_rows = 8;
	ok(truncate(test_path("ready/tax-000002"), 65535) == 0 &&
		   unlink(test_path("ready/tax-000003")) == 0,
	   "one file is cut short and one is gone");
	orders_write(t.orders_page, &t.orders);
	start(&t);
	uint64_t wanted = datagrams_of(&bundles[3], 11);
	while (t.data < wanted && t.wrong == 0)
		take(&t, bundles, 4, 1472);
	while (count_orders(&t, ORDER_SENT) < 1)
		sched_yield();
	is_number(progress_of(&t, 10)->error, VERDICT_BAD_GEOMETRY,
		  "an order that differs from the catalogue fails");
	is_number(progress_of(&t, 11)->error, VERDICT_TRUNCATED, "so does one with too short a file");
	is_number(progress_of(&t, 12)->error, -ENOENT, "and one without a file");
	is_number(count_orders(&t, ORDER_FAILED), 3, "each of them says so");
	ok(t.wrong == 0 && symbols_came_once(&bundles[3]), "and the good one goes all the same");
	/* hold takes them away, and orders the second again, whole now, under a new serial */
	write_orders(&t, bundles, 4, 3);
	t.orders.orders[0] = t.orders.orders[1];
	t.orders.orders[0].serial = 99;
	t.orders.order_count = 1;
	orders_write(t.orders_page, &t.orders);
	wanted += datagrams_of(&bundles[1], 11);
	memset(bundles[1].got, 0, symbols_all(&bundles[1].geometry));
	while (t.data < wanted && t.wrong == 0)
		take(&t, bundles, 4, 1472);
	while (count_orders(&t, ORDER_SENT) < 1 || progress_of(&t, 99) == NULL)
		sched_yield();
	is_number(seen(&t)->count, 1, "withdrawn orders leave the progress page");
	ok(symbols_came_once(&bundles[1]), "and a new order of the same bundle sends it");
	close_bench(&t);
	for (int i = 0; i < 4; i++)
		free_bundle(&bundles[i]);
}

static void failing_sends_are_counted(uint64_t *random)
{
	struct bundle b;
	make_bundle(&b, geometry_choose(65536, 125), random);
	struct bench t;
	/* to a broadcast address, which takes a permission that the socket does not have yet */
	open_bench(&t, INADDR_LOOPBACK | 0xffffff, 9000, 1000000000);
	write_orders(&t, &b, 1, 1);
	start(&t);
	while (seen(&t)->send_errors < 2)
		sched_yield();
	is_number((int64_t)seen(&t)->datagrams, 0, "a send that fails is counted, and not as sent");
	is_number(count_orders(&t, ORDER_SENT), 0, "its bundle is not sent");
	const int on = 1;
	ok(setsockopt(t.tx_fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) == 0, "sending is allowed");
	while (count_orders(&t, ORDER_SENT) < 1) {
		while (t.data < datagrams_of(&b, 69) && t.wrong == 0)
			take(&t, &b, 1, datagram_len(69));
		sched_yield();
	}
	ok(t.wrong == 0 && t.in_order && symbols_came_once(&b),
	   "and when sending works again nothing has been skipped");
	close_bench(&t);
	free_bundle(&b);
}

/* A layer of the link is gone: hold says so, and nothing more is sent. */
static void a_shut_link_ends_it(uint64_t *random)
{
	struct bundle b;
	make_bundle(&b, geometry_choose(UINT64_C(8) << 20, 125), random);
	struct bench t;
	open_bench(&t, INADDR_LOOPBACK, 1500, 100000000);
	write_orders(&t, &b, 1, 1);
	start(&t);
	while (t.data < 100 && t.wrong == 0)
		take(&t, &b, 1, 1472);
	t.orders.is_shut = 1;
	orders_write(t.orders_page, &t.orders);
	pthread_join(t.thread, NULL);
	ok(stop == 0 && seen(&t)->datagrams < datagrams_of(&b, 11),
	   "it ends in the midst of a bundle, without a signal");
	uint64_t sent = seen(&t)->datagrams;
	transmit_run(t.transmit, t.orders_seen, t.encoder, &stop);
	is_number((int64_t)seen(&t)->datagrams, (int64_t)sent, "begun again, it sends nothing");
	start(&t); /* for who ends the bench */
	close_bench(&t);
	free_bundle(&b);
}

int main(void)
{
	uint64_t random = test_seed();
	const struct sigaction action = {.sa_handler = stop_it};
	sigaction(SIGUSR1, &action, NULL);
	alarm(60); /* the loops below end by what comes, or not at all */
	ok(suite_start() == 0 && tagger_new(&tagger, secret_of_tags) == 0 &&
		   tagger_new(&receiving, secret_of_tags) == 0, "the suite starts");
	several_cross(1500, &random);
	several_cross(9000, &random);
	several_cross(4000, &random);
	parts_cross(&random);
	bad_parts_fail(&random);
	work_goes_before_healing(&random);
	bad_orders_fail_alone(&random);
	failing_sends_are_counted(&random);
	a_shut_link_ends_it(&random);
	return done_testing();
}
