#include "announce.h"

#include <errno.h>
#include <string.h>

static void forget_page(struct announcer *a, uint32_t page)
{
	a->is_sent[page] = false;
	a->repeats[page] = 0;
	a->is_repeated[page] = false;
	a->is_awaited[page] = false;
}

void announce_update(struct announcer *a, const struct orders_page *orders)
{
	bool is_other = a->epoch != orders->epoch;
	if (is_other) {
		a->beat = 0;
		a->next_ns = 0;
		a->turn = 0;
	}
	a->epoch = orders->epoch;
	a->generation = orders->generation;
	for (uint32_t i = 0; i < ORDERS_CONTROL_MAX; i++) {
		uint64_t made = i < orders->page_count ? orders->made[i] : 0;
		if (is_other || i >= a->page_count || i >= orders->page_count || made != a->made[i])
			forget_page(a, i);
		a->made[i] = made;
	}
	a->page_count = orders->page_count;
	a->sent_count = 0;
	for (uint32_t i = 0; i < a->page_count; i++)
		a->sent_count += a->is_sent[i];
	if (a->turn >= a->page_count)
		a->turn = 0;
}

static bool is_same_geometry(const struct geometry *a, const struct geometry *b)
{
	return a->object_len == b->object_len && a->row_len == b->row_len &&
	       a->source_rows == b->source_rows && a->repair_rows == b->repair_rows;
}

int announce_find(const struct orders_page *orders, const struct task *order)
{
	struct page page;
	const struct control_message *message = &orders->pages[order->page];
	if (order->page >= orders->page_count || page_decode(&page, message->bytes, message->len) != 0 ||
	    page.epoch != orders->epoch)
		return -ENOENT;
	for (unsigned int i = 0; i < page.count; i++) {
		const struct entry *entry = &page.entries[i];
		if (entry->epoch != order->id.epoch || entry->route_id != order->id.route_id ||
		    entry->number != order->id.number)
			continue;
		return is_same_geometry(&entry->geometry, &order->geometry) ? (int)order->page : -EINVAL;
	}
	return -ENOENT;
}

unsigned int announce_page(struct announcer *a, uint32_t page, bool is_awaited)
{
	if (page >= a->page_count)
		return 0;
	if (a->is_repeated[page])
		return ANNOUNCE_REPEATS;
	if (a->repeats[page] == 0)
		a->repeats[page] = ANNOUNCE_REPEATS;
	unsigned int gone = ANNOUNCE_REPEATS - a->repeats[page];
	if (is_awaited && gone == 0)
		a->is_awaited[page] = true;
	return gone;
}

static const struct control_message *send_page(struct announcer *a,
					       const struct orders_page *orders, uint32_t page)
{
	if (!a->is_sent[page]) {
		a->is_sent[page] = true;
		a->sent_count++;
	}
	if (a->sent_count == a->page_count)
		a->generation_sent = a->generation;
	return &orders->pages[page];
}

static const struct control_message *repeat_page(struct announcer *a, const struct orders_page *orders, uint32_t page)
{
	a->repeats[page]--;
	a->is_repeated[page] = a->repeats[page] == 0;
	a->is_awaited[page] = false;
	return send_page(a, orders, page);
}

bool announce_is_awaited(const struct announcer *a)
{
	return memchr(a->is_awaited, 1, a->page_count) != NULL;
}

static uint32_t first_awaited(const struct announcer *a)
{
	uint32_t page = 0;
	while (!a->is_awaited[page])
		page++;
	return page;
}

/* A page that is to be repeated. */
static const struct control_message *next_repeat(struct announcer *a, const struct orders_page *orders)
{
	for (uint32_t i = 0; i < a->page_count; i++)
		if (a->repeats[i] > 0)
			return repeat_page(a, orders, i);
	return NULL;
}

/* Who has many bundles also pushes often: a generation is worth little when the next one cuts it off. */
static uint64_t interval_ns(uint32_t page_count)
{
	uint64_t share = (uint64_t)ANNOUNCE_ROUND_NS / page_count;
	return share < ANNOUNCE_INTERVAL_NS ? share : ANNOUNCE_INTERVAL_NS;
}

static bool is_beat_due(const struct announcer *a, const struct orders_page *orders)
{
	return orders->beat != a->beat && orders->heartbeat.len > 0;
}

static bool are_heads_due(const struct announcer *a, const struct orders_page *orders, uint64_t now_ns)
{
	return orders->heads_count > 0 &&
	       (orders->heads_made != a->heads_made || a->heads_left > 0 || now_ns >= a->heads_ns);
}

bool announce_is_due(const struct announcer *a, const struct orders_page *orders, uint64_t now_ns)
{
	bool is_due = is_beat_due(a, orders) || are_heads_due(a, orders, now_ns) ||
		      (a->page_count > 0 && (a->owes_newest || now_ns >= a->next_ns));
	for (uint32_t i = 0; i < a->page_count && !is_due; i++)
		is_due = a->repeats[i] > 0;
	return is_due;
}

/* NULL when none is due. */
static const struct control_message *next_heads(struct announcer *a, const struct orders_page *orders,
						uint64_t now_ns)
{
	if (!are_heads_due(a, orders, now_ns))
		return NULL;
	bool is_new = orders->heads_made != a->heads_made;
	if (is_new || a->heads_left == 0) {
		a->heads_made = orders->heads_made;
		a->heads_left = orders->heads_count * (is_new ? ANNOUNCE_REPEATS : 1);
	}
	a->heads_left--;
	a->heads_ns = now_ns + ANNOUNCE_HEADS_NS;
	return &orders->heads[a->heads_left % orders->heads_count];
}

/* Changes that go on and on do not keep the other pages from their turn: every other time goes to that. */
static uint32_t choose_page(struct announcer *a)
{
	uint32_t page = a->turn;
	a->has_preferred = !a->has_preferred && a->is_sent[page] && a->sent_count < a->page_count;
	if (!a->has_preferred) {
		a->turn = (a->turn + 1) % a->page_count;
		return page;
	}
	for (page = 0; a->is_sent[page];)
		page++;
	return page;
}

const struct control_message *announce_next(struct announcer *a, const struct orders_page *orders,
					    uint64_t now_ns, bool data_flows)
{
	if (announce_is_awaited(a))
		return repeat_page(a, orders, first_awaited(a));
	if (is_beat_due(a, orders)) {
		a->beat = orders->beat;
		return &orders->heartbeat;
	}
	const struct control_message *message = next_heads(a, orders, now_ns);
	if (message == NULL)
		message = next_repeat(a, orders);
	if (message != NULL)
		return message;
	if (a->page_count == 0)
		return NULL;
	uint32_t newest = orders->newest_page < a->page_count ? orders->newest_page : 0;
	if (a->owes_newest) {
		a->owes_newest = false;
		return send_page(a, orders, newest);
	}
	if (now_ns < a->next_ns)
		return NULL;
	a->next_ns = now_ns + interval_ns(a->page_count);
	uint32_t page = choose_page(a);
	if (page == newest || (data_flows && now_ns - a->newest_ns >= ANNOUNCE_INTERVAL_NS)) {
		a->owes_newest = page != newest;
		a->newest_ns = now_ns;
	}
	return send_page(a, orders, page);
}
