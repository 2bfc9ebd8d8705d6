/*
 * expect: when a bundle of a route is expected, and whether it has come.  A pure function of what the registry
 * states (`expect = daily 06:00`, UTC) and of the times of deliveries.
 *
 * Each day has its due time.  It is met by a delivery since the due time of the day before.  When there was none, the
 * route is overdue from then on, and the next delivery, however late, is for that day: it is used up, and does not
 * stand for the day that follows.  One that stays overdue for days is so from the first of them.
 */
#ifndef WEIR_EXPECT_H
#define WEIR_EXPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/registry.h"

enum { EXPECT_DAY_S = 86400, EXPECT_BACK_DAYS = 8 };

enum expect_news {
	EXPECT_NOTHING,
	EXPECT_OVERDUE,  /* at overdue_s it was due, and nothing has come */
	EXPECT_MET_LATE, /* what was due at overdue_s has come now */
};

struct expect {
	uint32_t second_of_day;
	uint64_t due_s;     /* the next that is to be judged */
	uint64_t overdue_s; /* 0: not overdue */
	bool has_come;      /* something that is not used up, for due_s */
};

/* text as in the registry.  False when nothing is expected.  The first due time is that behind start_s. */
bool expect_begin(struct expect *out, const char *text, uint64_t start_s);
/*
 * Something was delivered: EXPECT_MET_LATE, with *was_due_s, or EXPECT_NOTHING.  In the order of time, with
 * expect_turn between.
 */
enum expect_news expect_deliver(struct expect *expect, uint64_t *was_due_s);
/* EXPECT_OVERDUE the first time that a due time has passed unmet; otherwise EXPECT_NOTHING. */
enum expect_news expect_turn(struct expect *expect, uint64_t now_s);

/*
 * A route as it stands after these deliveries, which need no order and are sorted: from EXPECT_BACK_DAYS ago on, but
 * not from before since_s (when the registry was issued).  False when nothing is expected.
 */
bool expect_replay(struct expect *out, const char *text, uint64_t since_s, uint64_t *deliveries, size_t count,
		   uint64_t now_s);

#endif
