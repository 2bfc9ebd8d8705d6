#include "transmit.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/datagram.h"
#include "common/suite.h"
#include "common/verdict.h"
#include "lane.h"
#include "outgoing.h"
#include "transmitter.h"

enum {
	BATCH_SIZE = 65536,
	PROGRESS_NS = 50000000,
	RETRY_NS = 10000000,           /* after a send that failed */
	HELD_UP_NS = 50000,            /* what a send takes at most, when nothing comes between */
};
static const uint64_t ns_per_s = 1000000000;

struct transmit {
	struct transmit_options options;
	const struct orders_shared *orders;
	struct encoder *encoder;
	struct orders_page *copy;      /* the newest that could be read whole */
	struct orders_page *spare;     /* what the next is read into */
	bool is_untidy;                /* lanes are still to be closed or opened */
	struct outgoing outgoing;
	struct lane lanes[ORDERS_MAX];
	struct outfit outfit;
	struct batch batch;            /* not sent yet when it has a count */
	int batch_slot;                /* whose data it is; -1: control */
	bool batch_heals;
	uint64_t datagrams, bytes, send_errors;
	uint64_t progress_ns;          /* when to write it next */
};

static uint64_t now_ns(void)
{
	struct timespec now;
	int failed = clock_gettime(CLOCK_MONOTONIC, &now);
	assert(failed == 0);
	return (uint64_t)now.tv_sec * ns_per_s + (uint64_t)now.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec until = {
		.tv_sec = (time_t)(ns / ns_per_s),
		.tv_nsec = (long)(ns % ns_per_s),
	};
	/* woken by a signal, the loop looks at the clock again anyway */
	int result = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	assert(result == 0 || result == EINTR);
}

void transmit_free(struct transmit *t)
{
	if (t == NULL)
		return;
	free(t->copy);
	free(t->spare);
	free(t->batch.bytes);
	free(t->batch.row);
	free(t);
}

