/*
 * outbox_order: what the words of `weir-outbox order` share: one table of options, the registry that
 * orders are judged by, and order files.
 */
#ifndef WEIR_OUTBOX_ORDER_H
#define WEIR_OUTBOX_ORDER_H

#include <stdbool.h>

#include "common/order.h"
#include "common/registry.h"

enum order_option {
	ORDER_OPTION_ROUTE,
	ORDER_OPTION_KIND,
	ORDER_OPTION_FROM,
	ORDER_OPTION_UNTIL,
	ORDER_OPTION_WINDOW,
	ORDER_OPTION_DAYS,
	ORDER_OPTION_MAX_BYTES,
	ORDER_OPTION_MAX_RECORDS,
	ORDER_OPTION_PUSHES,
	ORDER_OPTION_MACHINE,
	ORDER_OPTION_OUT,
	ORDER_OPTION_KEY,
	ORDER_OPTION_PERSON,
	ORDER_OPTION_PASSPHRASE_FILE,
	ORDER_OPTION_REGISTRY,
	ORDER_OPTION_ROOTS,
	ORDER_OPTION_CONFIG,
	ORDER_OPTION_JSON,
	ORDER_OPTION_COUNT
};

/* NULL for an option that was not given; "" for --json. */
struct order_options {
	const char *value[ORDER_OPTION_COUNT];
	const char *operand; /* a FILE, or the ID of an order; NULL when the word takes none */
};

/* Each gives EXIT_DONE, or the exit code after saying what is wrong. */
int order_load_registry(struct registry **out, const struct order_options *options);
int order_load_file(struct order *out, const char *path);
/* The page, or JSON when that was asked for.  registry NULL: nothing is judged. */
int order_print(const struct order *order, const struct registry *registry,
		const struct order_options *options);

/* The words of the command. */
int outbox_order_new(const struct order_options *options);
int outbox_order_sign(const struct order_options *options);
int outbox_order_show(const struct order_options *options);
int outbox_order_load(const struct order_options *options);
int outbox_order_list(const struct order_options *options);
int outbox_order_revoke(const struct order_options *options);

#endif
