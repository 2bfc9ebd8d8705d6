/*
 * Any bytes as a standing order: decoded or refused; what was decoded encodes to the same bytes, can be
 * described and asked, and no signature of it is good.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
	"[registry]\nformat = 1\nname = moi\nversion = 7\nissued = 2026-01-01\nexpires = 2027-01-01\n"
	"[person wang-mei]\nroles = operator\n"
	"public = 13fd1cf1a818d3b0d4fba5381f99742c7ff45dc25bb3654d3b9cb0e078d49113\n"
	"[recipient tax-agency]\n"
	"public = 358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254\n"
	"psk = 404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f\n"
	"[route tax]\nid = 1\nrecipients = tax-agency\noperators = wang-mei\nformat = csv\n"
	"records = required\ndestroy_after_days = 30\npriority = 4\n";

static void ask(const struct order *order)
{
	char problem[PROBLEM_BYTES], window[ORDER_WINDOW_TEXT_BYTES];
	struct registry *registry = NULL;
	struct order_use use = {order->not_before, order->max_bytes, order->max_records, order->max_pushes - 1};
	int result = order_covers(order, &use, problem);
	assert(strlen(order_window_text(window, order)) + 1 < sizeof(window));
	assert((result == 0) == (problem[0] == 0) && strlen(problem) + 1 < sizeof(problem));
	use.pushes_today = order->max_pushes;
	assert(order_covers(order, &use, problem) != 0);
	if (registry_parse(&registry, (const uint8_t *)text, sizeof(text) - 1, NULL, problem) != 0)
		abort();
	assert(order_check(order, registry, order->not_before) != 0);
	registry_free(registry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct order order;
	uint8_t out[ORDER_BYTES_MAX];
	if (suite_start() != 0 || order_decode(&order, data, size) != 0)
		return 0;
	assert(order.signer_count <= ORDER_SIGNERS_MAX && order_encoded_len(&order) == size);
	assert(order_encode(out, &order) == size && memcmp(out, data, size) == 0);
	for (size_t i = 1; i < order.signer_count; i++)
		assert(memcmp(order.signers[i - 1].key_id, order.signers[i].key_id, KEY_ID_BYTES) < 0);
	ask(&order);
	return 0;
}
