#include "announce.h"

#include <errno.h>
#include <string.h>

void announce_update(struct announcer *a, const struct orders_page *orders)
{
	if (a->epoch == orders->epoch && a->generation == orders->generation &&
	    a->page_count == orders->page_count)
		return;
	if (a->epoch != orders->epoch)
		a->beat = 0;
	a->epoch = orders->epoch;
	a->generation = orders->generation;
	a->page_count = orders->page_count;
	a->turn = 0;
	a->owes_first = false;
	a->next_ns = 0;
	a->sent_count = 0;
	memset(a->is_sent, 0, sizeof(a->is_sent));
	memset(a->repeats, 0, sizeof(a->repeats));
	memset(a->is_repeated, 0, sizeof(a->is_repeated));
}

static bool is_same_geometry(const struct geometry *a, const struct geometry *b)
{
	return a->object_len == b->object_len && a->row_len == b->row_len &&
	       a->source_rows == b->source_rows && a->repair_rows == b->repair_rows;
}

int announce_find(const struct orders_page *orders, const struct task *order)
{
	for (uint32_t i = 0; i < orders->page_count; i++) {
		struct page page;
		if (page_decode(&page, orders->pages[i].bytes, orders->pages[i].len) != 0 ||
		    page.epoch != orders->epoch)
			continue;
		for (unsigned int j = 0; j < page.count; j++) {
			const struct entry *entry = &page.entries[j];
			if (entry->epoch != order->id.epoch || entry->route_id != order->id.route_id ||
			    entry->number != order->id.number)
				continue;
			return is_same_geometry(&entry->geometry, &order->geometry) ? (int)i
										    : -EINVAL;
		}
	}
	return -ENOENT;
}

bool announce_page(struct announcer *a, uint32_t page)
{
	if (page >= a->page_count)
		return false;
	if (!a->is_repeated[page] && a->repeats[page] == 0)
		a->repeats[page] = ANNOUNCE_REPEATS;
	return a->is_repeated[page];
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

/* -1, or a page that is to be repeated. */
static int next_repeat(struct announcer *a)
{
	for (uint32_t i = 0; i < a->page_count; i++) {
		if (a->repeats[i] == 0)
			continue;
		a->repeats[i]--;
		a->is_repeated[i] = a->repeats[i] == 0;
		return (int)i;
	}
	return -1;
}

/* Who has many bundles also pushes often: a generation is worth little when the next one cuts it off. */
static uint64_t interval_ns(uint32_t page_count)
{
	uint64_t share = (uint64_t)ANNOUNCE_ROUND_NS / page_count;
	return share < ANNOUNCE_INTERVAL_NS ? share : ANNOUNCE_INTERVAL_NS;
}

/* NULL when none is due. */
static const struct control_message *next_heads(struct announcer *a, const struct orders_page *orders,
						uint64_t now_ns)
{
	if (orders->heads_count == 0)
		return NULL;
	bool is_new = orders->heads_made != a->heads_made;
	if (is_new || (a->heads_left == 0 && now_ns >= a->heads_ns)) {
		a->heads_made = orders->heads_made;
		a->heads_left = orders->heads_count * (is_new ? ANNOUNCE_REPEATS : 1);
	}
	if (a->heads_left == 0)
		return NULL;
	a->heads_left--;
	a->heads_ns = now_ns + ANNOUNCE_HEADS_NS;
	return &orders->heads[a->heads_left % orders->heads_count];
}

const struct control_message *announce_next(struct announcer *a, const struct orders_page *orders,
					    uint64_t now_ns, bool data_flows)
{
	if (orders->beat != a->beat && orders->heartbeat.len > 0) {
		a->beat = orders->beat;
		return &orders->heartbeat;
	}
	const struct control_message *heads = next_heads(a, orders, now_ns);
	if (heads != NULL)
		return heads;
	int repeat = next_repeat(a);
	if (repeat >= 0)
		return send_page(a, orders, (uint32_t)repeat);
	if (a->page_count == 0)
		return NULL;
	if (a->owes_first) {
		a->owes_first = false;
		return send_page(a, orders, 0);
	}
	if (now_ns < a->next_ns)
		return NULL;
	a->next_ns = now_ns + interval_ns(a->page_count);
	uint32_t page = a->turn;
	a->turn = (a->turn + 1) % a->page_count;
	if (page == 0 || (data_flows && now_ns - a->first_ns >= ANNOUNCE_INTERVAL_NS)) {
		a->owes_first = page != 0;
		a->first_ns = now_ns;
	}
	return send_page(a, orders, page);
}
