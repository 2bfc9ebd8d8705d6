#include "sender/inspector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/registry.h"
#include "common/suite.h"
#include "common/verdict.h"
#include "tests/lib/tap.h"

enum { ROWS = 60000, MEMBERS = 5000 };

/* What a push was like. */
struct push {
	struct policy policy;
	struct route route;
	struct inspection inspection;
	struct inspector *inspector;
	uint32_t told;
	uint32_t columns; /* of all members together */
	bool in_order;
};

static void tell(void *context, uint32_t member, uint32_t columns)
{
	struct push *push = context;
	push->in_order = push->in_order && member == push->told;
	push->told++;
	push->columns += columns;
}

static void begin(struct push *push)
{
	if (inspection_start(&push->inspection, &push->route) != 0 ||
	    inspector_new(&push->inspector, &push->inspection, tell, push) != 0)
		abort();
}

static void start(struct push *push, bool needs_control)
{
	static const struct policy_column columns[] = {{.name = "id", .is_unique = true}, {.name = "note"}};
	static const struct policy_pattern patterns[] = {{"note", "secret"}};
	*push = (struct push){
		.policy = {.name = "p", .version = 1, .encoding = ENCODING_UTF8, .needs_control = needs_control},
		.in_order = true,
	};
	push->policy.columns = columns;
	push->policy.column_count = 2;
	push->policy.patterns = patterns;
	push->policy.pattern_count = 1;
	push->route.policy = &push->policy;
	push->route.format = FORMAT_CSV;
	begin(push);
}

static void end(struct push *push)
{
	inspector_free(push->inspector);
	inspection_close(&push->inspection);
}

static int add_member(struct push *push, const char *name, const char *data, size_t len, size_t piece)
{
	bool is_control;
	int result = inspector_member_begin(push->inspector, name, &is_control);
	for (size_t at = 0; result == 0 && at < len; at += piece)
		result = inspector_add(push->inspector, data + at, len - at < piece ? len - at : piece);
	return result != 0 ? result : inspector_member_end(push->inspector);
}

/* A table of several batches, its last row as given; *len of it. */
static char *make_table(const char *last, size_t *len)
{
	static const size_t row_max = 40;
	char *data = malloc((ROWS + 2) * row_max);
	if (data == NULL)
		abort();
	*len = (size_t)snprintf(data, row_max, "id,note\n");
	for (unsigned int i = 0; i < ROWS; i++)
		*len += (size_t)snprintf(data + *len, row_max, "%u,nothing of interest %u\n", i, i % 7);
	*len += (size_t)snprintf(data + *len, row_max, "%s\n", last);
	return data;
}

static void test_pieces(void)
{
	static const size_t pieces[] = {1, 1000, INSPECTOR_BATCH_BYTES, 5 * INSPECTOR_BATCH_BYTES};
	struct push push;
	size_t len;
	char *good = make_table("x,last", &len);
	ok(len > (size_t)INSPECTOR_BATCHES * INSPECTOR_BATCH_BYTES, "a table of more than all batches");
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		start(&push, false);
		is_number(add_member(&push, "a.csv", good, len, pieces[i]), 0, "it is taken in pieces of %zu",
			  pieces[i]);
		is_number(inspector_settle(push.inspector), 0, "and passes");
		ok(push.told == 1 && push.columns == 2, "its columns are told");
		end(&push);
	}
	free(good);
	char *bad = make_table("x,a secret", &len);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		start(&push, false);
		int result = add_member(&push, "a.csv", bad, len, pieces[i]);
		ok(result == 0 || result == VERDICT_AGAINST_POLICY, "a bad one is found at some time");
		is_number(inspector_settle(push.inspector), VERDICT_AGAINST_POLICY,
			  "when it settles at the latest, in pieces of %zu", pieces[i]);
		is_text(inspection_about(&push.inspection), "a.csv:60002: column note: rule deny 1", "and where");
		is_number(push.told, 0, "of its columns nothing is told");
		end(&push);
	}
	free(bad);
}

