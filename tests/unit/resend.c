/* What people may have sent once more: who may, what a code means here, what waits, and which rows go. */
#include "sender/resend.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/verdict.h"
#include "sender/lineup.h"
#include "sender/offer.h"
#include "tests/lib/nightspool.h"
#include "tests/lib/tap.h"

static struct night night;
static const uint8_t challenge[RESEND_CHALLENGE_BYTES] = {7, 7, 7};

/* ---- the order ---- */

static void sign_with(struct resendorder *order, const struct key *key, const char *domain)
{
	uint8_t input[RESENDORDER_BYTES];
	resendorder_input(input, order);
	if (signature_make(&order->signature, domain, input, sizeof(input), key->secret) != 0)
		abort();
}

static struct resendorder order_by(enum night_who who, uint64_t at)
{
	const struct key *key = night.people[who];
	struct resendorder order = {.what = {1, 123, RESEND_ALL, 0}, .epoch = 5, .at = at};
	memcpy(order.person, key->card.name, NAME_BYTES);
	memcpy(order.key_id, key->card.id, KEY_ID_BYTES);
	memcpy(order.challenge, challenge, sizeof(challenge));
	sign_with(&order, key, resendorder_domain);
	return order;
}

static int check_at(const struct resendorder *order, const char *route, uint64_t now)
{
	return resendorder_check(order, night.registry, registry_route(night.registry, route), challenge, now);
}

static void test_who_may(void)
{
	uint64_t now = night_midnight;
	struct resendorder order = order_by(WANG, now);
	is_number(check_at(&order, "tax", now), 0, "an operator of the route may");
	is_number(check_at(&order, "other", now), VERDICT_NOT_ALLOWED, "of another route may not");
	order = order_by(KUO, now);
	is_number(check_at(&order, "tax", now), 0, "an officer may");
	order = order_by(LEE, now);
	is_number(check_at(&order, "tax", now), 0, "who is suspended later may now");
	order = order_by(LEE, now + 10 * (uint64_t)NIGHT_DAY);
	is_number(check_at(&order, "tax", order.at), VERDICT_SUSPENDED, "and then not");
	order = order_by(OU, now + 10 * (uint64_t)NIGHT_DAY);
	is_number(check_at(&order, "tax", order.at), VERDICT_EXPIRED, "nor one whose key has ended");
	order = order_by(WANG, now + 400 * (uint64_t)NIGHT_DAY);
	is_number(check_at(&order, "tax", order.at), VERDICT_EXPIRED, "nor anybody under a registry that has ended");

	order = order_by(WANG, now);
	memcpy(order.person, "nightly", sizeof("nightly"));
	memcpy(order.key_id, night.machine->card.id, KEY_ID_BYTES);
	sign_with(&order, night.machine, resendorder_domain);
	is_number(check_at(&order, "tax", now), VERDICT_UNKNOWN_KEY, "a machine has no say");
	order = order_by(WANG, now);
	memcpy(order.key_id, night.people[KUO]->card.id, KEY_ID_BYTES);
	is_number(check_at(&order, "tax", now), VERDICT_UNKNOWN_KEY, "a name goes with its own key");
}

static void test_when(void)
{
	uint64_t now = night_midnight;
	struct resendorder order = order_by(WANG, now - 3600);
	is_number(check_at(&order, "tax", now), 0, "signed an hour ago is just now");
	order = order_by(WANG, now - 3601);
	is_number(check_at(&order, "tax", now), VERDICT_BAD_TIME, "a second more is not");
	order = order_by(WANG, now + 3601);
	is_number(check_at(&order, "tax", now), VERDICT_BAD_TIME, "nor is more than an hour ahead");
	order = order_by(WANG, now);
	order.challenge[31] ^= 1;
	sign_with(&order, night.people[WANG], resendorder_domain);
	is_number(check_at(&order, "tax", now), VERDICT_BAD_SIGNATURE, "an order for another challenge does not count");
	order = order_by(WANG, now);
	sign_with(&order, night.people[WANG], "weir1 revoke");
	is_number(check_at(&order, "tax", now), VERDICT_BAD_SIGNATURE, "nor a signature of another kind");
}

