/*
 * ledgerevent: the events of LEDGER.md 6, and how a person is told of them.
 */
#ifndef WEIR_LEDGEREVENT_H
#define WEIR_LEDGEREVENT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * "a push was accepted"; is_done false, when the result is not ok: "an approval was refused".  NULL for an event
 * that is not in the list.
 */
const char *ledger_event_phrase(const char *event, size_t len, bool is_done);

#endif