static void test_results_stay(void)
{
	struct push push;
	bool is_control;
	start(&push, false);
	add_member(&push, "a.csv", "id,note\n1,secret\n", 17, 17);
	is_number(inspector_settle(push.inspector), VERDICT_AGAINST_POLICY, "a row is refused");
	is_number(inspector_member_begin(push.inspector, "b.csv", &is_control), VERDICT_AGAINST_POLICY,
		  "a member after it, too");
	is_number(inspector_add(push.inspector, "x", 1), VERDICT_AGAINST_POLICY, "bytes");
	is_number(inspector_member_end(push.inspector), VERDICT_AGAINST_POLICY, "an end");
	is_number(inspector_push(push.inspector), VERDICT_AGAINST_POLICY, "a push");
	is_number(inspector_settle(push.inspector), VERDICT_AGAINST_POLICY, "and whatever follows");
	is_text(inspection_about(&push.inspection), "a.csv:2: column note: rule deny 1", "for the same reason");
	end(&push);
}

static void test_members(void)
{
	struct push push;
	char name[40], row[40];
	int result = 0;
	start(&push, false);
	for (unsigned int i = 0; result == 0 && i < MEMBERS; i++) {
		snprintf(name, sizeof(name), "%06u.csv", i);
		size_t len = (size_t)snprintf(row, sizeof(row), "id,note\n%u,x\n", i);
		result = add_member(&push, name, row, len, len);
	}
	is_number(result, 0, "many members are taken");
	is_number(inspector_settle(push.inspector), 0, "and pass");
	ok(push.told == MEMBERS && push.in_order && push.columns == 2 * MEMBERS,
	   "the columns of each are told, in order");
	is_number(inspector_settle(push.inspector), 0, "nothing is left to settle");
	add_member(&push, "9.csv", "id,note\n7,again\n", 16, 1);
	is_number(inspector_settle(push.inspector), VERDICT_AGAINST_POLICY,
		  "a value of the first batch is known in the last");
	end(&push);
}

static void test_control(void)
{
	struct push push;
	bool is_control = true;
	start(&push, true);
	is_number(inspector_member_begin(push.inspector, "a.csv", &is_control), 0, "a member begins");
	ok(!is_control, "it is no control file");
	inspector_add(push.inspector, "id,note\n1,x\n", 12);
	inspector_member_end(push.inspector);
	is_number(inspector_member_begin(push.inspector, "a.csv.count", &is_control), 0, "another one");
	ok(is_control, "is");
	inspector_add(push.inspector, "2", 1);
	inspector_member_end(push.inspector);
	is_number(inspector_settle(push.inspector), VERDICT_AGAINST_POLICY, "with a wrong number");
	end(&push);
}

/* Without a policy bytes matter to caps alone. */
static void test_no_policy(void)
{
	static const struct {
		uint64_t max_records, max_bytes;
		int result;
		bool looks;
	} routes[] = {
		{0, 0, 0, false},
		{1, 0, VERDICT_AGAINST_POLICY, true},
		{2, 0, 0, true},
		{0, 13, VERDICT_AGAINST_POLICY, true},
		{0, 14, 0, true},
	};
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		struct push push = {.in_order = true};
		push.route.format = FORMAT_CSV;
		push.route.max_records = routes[i].max_records;
		push.route.max_bytes = routes[i].max_bytes;
		begin(&push);
		ok(inspection_looks(&push.inspection) == routes[i].looks, "who has caps looks at bytes");
		add_member(&push, "a.csv", "id\n123\n", 7, 3);
		add_member(&push, "b.csv", "id\n123\n", 7, 7);
		is_number(inspector_settle(push.inspector), routes[i].result, "caps of %d records and %d bytes hold",
			  (int)routes[i].max_records, (int)routes[i].max_bytes);
		is_number(push.told, routes[i].result == 0 ? 2 : 1, "members are told of");
		end(&push);
	}
}

/* Batches that nobody has taken back are dropped, and the thread is ended first. */
static void test_early_end(void)
{
	struct push push;
	size_t len;
	char *table = make_table("x,last", &len);
	for (unsigned int i = 0; i < 20; i++) {
		start(&push, false);
		add_member(&push, "a.csv", table, len * i / 20, 70000);
		if (i % 2 == 0)
			inspector_push(push.inspector);
		end(&push);
	}
	free(table);
	ok(true, "it can end at any time");
	inspector_free(NULL);
}

int main(void)
{
	if (suite_start() != 0)
		return 1;
	test_pieces();
	test_results_stay();
	test_members();
	test_control();
	test_no_policy();
	test_early_end();
	return done_testing();
}