static void test_every_bit(void)
{
	uint64_t now = night_midnight;
	struct resendorder order = order_by(WANG, now), got;
	uint8_t bytes[RESENDORDER_ENCODED_MAX + 1], again[RESENDORDER_ENCODED_MAX];
	size_t len = resendorder_encode(bytes, &order);
	unsigned int accepted = 0;
	is_number((int64_t)len, 196, "an order of an Ed25519 key has 196 bytes");
	ok(resendorder_decode(&got, bytes, len) == 0 && resendorder_encode(again, &got) == len &&
	   memcmp(again, bytes, len) == 0 && check_at(&got, "tax", now) == 0, "it is read as it was written");
	for (size_t i = 0; i < len * 8; i++) {
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		accepted += resendorder_decode(&got, bytes, len) == 0 && check_at(&got, "tax", now) == 0;
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	is_number(accepted, 0, "with any one bit changed it does not count");
	for (size_t i = 0; i < len; i++)
		accepted += resendorder_decode(&got, bytes, i) != VERDICT_TRUNCATED;
	is_number(accepted, 0, "cut short anywhere it is truncated");
	is_number(resendorder_decode(&got, bytes, len + 1), VERDICT_TRAILING_BYTES, "a byte more is too many");
}

static int decode_again(const struct resendorder *order, struct resendorder *out)
{
	uint8_t bytes[RESENDORDER_ENCODED_MAX];
	return resendorder_decode(out, bytes, resendorder_encode(bytes, order));
}

static void test_form(void)
{
	static const struct {
		size_t at;
		uint8_t value;
		int verdict;
	} cases[] = {
		{0, 'x', VERDICT_BAD_MAGIC},     {8, 2, VERDICT_UNKNOWN_VERSION}, {10, 2, VERDICT_UNKNOWN_SUITE},
		{15, 2, VERDICT_BAD_TYPE},       {36, 1, VERDICT_BAD_RESERVED},   {24, 0, VERDICT_BAD_LIMIT},
		{30, 1, VERDICT_BAD_LIMIT},      {34, 1, VERDICT_BAD_LIMIT},      {48, ' ', VERDICT_BAD_NAME},
		{128, 9, VERDICT_BAD_TYPE},
	};
	struct resendorder order = order_by(WANG, night_midnight), got;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bytes[RESENDORDER_ENCODED_MAX];
		size_t len = resendorder_encode(bytes, &order);
		bytes[cases[i].at] = cases[i].value;
		is_number(resendorder_decode(&got, bytes, len), cases[i].verdict, "byte %zu: %s", cases[i].at,
			  verdict_name(cases[i].verdict));
	}
	order.kind = RESENDORDER_PURGE;
	is_number(decode_again(&order, &got), 0, "an order to purge is one of a whole bundle");
	is_number(got.kind, RESENDORDER_PURGE, "and is read as that");
	order.what.rows = 1;
	is_number(decode_again(&order, &got), VERDICT_BAD_LIMIT, "with rows it is none");
	order.what = (struct resendcode){1, 123, 0, 0};
	is_number(decode_again(&order, &got), VERDICT_BAD_LIMIT, "nor with a block");
	char text[RESEND_TEXT_BYTES];
	is_text(resendorder_describe(text, RESEND_ALL, 0), "all blocks, a whole pass", "a whole bundle in words");
	is_text(resendorder_describe(text, 65534, 255), "block 65534, 255 further repair rows", "rows of a block");
	is_text(resendorder_describe(text, RESEND_ALL, 1), "all blocks, 1 further repair row of each", "of each block");
}

/* ---- which rows go ---- */

