#include "account.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bundle.h"
#include "common/verdict.h"

/* gcc 12's analyzer loses sight of what moves into a field of its owner; clang's and ASan's do not. */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

struct run {
	uint64_t first, last;
};

/* One route in one epoch. */
struct route_account {
	uint64_t epoch;
	uint16_t route_id;
	uint64_t first, newest;   /* of the newest head; first 0: none was heard */
	uint64_t by, generation;  /* of that head */
	uint64_t highest;         /* as a message of its own epoch said, */
	uint64_t highest_s;       /* signed then */
	bool is_first;            /* of that head: until it is settled */
	uint32_t count, size;
	struct run *run;          /* ascending, with gaps between */
};

struct account {
	size_t count;
	size_t runs;
	uint64_t changes;
	struct route_account *route; /* in the order in which they were first heard of */
};

struct account *account_new(void)
{
	return calloc(1, sizeof(struct account));
}

void account_free(struct account *account)
{
	if (account == NULL)
		return;
	for (size_t i = 0; i < account->count; i++)
		free(account->route[i].run);
	free(account->route);
	free(account);
}

static struct route_account *find(const struct account *account, uint64_t epoch, uint16_t route_id)
{
	for (size_t i = account->count; i > 0; i--)
		if (account->route[i - 1].epoch == epoch && account->route[i - 1].route_id == route_id)
			return &account->route[i - 1];
	return NULL;
}

static void forget_oldest(struct account *account)
{
	size_t kept = 0;
	uint64_t oldest = account->route[0].epoch;
	for (size_t i = 0; i < account->count; i++) {
		if (account->route[i].epoch == oldest) {
			account->runs -= account->route[i].count;
			free(account->route[i].run);
			continue;
		}
		account->route[kept++] = account->route[i];
	}
	account->count = kept;
}

/* Made when it is not there; NULL: out of memory. */
static struct route_account *need(struct account *account, uint64_t epoch, uint16_t route_id)
{
	struct route_account *there = find(account, epoch, route_id);
	if (there != NULL)
		return there;
	if (account->count == ACCOUNT_ROUTES_MAX)
		forget_oldest(account);
	struct route_account *route = reallocarray(account->route, account->count + 1, sizeof(*route));
	if (route == NULL)
		return NULL;
	account->route = route;
	route[account->count] = (struct route_account){.epoch = epoch, .route_id = route_id};
	return &route[account->count++];
}

