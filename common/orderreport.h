/*
 * orderreport: a standing order for a person, on standard output.
 *
 * The registry judges it at a time, each signature apart; an order that has not begun is judged at its
 * beginning.  registry NULL: nothing is judged, and the report says so.
 */
#ifndef WEIR_ORDERREPORT_H
#define WEIR_ORDERREPORT_H

#include "json.h"
#include "order.h"

/* The verdict that the reports print: order_check at `now`, or at the order's beginning. */
int order_report_verdict(const struct order *order, const struct registry *registry, uint64_t now);
/* One page in words. */
void order_report_text(const struct order *order, const struct registry *registry, uint64_t now);
/* The same as JSON, for the caller to add to and to free. */
struct json *order_report_object(const struct order *order, const struct registry *registry, uint64_t now);
/* As JSON: 0, or as json_print. */
int order_report_json(const struct order *order, const struct registry *registry, uint64_t now);

#endif