static void test_plan(void)
{
	/* three blocks of k 4 and r 3: N is 14, and 7 rows are further ones */
	const struct geometry g = {.object_len = UINT64_C(3) * SEGMENT_BYTES, .row_len = 4096, .source_rows = 4, .repair_rows = 3};
	struct plan plan = {.passes = 1};
	struct plan_step step = {0};
	is_number(plan_resend(&step, &plan, &g, RESEND_ALL, 0), 0, "a whole pass of all blocks can be had");
	ok(step.first_block == 0 && step.block_end == 3 && step.first_row == 0 && step.row_end == 7 &&
	   step.not_before_ms == 0, "it is all rows of a pass, at once");
	plan_resend_ended(&plan, &step, &g);
	is_number(plan.passes, 2, "and counts as one");
	is_number(plan_resend(&step, &plan, &g, 2, 0), 0, "one of a block");
	ok(step.first_block == 2 && step.block_end == 3 && step.row_end == 7, "is that of the block alone");
	plan_resend_ended(&plan, &step, &g);
	is_number(plan.passes, 2, "and is no pass of the bundle");
	is_number(plan_resend(&step, &plan, &g, 1, 3), 0, "three further rows");
	ok(step.first_block == 1 && step.block_end == 2 && step.first_row == 11 && step.row_end == 14,
	   "are the last three of the code");
	is_number((int64_t)plan_step_bytes(&step, &g), INT64_C(3) * 4096, "as many bytes as three rows have");
	plan_resend_ended(&plan, &step, &g);
	is_number(plan_resend(&step, &plan, &g, RESEND_ALL, 4), 0, "four more");
	ok(step.first_row == 7 && step.row_end == 11 && step.block_end == 3, "are the next below, which have not gone yet");
	plan_resend_ended(&plan, &step, &g);
	is_number(plan_resend(&step, &plan, &g, 0, 7), 0, "when all have gone");
	ok(step.first_row == 7 && step.row_end == 14, "they go again");
	step.first_row = 99;
	is_number(plan_resend(&step, &plan, &g, 3, 0), VERDICT_BAD_LIMIT, "there is no fourth block");
	is_number(plan_resend(&step, &plan, &g, 0, 8), VERDICT_BAD_LIMIT, "and no eighth row");
	is_number(step.first_row, 99, "what is refused plans nothing");
}

/* Every number of further rows: it is as many, they are further ones, and the pointer wraps without a gap. */
static void test_plan_rows(void)
{
	const struct geometry g = {.object_len = UINT64_C(9) * SEGMENT_BYTES, .row_len = 4096, .source_rows = 36, .repair_rows = 8};
	uint32_t pass = 44, further = geometry_row_total(&g) - pass;
	unsigned int wrong = 0;
	for (uint32_t rows = 1; rows <= further; rows++) {
		struct plan plan = {.passes = 1};
		uint32_t seen = 0;
		for (unsigned int i = 0; i < 20; i++) {
			struct plan_step step;
			wrong += plan_resend(&step, &plan, &g, RESEND_ALL, (uint8_t)rows) != 0;
			wrong += (uint32_t)(step.row_end - step.first_row) != rows || step.first_row < pass ||
				 step.row_end > geometry_row_total(&g);
			/* fresh as long as there are that many that have not gone */
			wrong += seen + rows <= further && step.row_end != geometry_row_total(&g) - seen;
			seen = seen + rows <= further ? seen + rows : rows;
			plan_resend_ended(&plan, &step, &g);
		}
	}
	is_number(wrong, 0, "any number of further rows is that number, and fresh as long as that can be");
}

/* ---- what waits ---- */

static struct spool_item *sent_one(struct spool *spool)
{
	const struct night_push push = {
		.route = "tax", .person = night.people[WANG], .created = (uint64_t)time(NULL)};
	return night_sent(spool, &night, &push, push.created);
}

static void test_queue(struct spool *spool)
{
	struct resendqueue *queue = calloc(1, sizeof(*queue));
	struct spool_item *a = sent_one(spool), *b = sent_one(spool);
	struct resend_request got, first = {a, RESEND_ALL, 5};
	bool was_there = true;
	if (queue == NULL)
		abort();
	ok(!resendqueue_at(queue, spool, 0, &got), "zeros are an empty queue");
	ok(resendqueue_add(queue, &first, &was_there) == 0 && !was_there, "what is new was not there");
	ok(resendqueue_add(queue, &first, &was_there) == 0 && was_there && queue->count == 1, "twice is once");
	resendqueue_add(queue, &(struct resend_request){a, RESEND_ALL, 3}, &was_there);
	ok(resendqueue_at(queue, spool, 0, &got) && got.rows == 5, "fewer rows change nothing");
	resendqueue_add(queue, &(struct resend_request){a, RESEND_ALL, 9}, &was_there);
	ok(resendqueue_at(queue, spool, 0, &got) && got.rows == 9, "more rows are taken");
	resendqueue_add(queue, &(struct resend_request){a, RESEND_ALL, 0}, &was_there);
	ok(resendqueue_at(queue, spool, 0, &got) && got.rows == 0 && was_there, "a whole pass is more than any");
	resendqueue_add(queue, &first, &was_there);
	ok(resendqueue_at(queue, spool, 0, &got) && got.rows == 0, "and stays");
	resendqueue_add(queue, &(struct resend_request){a, 0, 5}, &was_there);
	resendqueue_add(queue, &(struct resend_request){b, RESEND_ALL, 5}, &was_there);
	ok(!was_there && queue->count == 3, "another block, and another bundle, have their own places");
	ok(resendqueue_at(queue, spool, 1, &got) && got.item == a && got.block == 0 &&
	   resendqueue_at(queue, spool, 2, &got) && got.item == b, "oldest first");
	is_number(resendqueue_count_of(queue, a), 2, "two of them are of one bundle");

	for (uint32_t block = 1; queue->count < RESENDQUEUE_MAX; block++)
		resendqueue_add(queue, &(struct resend_request){a, block, 1}, &was_there);
	const struct resend_request more = {b, 7, 1};
	ok(!resendqueue_has_room(queue, &more), "a full queue has no room");
	is_number(resendqueue_add(queue, &more, &was_there), VERDICT_BAD_LIMIT, "and takes nothing new");
	ok(resendqueue_has_room(queue, &first) && resendqueue_add(queue, &first, &was_there) == 0,
	   "what is there may be asked again");

	resendqueue_remove(queue, 0);
	ok(resendqueue_at(queue, spool, 0, &got) && got.block == 0, "what is ordered leaves its place to the next");
	if (spool_remove(spool, a) != 0)
		abort();
	ok(resendqueue_at(queue, spool, 0, &got) && got.item == b, "requests of a bundle that is gone go with it");
	ok(!resendqueue_at(queue, spool, 1, &got) && queue->count == 1, "all of them, as far as one looks");
	free(queue);
}