/* The first run that ends at number - 1 or behind it. */
static uint32_t place_of(const struct route_account *r, uint64_t number)
{
	uint32_t low = 0, high = r->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (r->run[middle].last + 1 < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int grow(struct route_account *r)
{
	uint32_t size = r->size == 0 ? 4 : r->size * 2;
	struct run *bigger = reallocarray(r->run, size, sizeof(*bigger));
	if (bigger != NULL) {
		r->run = bigger;
		r->size = size;
	}
	return bigger != NULL ? 0 : -ENOMEM;
}

static int insert(struct account *account, struct route_account *r, uint32_t at, const struct run *run)
{
	if (account->runs == ACCOUNT_RUNS_MAX)
		return -ENOSPC;
	int result = r->count == r->size ? grow(r) : 0;
	if (result != 0)
		return result;
	memmove(r->run + at + 1, r->run + at, (r->count - at) * sizeof(*r->run));
	r->run[at] = *run;
	r->count++;
	account->runs++;
	return 0;
}

/* Numbers first to last are settled.  Runs that touch become one. */
static int settle_run(struct account *account, struct route_account *r, uint64_t first, uint64_t last)
{
	uint32_t at = place_of(r, first);
	if (at < r->count && r->run[at].first <= first && r->run[at].last >= last)
		return 0;
	account->changes++;
	if (at == r->count || r->run[at].first > last + 1)
		return insert(account, r, at, &(struct run){first, last});
	struct run *run = &r->run[at];
	uint32_t end = at + 1;
	while (end < r->count && r->run[end].first <= last + 1)
		end++;
	if (first < run->first)
		run->first = first;
	run->last = r->run[end - 1].last > last ? r->run[end - 1].last : last;
	memmove(run + 1, r->run + end, (r->count - end) * sizeof(*run));
	account->runs -= end - at - 1;
	r->count -= end - at - 1;
	return 0;
}

static void note_highest(struct account *account, struct route_account *r, uint64_t number, uint64_t time_s)
{
	if (number <= r->highest)
		return;
	r->highest = number;
	r->highest_s = time_s;
	account->changes++;
}

int account_note(struct account *account, const struct bundle_id *id, uint64_t time_s)
{
	struct route_account *r = need(account, id->epoch, id->route_id);
	if (r == NULL)
		return -ENOMEM;
	note_highest(account, r, id->number, time_s);
	return 0;
}

int account_name(struct account *account, const struct bundle_id *id, uint64_t time_s)
{
	struct route_account *r = need(account, id->epoch, id->route_id);
	if (r == NULL)
		return -ENOMEM;
	note_highest(account, r, id->number, time_s);
	return settle_run(account, r, id->number, id->number);
}

int account_take_head(struct account *account, const struct account_head *head)
{
	struct route_account *r = need(account, head->epoch, head->route_id);
	if (r == NULL)
		return -ENOMEM;
	if (r->by == head->by && r->generation >= head->generation)
		return 0;
	r->is_first = head->is_first && r->first == 0;
	r->by = head->by;
	r->generation = head->generation;
	r->first = head->first;
	r->newest = head->newest;
	account->changes++;
	if (head->by == head->epoch)
		note_highest(account, r, head->newest, head->time_s);
	return 0;
}

bool account_went_back(const struct account *account, const struct account_head *head)
{
	const struct route_account *r = find(account, head->epoch, head->route_id);
	return r != NULL && head->by == head->epoch && head->newest < r->highest && head->time_s > r->highest_s;
}

uint64_t account_highest(const struct account *account, uint64_t epoch, uint16_t route_id)
{
	const struct route_account *r = find(account, epoch, route_id);
	return r == NULL ? 0 : r->highest;
}

uint64_t account_first(const struct account *account, uint64_t epoch, uint16_t route_id)
{
	const struct route_account *r = find(account, epoch, route_id);
	return r == NULL ? 0 : r->first;
}

uint64_t account_highest_of_others(const struct account *account, uint64_t epoch, uint64_t before, uint16_t route_id)
{
	uint64_t highest = 0;
	for (size_t i = 0; i < account->count; i++) {
		const struct route_account *r = &account->route[i];
		if (r->route_id == route_id && r->epoch != epoch && r->epoch != before && r->highest > highest)
			highest = r->highest;
	}
	return highest;
}

/* The first run of numbers from `from` on that are not settled; false: there is none up to the newest. */
static bool find_gap(const struct route_account *r, uint64_t from, struct run *out)
{
	uint32_t at = place_of(r, from);
	while (at < r->count && r->run[at].first <= from) {
		if (r->run[at].last >= from)
			from = r->run[at].last + 1;
		at++;
	}
	if (from > r->newest)
		return false;
	bool is_last = at == r->count || r->run[at].first > r->newest;
	*out = (struct run){from, is_last ? r->newest : r->run[at].first - 1};
	return true;
}

static int settle_route(struct account *account, struct route_account *r, account_visit *lost, void *context)
{
	struct run gap;
	for (uint64_t from = r->first; find_gap(r, from, &gap); from = gap.last + 1) {
		const struct account_run run = {r->epoch, r->route_id, gap.first, gap.last, r->is_first};
		if (lost(context, &run) != 0)
			continue;
		int result = settle_run(account, r, gap.first, gap.last);
		if (result != 0)
			return result;
	}
	account->changes += r->is_first;
	r->is_first = false;
	return 0;
}

int account_settle(struct account *account, uint64_t by, uint64_t generation, account_visit *lost, void *context)
{
	int result = 0;
	for (size_t i = 0; result == 0 && i < account->count; i++) {
		struct route_account *r = &account->route[i];
		if (r->first != 0 && r->by == by && r->generation <= generation)
			result = settle_route(account, r, lost, context);
	}
	return result;
}

int account_each_route(const struct account *account, account_visit *visit, void *context)
{
	int result = 0;
	for (size_t i = 0; result == 0 && i < account->count; i++) {
		const struct route_account *r = &account->route[i];
		const struct account_run run = {r->epoch, r->route_id, 1, r->highest, false};
		result = visit(context, &run);
	}
	return result;
}

bool account_is_full(const struct account *account)
{
	return account->runs == ACCOUNT_RUNS_MAX;
}

uint64_t account_changes(const struct account *account)
{
	return account->changes;
}

/* As bytes */

enum { COUNT_BYTES = 4, ROUTE_BYTES = 64, RUN_BYTES = 16 };

size_t account_bytes(const struct account *account)
{
	return COUNT_BYTES + account->count * ROUTE_BYTES + account->runs * RUN_BYTES;
}

void account_write(const struct account *account, struct writer *w)
{
	write_u32(w, (uint32_t)account->count);
	for (size_t i = 0; i < account->count; i++) {
		const struct route_account *r = &account->route[i];
		write_u64(w, r->epoch);
		write_u16(w, r->route_id);
		write_u8(w, r->is_first);
		write_zeros(w, 1);
		write_u32(w, r->count);
		write_u64(w, r->first);
		write_u64(w, r->newest);
		write_u64(w, r->by);
		write_u64(w, r->generation);
		write_u64(w, r->highest);
		write_u64(w, r->highest_s);
		for (uint32_t j = 0; j < r->count; j++) {
			write_u64(w, r->run[j].first);
			write_u64(w, r->run[j].last);
		}
	}
}

static int read_runs(struct account *account, struct route_account *r, struct reader *in, uint32_t count)
{
	uint64_t after = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct run run = {.first = read_u64(in)};
		run.last = read_u64(in);
		if (in->overrun)
			return VERDICT_TRUNCATED;
		/* behind the run before, with a gap between them */
		if (run.first <= after || run.last < run.first || run.last >= BUNDLE_NUMBER_END)
			return VERDICT_BAD_ORDER;
		int result = insert(account, r, r->count, &run);
		if (result != 0)
			return result == -ENOSPC ? VERDICT_BAD_LIMIT : result;
		after = run.last + 1;
	}
	return 0;
}

static int read_route(struct account *account, struct reader *in)
{
	struct route_account read = {.epoch = read_u64(in)};
	read.route_id = read_u16(in);
	uint8_t is_first = read_u8(in);
	bool zeros = read_zeros(in, 1) && is_first <= 1;
	read.is_first = is_first == 1;
	uint32_t count = read_u32(in);
	read.first = read_u64(in);
	read.newest = read_u64(in);
	read.by = read_u64(in);
	read.generation = read_u64(in);
	read.highest = read_u64(in);
	read.highest_s = read_u64(in);
	if (in->overrun)
		return VERDICT_TRUNCATED;
	if (!zeros || read.first > BUNDLE_NUMBER_END || read.newest >= BUNDLE_NUMBER_END ||
	    read.highest >= BUNDLE_NUMBER_END)
		return VERDICT_BAD_LIMIT;
	if (find(account, read.epoch, read.route_id) != NULL)
		return VERDICT_BAD_ORDER;
	struct route_account *r = need(account, read.epoch, read.route_id);
	if (r == NULL)
		return -ENOMEM;
	*r = read;
	return read_runs(account, r, in, count);
}

static int read_all(struct account *account, struct reader *in)
{
	uint32_t routes = read_u32(in);
	if (in->overrun)
		return VERDICT_TRUNCATED;
	if (routes > ACCOUNT_ROUTES_MAX)
		return VERDICT_BAD_LIMIT;
	int result = 0;
	for (uint32_t i = 0; result == 0 && i < routes; i++)
		result = read_route(account, in);
	return result;
}

int account_read(struct account **out, struct reader *r)
{
	struct account *account = account_new();
	if (account == NULL)
		return -ENOMEM;
	int result = read_all(account, r);
	if (result != 0) {
		account_free(account);
		return result;
	}
	*out = account;
	return 0;
}
