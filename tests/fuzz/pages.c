/*
 * What two processes of a box share in memory, scribbled over by one of them: the ring between catch and keep, the
 * page of orders that emit reads, the page of progress that hold reads.  The first byte chooses.
 */
#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>

#include "common/cursor.h"
#include "common/verdict.h"
#include "receiver/ring.h"
#include "sender/announce.h"
#include "sender/lane.h"
#include "sender/lineup.h"
#include "sender/outgoing.h"
#include "tests/lib/fuzzing.h"

enum {
	RING_SIZE = RING_BYTES_MIN, RING_TAIL_AT = 24, RING_HEAD_AT = 64, RING_PAGE = 4096, SPAN_MAX = 4096,
	OBJECT_BYTES = 1 << 20, FILLS_MAX = 24, BATCH_BYTES = 65536, RECORDS_MAX = 32,
};

static int top = -1;

/* ---- the ring, as keep reads what catch wrote ---- */

static void ring(const uint8_t *data, size_t len)
{
	static struct ring *ring;
	static uint8_t *file;
	struct ring_record record;
	uint64_t damaged = 0, head = 0, words = 0;
	char name[RING_INTERFACE_BYTES];
	if (ring == NULL) {
		fuzz_need(ring_open(&ring, fuzz_dir(), RING_SIZE) == 0, "no ring");
		int fd = openat(top, RING_FILE, O_RDWR | O_CLOEXEC);
		file = mmap(NULL, RING_PAGE + RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		fuzz_need(fd >= 0 && file != MAP_FAILED, "no ring to scribble over");
		close(fd);
	}
	/* counters and names of an interface; then where the producer says it is; then what lies at the tail */
	uint64_t tail;
	memcpy(&tail, file + RING_TAIL_AT, sizeof(tail));
	fuzz_take(&head, 3, &data, &len);
	fuzz_take(&words, 1, &data, &len);
	fuzz_take(file + RING_HEAD_AT + 8, 112, &data, &len);
	head = tail + ((words & 1) != 0 ? head : head * RING_ALIGN);
	for (uint64_t i = tail; len > 0; i++)
		file[RING_PAGE + i % RING_SIZE] = fuzz_take_byte(&data, &len);
	memcpy(file + RING_HEAD_AT, &head, sizeof(head));
	assert(ring_fill(ring) <= ring_size(ring) && ring_take_fill(ring) <= ring_size(ring));
	ring_interface(ring, name);
	assert(memchr(name, 0, sizeof(name)) != NULL);
	for (int i = 0; i < RECORDS_MAX && ring_take(ring, &record, &damaged); i++) {
		assert(record.len <= RING_RECORD_MAX && record.datagram_len > 0);
		uint8_t sum = 0;
		for (uint32_t j = 0; j < record.len; j++)
			sum ^= record.data[j];
		*(volatile uint8_t *)&sum = sum;
		ring_release(ring);
	}
	assert(damaged <= 1);
	/* the same ring for the next: nothing waits in it */
	memcpy(&tail, file + RING_TAIL_AT, sizeof(tail));
	memcpy(file + RING_HEAD_AT, &tail, sizeof(tail));
}

/* ---- orders, as emit reads them ---- */

static void fill_lane(struct lane *lane, struct encoder *encoder)
{
	static const uint8_t secret[TAGGER_SECRET_BYTES];
	static struct tagger *tagger;
	static uint8_t bytes[BATCH_BYTES], row[BATCH_BYTES];
	fuzz_need(tagger != NULL || (suite_start() == 0 && tagger_new(&tagger, secret) == 0), "no tags");
	struct batch batch = {.bytes = bytes, .row = row};
	struct outfit outfit = {.symbols = datagram_symbols(1500), .tagger = tagger};
	for (int i = 0; i < FILLS_MAX && lane->state != ORDER_SENT && lane->state != ORDER_FAILED; i++) {
		if (!lane_prepare(lane, encoder, 0, INT64_MAX)) {
			sched_yield();
			continue;
		}
		uint64_t before = lane->sent_bytes;
		lane_fill(lane, &batch, PACE_BATCH_DATAGRAMS, &outfit, encoder, 0);
		assert(batch.len <= sizeof(bytes) && lane->sent_bytes - before <= BATCH_BYTES);
	}
	while (!lane_close(lane, encoder, 0))
		sched_yield();
}

static void take_task(const struct task *task)
{
	static struct encoder *encoder;
	static struct lane_folders folders;
	static struct outgoing out;
	struct lane lane;
	if (encoder == NULL) {
		folders = (struct lane_folders){top, top};
		int fd = openat(top, "tax-000001", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		fuzz_need(encoder_new(&encoder) == 0 && fd >= 0 && ftruncate(fd, OBJECT_BYTES) == 0, "no spool");
		close(fd);
	}
	lane_open(&lane, task, &folders, encoder, 0);
	if (lane.state == ORDER_WAITING) {
		assert(geometry_check(&task->geometry) == 0 && task->kind <= TASK_HEAL);
		outgoing_add(&out, 0, task, lane.total_bytes);
		outgoing_set(&out, 0, (enum task_kind)task->kind, true);
		assert(schedule_next(&out.schedule[task->kind]) == 0);
		outgoing_remove(&out, 0);
	}
	fill_lane(&lane, encoder);
}

/* Spans of any bytes anywhere in the fields of a page whose counts are small. */
static void scribble(uint8_t *page, size_t size, const uint8_t **data, size_t *len)
{
	while (*len > 0) {
		uint32_t at = 0;
		uint16_t n = 0;
		fuzz_take(&at, 3, data, len);
		fuzz_take(&n, sizeof(n), data, len);
		size_t span = n % SPAN_MAX < *len ? n % SPAN_MAX : *len;
		at %= (uint32_t)size;
		if (at + span > size)
			span = size - at;
		fuzz_take(page + at, span, data, len);
	}
}

static void orders(const uint8_t *data, size_t len)
{
	static struct orders_page *page, *copy;
	static struct announcer announcer;
	const struct control_message *message;
	if (page == NULL) {
		page = calloc(1, sizeof(*page));
		copy = calloc(1, sizeof(*copy));
		fuzz_need(page != NULL && copy != NULL, "no memory");
	}
	memset(page, 0, offsetof(struct orders_page, pages) + 4 * sizeof(struct control_message));
	memset(&announcer, 0, sizeof(announcer));
	scribble((uint8_t *)page, offsetof(struct orders_page, pages) + 4 * sizeof(struct control_message), &data, &len);
	page->version = 2;
	if (orders_read(copy, (const struct orders_shared *)page) != 0)
		return;
	announce_update(&announcer, copy);
	for (uint32_t i = 0; i < copy->order_count; i++) {
		int at = announce_find(copy, &copy->orders[i]);
		assert(at == -ENOENT || at == -EINVAL || (at >= 0 && (uint32_t)at < copy->page_count));
		if (at >= 0)
			(void)announce_page(&announcer, (uint32_t)at, (i & 1) != 0);
	}
	for (uint64_t now = 1; now < 20; now++) {
		message = announce_next(&announcer, copy, now * ANNOUNCE_INTERVAL_NS, true);
		assert(message == NULL || message->len <= PAGE_BYTES_MAX);
	}
}

/* One task, whose fields come one after the other. */
static void task(const uint8_t *data, size_t len)
{
	struct task t = {.serial = 1};
	uint8_t what = fuzz_take_byte(&data, &len);
	fuzz_take(&t.id, sizeof(t.id), &data, &len);
	fuzz_take(&t.geometry, sizeof(t.geometry), &data, &len);
	fuzz_take(&t.step, sizeof(t.step), &data, &len);
	t.priority = fuzz_take_byte(&data, &len);
	t.kind = fuzz_take_byte(&data, &len);
	fuzz_take(t.file, sizeof(t.file), &data, &len);
	if ((what & 1) != 0)
		snprintf(t.file, sizeof(t.file), "tax-000001");
	if ((what & 2) != 0)
		t.geometry = geometry_choose(UINT64_C(3 + what / 4) * SEGMENT_BYTES, 125);
	take_task(&t);
}

/* ---- progress, as hold reads it ---- */

static void tell(void *context, struct spool_item *item, int error, uint64_t delay_ms)
{
	(void)context, (void)item, (void)delay_ms;
	assert(verdict_explain(error) != NULL && (error <= 0 || verdict_name(error) != NULL));
}

static void progress(const uint8_t *data, size_t len)
{
	static struct progress_page page;
	static struct lineup lineup;
	const struct plan_terms terms = {1000000000, 1500, 2, 0};
	struct geometry g = geometry_choose(UINT64_C(4) * SEGMENT_BYTES, 125);
	struct spool_item item = {.state = SPOOL_READY, .object_len = g.object_len, .release = {
		.number = 1, .route_id = 1, .row_len = g.row_len, .source_rows = g.source_rows,
		.repair_rows = g.repair_rows}};
	memset(&page, 0, sizeof(page));
	memset(&lineup, 0, sizeof(lineup));
	scribble((uint8_t *)&page, sizeof(page), &data, &len);
	page.count = page.count > ORDERS_MAX ? ORDERS_MAX : page.count; /* as dispatcher.c does */
	for (uint64_t serial = 1; serial < 4; serial++) {
		struct lineup_order order = {.serial = serial, .item = &item, .kind = (enum task_kind)(serial & 1)};
		if (order.kind == TASK_HEAL)
			plan_heal(&order.step, &item.plan, &g);
		else
			(void)plan_work(&order.step, &item.plan, &g, &terms);
		lineup_add(&lineup, &order);
	}
	(void)lineup_collect(&lineup, &page, &terms, 1000, tell, NULL);
	assert(lineup.count <= 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const pages[])(const uint8_t *, size_t) = {ring, orders, task, progress};
	if (size == 0 || size > 65536)
		return 0;
	if (top < 0)
		top = fuzz_dir_fd(".");
	pages[data[0] % (sizeof(pages) / sizeof(pages[0]))](data + 1, size - 1);
	return 0;
}