/* ---- what goes when ---- */

struct end {
	unsigned int gone, failed;
};

static void fail_nothing(void *context, struct spool_item *item, int error, uint64_t delay_ms)
{
	(void)context, (void)item, (void)error, (void)delay_ms;
}

static void count_end(void *context, const struct lineup_order *order, int error)
{
	struct end *end = context;
	ok(order->is_resend, "only what somebody has asked for is told of");
	end->gone += error == 0;
	end->failed += error != 0;
}

static void test_lineup(struct spool *spool)
{
	struct lineup *lineup = calloc(1, sizeof(*lineup));
	struct resendqueue *queue = calloc(1, sizeof(*queue));
	struct progress_page *seen = calloc(1, sizeof(*seen));
	const struct plan_terms terms = {.rate_bits_per_s = 1000000, .mtu = 1500, .passes = 1};
	struct end end = {0, 0};
	struct lineup_order order;
	struct resend_request got, request = {sent_one(spool), RESEND_ALL, 2};
	bool was_there;
	size_t index = 99;
	if (lineup == NULL || queue == NULL || seen == NULL)
		abort();
	lineup->resent = count_end;
	lineup->resent_context = &end;
	resendqueue_add(queue, &request, &was_there);
	request.item->state = SPOOL_READY;
	ok(!choice_resend(queue, spool, 0, &got, &index), "a bundle that has work has that first");
	request.item->state = SPOOL_SENT;
	request.item->retry_at_ms = 5;
	ok(!choice_resend(queue, spool, 4, &got, &index), "one that failed waits for its time");
	ok(choice_resend(queue, spool, 5, &got, &index) && index == 0 && got.rows == 2, "then it goes");
	lineup_set_resend(&order, &got);
	order.serial = 1;
	lineup_add(lineup, &order);
	ok(order.kind == TASK_WORK && request.item->is_ordered, "as work");
	ok(!choice_resend(queue, spool, 5, &got, &index), "of one bundle one request after the other");
	for (uint64_t serial = 2; serial <= 16; serial++) {
		ok(lineup_takes_resend(lineup), "there is a place for number %u", (unsigned int)serial);
		order.serial = serial;
		lineup_add(lineup, &order);
	}
	ok(!lineup_takes_resend(lineup), "a seventeenth leaves its place to what is new");
	seen->count = 2;
	seen->orders[0] = (struct order_progress){.serial = 1, .state = ORDER_SENT};
	seen->orders[1] = (struct order_progress){.serial = 2, .state = ORDER_FAILED, .error = -5};
	ok(lineup_collect(lineup, seen, &terms, 10, fail_nothing, NULL) && lineup->count == 14, "what emit is done with is taken out");
	ok(end.gone == 1 && end.failed == 1, "and told of, whether it went or not");
	is_number(request.item->plan.resent, 2, "further rows that went are not the next ones");
	free(seen);
	free(queue);
	free(lineup);
}