int transmit_new(struct transmit **out, const struct transmit_options *options)
{
	struct transmit *t = calloc(1, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	t->options = *options;
	t->copy = calloc(1, sizeof(*t->copy));
	t->spare = calloc(1, sizeof(*t->spare));
	t->batch.bytes = malloc(BATCH_SIZE);
	t->batch.row = malloc(BATCH_SIZE);
	if (t->copy == NULL || t->spare == NULL || t->batch.bytes == NULL || t->batch.row == NULL) {
		transmit_free(t);
		return -ENOMEM;
	}
	t->outfit.symbols = datagram_symbols(options->mtu);
	assert(datagram_len(t->outfit.symbols) >= DATAGRAM_COMMON_BYTES + PAGE_BYTES_MAX);
	t->outfit.sequence = (uint64_t)options->started_s << 32;
	t->outfit.tagger = options->tagger;
	*out = t;
	return 0;
}

/* By all that hold could mean: a hold put back to an older state may use a serial again. */
static bool is_same_order(const struct task *a, const struct task *b)
{
	return a->serial == b->serial && a->id.epoch == b->id.epoch &&
	       a->id.route_id == b->id.route_id && a->id.number == b->id.number;
}

static bool is_ordered(const struct orders_page *orders, const struct task *order)
{
	for (uint32_t i = 0; i < orders->order_count; i++)
		if (is_same_order(&orders->orders[i], order))
			return true;
	return false;
}

static bool has_lane(const struct transmit *t, const struct task *order)
{
	for (unsigned int i = 0; i < ORDERS_MAX; i++)
		if (t->lanes[i].is_used && !t->lanes[i].is_withdrawn &&
		    is_same_order(&t->lanes[i].order, order))
			return true;
	return false;
}

/* False when the encoder has not let go of one of them yet. */
static bool withdraw_lanes(struct transmit *t)
{
	bool all = true;
	for (unsigned int i = 0; i < ORDERS_MAX; i++) {
		struct lane *lane = &t->lanes[i];
		if (!lane->is_used || (!lane->is_withdrawn && is_ordered(t->copy, &lane->order)))
			continue;
		lane->is_withdrawn = true;
		outgoing_remove(&t->outgoing, i);
		all &= lane_close(lane, t->encoder, i);
	}
	return all;
}

/* False when there is no lane free yet for one of the orders. */
static bool open_lanes(struct transmit *t)
{
	unsigned int slot = 0;
	for (uint32_t i = 0; i < t->copy->order_count; i++) {
		const struct task *order = &t->copy->orders[i];
		if (order->serial == 0 || has_lane(t, order))
			continue;
		while (slot < ORDERS_MAX && t->lanes[slot].is_used)
			slot++;
		if (slot == ORDERS_MAX)
			return false;
		struct lane *lane = &t->lanes[slot];
		lane_open(lane, order, &t->options.folders, t->encoder, slot);
		if (lane->state == ORDER_WAITING)
			outgoing_add(&t->outgoing, slot, order, lane->total_bytes);
	}
	return true;
}

/* Data go only after the page that names their bundle has gone once; then it is repeated among them. */
static void find_pages(struct transmit *t)
{
	for (unsigned int i = 0; i < ORDERS_MAX; i++) {
		struct lane *lane = &t->lanes[i];
		if (!lane->is_used || lane->is_withdrawn || lane->announced == ANNOUNCE_REPEATS ||
		    (lane->state != ORDER_WAITING && lane->state != ORDER_SENDING))
			continue;
		lane->page = announce_find(t->copy, &lane->order);
		if (lane->page == -EINVAL && lane->announced == 0) {
			lane->state = ORDER_FAILED;
			lane->error = VERDICT_BAD_GEOMETRY;
		}
	}
}

/* In a new generation the page goes anew, but the lane has been named. */
static void announce_lane(struct transmit *t, struct lane *lane)
{
	if (lane->page < 0 || lane->announced == ANNOUNCE_REPEATS)
		return;
	bool is_awaited = lane->announced == 0 && lane->order.kind == TASK_WORK;
	unsigned int times = announce_page(&t->outgoing.announcer, (uint32_t)lane->page, is_awaited);
	if (times > lane->announced)
		lane->announced = times;
}

/* What has gone of the pages of a generation that ends. */
static void announce_lanes(struct transmit *t)
{
	for (unsigned int i = 0; i < ORDERS_MAX; i++)
		if (t->lanes[i].is_used && !t->lanes[i].is_withdrawn)
			announce_lane(t, &t->lanes[i]);
}

/* Takes over what hold has written since; a page that cannot be read whole now is read later. */
static void take_orders(struct transmit *t)
{
	bool is_new = orders_version(t->orders) != t->copy->version && orders_read(t->spare, t->orders) == 0;
	if (is_new) {
		struct orders_page *before = t->copy;
		announce_lanes(t);
		t->copy = t->spare;
		t->spare = before;
		announce_update(&t->outgoing.announcer, t->copy);
	}
	if (!is_new && !t->is_untidy)
		return;
	bool is_tidy = withdraw_lanes(t);
	is_tidy &= open_lanes(t);
	t->is_untidy = !is_tidy;
	find_pages(t);
	t->progress_ns = 0;
}

static void prepare_lanes(struct transmit *t, uint64_t now)
{
	outgoing_look(&t->outgoing);
	for (unsigned int i = 0; i < ORDERS_MAX; i++) {
		struct lane *lane = &t->lanes[i];
		if (!lane->is_used || lane->is_withdrawn)
			continue;
		announce_lane(t, lane);
		enum order_state before = lane->state;
		bool is_ready = lane_prepare(lane, t->encoder, i, now) && lane->announced > 0;
		bool has_more = (lane->state == ORDER_WAITING || lane->state == ORDER_SENDING) &&
				now / 1000000 >= lane->order.step.not_before_ms;
		/* one that failed has a kind that may be none */
		if (has_more)
			outgoing_set(&t->outgoing, i, lane->order.kind, is_ready);
		else if (lane->state == ORDER_FAILED)
			outgoing_remove(&t->outgoing, i);
		if (lane->state != before)
			t->progress_ns = 0;
	}
}

static void write_lanes(const struct transmit *t, struct progress_page *page)
{
	page->count = 0;
	for (int i = 0; i < ORDERS_MAX; i++) {
		const struct lane *lane = &t->lanes[i];
		if (!lane->is_used || lane->is_withdrawn)
			continue;
		bool is_pending = t->batch.count > 0 && t->batch_slot == i;
		bool is_sent = lane->state == ORDER_SENT && !is_pending;
		page->orders[page->count++] = (struct order_progress){
			.serial = lane->order.serial,
			.state = lane->state == ORDER_SENT && !is_sent ? ORDER_SENDING : lane->state,
			.error = lane->error,
			.sent_bytes = lane->sent_bytes,
			.total_bytes = lane->total_bytes,
		};
	}
}

static void write_progress(struct transmit *t, uint64_t now)
{
	struct progress_page page = {0};
	struct timespec clock;
	int failed = clock_gettime(CLOCK_REALTIME, &clock);
	assert(failed == 0);
	page.updated_ms = (uint64_t)clock.tv_sec * 1000 + (uint64_t)clock.tv_nsec / 1000000;
	page.datagrams = t->datagrams;
	page.bytes = t->bytes;
	page.send_errors = t->send_errors;
	page.generation_sent = t->outgoing.announcer.generation_sent;
	write_lanes(t, &page);
	progress_write(t->options.progress, &page);
	t->progress_ns = now + PROGRESS_NS;
}

/* Any message fits into a datagram at MTU 1500. */
static void build_control(struct transmit *t, const struct control_message *message)
{
	size_t len = datagram_len(t->outfit.symbols);
	int verdict = datagram_encode_control(t->batch.bytes, len, t->copy->epoch, t->outfit.sequence,
					      message->bytes, message->len);
	assert(verdict == VERDICT_OK);
	datagram_set_tag(t->batch.bytes, len, t->outfit.tagger);
	t->outfit.sequence++;
	t->batch.len = t->batch.datagram_len = len;
	t->batch.count = 1;
	t->batch_slot = -1;
	t->batch_heals = false;
}

static void build_data(struct transmit *t, unsigned int slot)
{
	struct lane *lane = &t->lanes[slot];
	bool is_heal = lane->order.kind == TASK_HEAL;
	unsigned int most = outgoing_batch(&t->outgoing, lane->order.kind);
	lane_fill(lane, &t->batch, most, &t->outfit, t->encoder, slot);
	outgoing_charge(&t->outgoing, slot, lane->order.kind, t->batch.len);
	t->batch_slot = (int)slot;
	t->batch_heals = is_heal;
	if (lane->state == ORDER_SENT || lane->state == ORDER_FAILED) {
		outgoing_remove(&t->outgoing, slot);
		t->progress_ns = 0;
	}
}

static void build_batch(struct transmit *t, uint64_t now)
{
	const struct control_message *message;
	int next = outgoing_next(&t->outgoing, &message, t->copy, now);
	if (next == OUTGOING_CONTROL)
		build_control(t, message);
	else if (next >= 0)
		build_data(t, (unsigned int)next);
}

static int send_batch(const struct transmit *t)
{
	return transmitter_send(t->options.socket_fd, &t->options.goal, t->batch.bytes, t->batch.len, t->batch.datagram_len, 0);
}

/* When it went is not known of a send that was held up; for what follows it counts as late as it may have been. */
static void let_batch_go(struct transmit *t)
{
	uint64_t now = now_ns();
	if (now < outgoing_due(&t->outgoing))
		return;
	int result = send_batch(t);
	uint64_t ended = now_ns();
	if (result == -EINTR)
		return;
	if (result != 0) {
		t->send_errors++;
		pace_hold(&t->outgoing.pace, RETRY_NS, now);
		return;
	}
	outgoing_spend(&t->outgoing, t->batch_heals, t->batch.count, t->batch.len, ended - now < HELD_UP_NS ? now : ended);
	t->datagrams += t->batch.count;
	t->bytes += t->batch.len;
	t->batch.count = 0;
}

/*
 * Work is made ahead of its time, and then goes punctually.  Nothing else is: a datagram for healing that waits for a
 * slow link would be in the way of work that comes meanwhile.
 */
static void take_turn(struct transmit *t)
{
	uint64_t now = now_ns(), due = outgoing_due(&t->outgoing);
	take_orders(t);
	prepare_lanes(t, now);
	if (t->batch.count == 0)
		build_batch(t, now);
	if (now < due)
		sleep_until(due < now + PROGRESS_NS ? pace_wake(&t->outgoing.pace) : now + PROGRESS_NS);
	if (t->batch.count > 0)
		let_batch_go(t);
	else if (now >= due)
		sleep_until(outgoing_wake(&t->outgoing, now));
	if (now >= t->progress_ns)
		write_progress(t, now);
}

void transmit_run(struct transmit *t, const struct orders_shared *orders, struct encoder *encoder,
		  const volatile sig_atomic_t *is_stopping)
{
	t->orders = orders;
	t->encoder = encoder;
	outgoing_start(&t->outgoing, t->options.rate_bits_per_s, t->options.heal_bits_per_s,
		       datagram_len(t->outfit.symbols), now_ns());
	while (!*is_stopping && t->copy->is_shut == 0)
		take_turn(t);
	write_progress(t, now_ns());
}
