/*
 * expect: when a bundle of a route is expected, and whether one has come: at the sender, was released, and at the
 * receiver, delivered.  A pure function of what the registry states (`expect = daily 06:00`, UTC) and of the times at
 * which bundles come.
 *
 * Each day has its due time.  It is met by what has come since the due time of the day before.  When there was nothing,
 * the route is overdue from then on, and what comes next, however late, is for that day: it is used up, and does not
 * stand for the day that follows.  One that stays overdue for days is so from the first of them.
 */
#ifndef WEIR_EXPECT_H
#define WEIR_EXPECT_H

#include <stdbool.h>
#include <stdint.h>

enum { EXPECT_DAY_S = 86400 };

enum expect_news {
	EXPECT_NOTHING,
	EXPECT_OVERDUE,  /* at overdue_s it was due, and nothing has come */
	EXPECT_MET_LATE, /* what was due has come now */
};

struct expect {
	uint64_t due_s;     /* the next that is to be judged */
	uint64_t overdue_s; /* 0: not overdue */
	bool has_come;      /* something that is not used up, for due_s */
};

/* text as in the registry.  False when nothing is expected.  The first due time is that behind now_s. */
bool expect_begin(struct expect *out, const char *text, uint64_t now_s);
/* At the same time of the day. */
bool expect_is_same(const struct expect *a, const struct expect *b);
/*
 * Something has come: EXPECT_MET_LATE, with *was_due_s, or EXPECT_NOTHING.  In the order of time, with
 * expect_turn between.
 */
enum expect_news expect_deliver(struct expect *expect, uint64_t *was_due_s);
/*
 * EXPECT_OVERDUE the first time that a due time has passed unmet; otherwise EXPECT_NOTHING.  After the clock was set
 * back by more than a day, days that are ahead again have not been.
 */
enum expect_news expect_turn(struct expect *expect, uint64_t now_s);

#endif
