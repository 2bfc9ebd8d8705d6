/*
 * lineup: what is ordered of emit at a time, and what becomes of it.  The decisions of dispatcher.h without its
 * pages: no clock, no file, so that the simulator runs them as they are.
 */
#ifndef WEIR_LINEUP_H
#define WEIR_LINEUP_H

#include "choice.h"
#include "orders.h"
#include "resendqueue.h"

struct lineup_order {
	uint64_t serial;
	struct spool_item *item;
	enum task_kind kind;
	struct plan_step step;
	bool is_resend; /* what a person has asked for: */
	struct resend_request request;
};

/* Of an order that was one: it has gone, or error says why it has not. */
typedef void lineup_resent(void *context, const struct lineup_order *order, int error);

/* Filled with zeros nothing is ordered. */
struct lineup {
	size_t count;
	struct lineup_order orders[ORDERS_MAX];
	bool has_passed; /* a pass has ended since somebody made this false */
	lineup_resent *resent; /* NULL: nobody asks for anything */
	void *resent_context;
};

/*
 * What is to be ordered next, without its serial; false when nothing is, or no place is free.  Healing waits in
 * emit for an idle link, so work is asked for first.
 */
bool lineup_next_work(struct lineup_order *out, const struct lineup *lineup, const struct choice *choice);
bool lineup_next_heal(struct lineup_order *out, const struct lineup *lineup, const struct choice *choice);
/* Whether there is a place for what a person has asked for; a whole day of it leaves places for what is new. */
bool lineup_takes_resend(const struct lineup *lineup);
/* As it is to be ordered, without its serial.  The request is one that plan_resend takes. */
void lineup_set_resend(struct lineup_order *out, const struct resend_request *request);
void lineup_add(struct lineup *lineup, const struct lineup_order *order);

/*
 * What a hold before this one has ordered goes on under its serial, so that emit does not begin it again: taken
 * over when it is work, and the very step that is due for the item.
 */
void lineup_adopt(struct lineup *lineup, struct spool_item *item, const struct task *task,
		  const struct plan_terms *terms);

/* Takes out what emit has sent or failed to send.  True when there was any. */
typedef void lineup_failed(void *context, struct spool_item *item, int error, uint64_t delay_ms);
bool lineup_collect(struct lineup *lineup, const struct progress_page *seen, const struct plan_terms *terms,
		    uint64_t now_ms, lineup_failed *failed, void *context);

/* An item that goes from the spool. */
void lineup_forget(struct lineup *lineup, const struct spool_item *item);

/* Of an order, what emit tells; NULL when it has not taken it up. */
const struct order_progress *lineup_progress(const struct progress_page *seen, uint64_t serial);

/* What has had all its work belongs into sent/. */
bool lineup_is_sent(const struct spool_item *item, const struct plan_terms *terms);
/* What lies in sent/ has had all its work, in whichever life of hold. */
void lineup_note_sent(struct spool_item *const *items, size_t count, const struct plan_terms *terms);

#endif