/* ---- what a code means here ---- */

static int find(struct releaser *releaser, const char *keyword, struct local_resend_found *out)
{
	char small[LOCAL_KEYWORD_BYTES];
	snprintf(small, sizeof(small), "%s", keyword);
	for (char *c = small; *c != 0; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return resend_find(releaser, small, out);
}

/* Another epoch that is, or is not, apart from this one. */
static uint64_t other_epoch(uint64_t epoch, bool is_apart)
{
	uint64_t other = epoch + 1;
	while (resendcode_epochs_are_apart(epoch, other) != is_apart)
		other++;
	return other;
}

static void test_find(struct spool *spool)
{
	struct releaser *releaser = calloc(1, sizeof(*releaser));
	struct spool_item *item = sent_one(spool);
	struct local_resend_found found = {0};
	char code[RESENDCODE_TEXT_BYTES];
	uint64_t epoch = spool_epoch(spool);
	if (releaser == NULL)
		abort();
	releaser->allowance.spool = spool;
	struct geometry g = offer_geometry(item);
	uint8_t further = (uint8_t)(geometry_row_total(&g) - g.source_rows - g.repair_rows);
	struct resendcode what = {item->release.route_id, item->release.number, 0, further};

	is_number(find(releaser, resendcode_write(code, &what, epoch), &found), 0, "a code finds its bundle");
	ok(found.by_code && found.what.rows == further && found.what.block == 0 && found.epoch == epoch &&
	   found.blocks == 1 && found.further_rows == further, "with what it names");
	is_text(found.name, item->name, "by its name");
	is_number(find(releaser, item->name, &found), 0, "so does its name");
	ok(!found.by_code && found.what.block == RESEND_ALL && found.what.rows == 0, "for a whole pass");
	what.block = 1;
	is_number(find(releaser, resendcode_write(code, &what, epoch), &found), VERDICT_BAD_CODE,
		  "a block that the bundle does not have was not printed by a receiver");
	what = (struct resendcode){item->release.route_id, item->release.number + 1000, RESEND_ALL, 0};
	is_number(find(releaser, resendcode_write(code, &what, epoch), &found), VERDICT_NOT_KEPT,
		  "a good code of what is gone says that it is gone");
	is_number(find(releaser, "tax-009999", &found), VERDICT_NOT_KEPT, "so does a name");
	is_number(find(releaser, "xyz", &found), VERDICT_BAD_CODE, "what is neither is a bad code");

	/* a sender that was put back keeps bundles of an earlier life */
	what.number = item->release.number;
	item->release.epoch = other_epoch(epoch, true);
	is_number(find(releaser, resendcode_write(code, &what, item->release.epoch), &found), 0,
		  "a code of an earlier epoch finds its bundle");
	ok(found.epoch == item->release.epoch, "by that epoch");
	is_number(find(releaser, resendcode_write(code, &what, epoch), &found), VERDICT_NOT_KEPT,
		  "and the same numbers in the newer one are another bundle");
	item->release.epoch = other_epoch(epoch, false);
	is_number(find(releaser, resendcode_write(code, &what, item->release.epoch), &found), VERDICT_BAD_CODE,
		  "codes of epochs that are not apart are not taken");
	is_number(find(releaser, item->name, &found), 0, "names are");
	item->release.epoch = epoch;
	item->release.statement.destroy_by = (uint64_t)time(NULL) - 1;
	is_number(find(releaser, item->name, &found), VERDICT_NOT_KEPT, "what should be destroyed is not sent");

	const struct night_push held = {
		.route = "tax", .person = night.people[WANG], .created = (uint64_t)time(NULL), .push_id = 77};
	night_hold(spool, &night, &held);
	char push_id[2 * PUSH_ID_BYTES + 1];
	uint8_t id[PUSH_ID_BYTES] = {77};
	is_number(find(releaser, text_hex(push_id, sizeof(push_id), id, sizeof(id)), &found), VERDICT_NO_SUCH_BUNDLE,
		  "what was never sent is not sent once more");
	free(releaser);
}

int main(void)
{
	suite_start();
	night_make(&night, "");
	struct spool *spool = night_spool(test_path("spool"));
	test_who_may();
	test_when();
	test_every_bit();
	test_form();
	test_plan();
	test_plan_rows();
	test_queue(spool);
	test_lineup(spool);
	test_find(spool);
	spool_close(spool);
	night_end(&night);
	return done_testing();
}
