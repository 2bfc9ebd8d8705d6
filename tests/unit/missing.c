#include "receiver/missing.h"

#include <string.h>

#include "tests/lib/tap.h"

#define NOW UINT64_C(1795478400)

static const struct missing_link heard = {
	.heartbeat_s = NOW - 1, .heard_since_s = NOW - 9000, .waiting = 0, .busy_s = NOW - 8000,
	.heal_rate = 1000000, .heal_round = 3000000, .data_s = NOW - 2,
};
/* Lost: a pass ended long enough ago, and it is still offered. */
static const struct missing_facts lost = {
	.since_s = NOW - 100, .passed_s = NOW - 50, .offered_until = NOW + 86400,
};

static struct missing_judgement judge(const struct missing_facts *facts, const struct missing_link *link)
{
	struct missing_judgement j;
	missing_judge(&j, facts, link, NOW);
	return j;
}

/* What LINK.md 5 and the header's sentences say, said again by other means, over all combinations. */
static enum missing_kind expected(const struct missing_facts *f, bool is_sending)
{
	bool is_settled = f->passed_s != 0 && f->passed_s + MISSING_GRACE_S <= NOW;
	if (f->is_refused)
		return f->is_repeated ? MISSING_REPEATED : MISSING_REFUSED;
	if (f->is_whole)
		return MISSING_WAITS;
	if (!is_settled)
		return f->passed_s == 0 && !is_sending ? MISSING_UNSENT : MISSING_ON_ITS_WAY;
	return !f->has_come ? MISSING_WHOLE : f->is_tail ? MISSING_TAIL : MISSING_PART;
}

static void all_combinations(void)
{
	static const uint64_t passed[] = {0, NOW + 5, NOW, NOW - 2, NOW - 3, NOW - 4, NOW - 100000};
	static const uint64_t until[] = {0, NOW, NOW + 1, NOW + 86400};
	static const uint64_t rates[] = {0, 1000000};
	static const uint64_t waits[] = {0, 5000000};
	static const uint64_t beats[] = {0, NOW - 1000, NOW - 6, NOW - 5, NOW, NOW + 3};
	unsigned int kinds = 0, mores = 0, early = 0, unnamed = 0, bounds = 0, count = 0;
	for (unsigned int bits = 0; bits < 32; bits++)
	for (size_t p = 0; p < 7; p++)
	for (size_t u = 0; u < 4; u++)
	for (size_t r = 0; r < 2; r++)
	for (size_t w = 0; w < 2; w++)
	for (size_t b = 0; b < 6; b++)
	for (int is_sending = 0; is_sending < 2; is_sending++) {
		struct missing_facts f = {
			.is_whole = bits & 1, .is_refused = bits & 2, .is_repeated = bits & 4, .has_come = bits & 8,
			.is_tail = bits & 16, .since_s = NOW - 5000, .passed_s = passed[p], .offered_until = until[u],
		};
		struct missing_link l = heard;
		l.heartbeat_s = beats[b];
		l.heal_rate = rates[r];
		l.waiting = waits[w];
		l.data_s = is_sending ? NOW - 600 : NOW - 607;
		bool is_silent = beats[b] == 0 || beats[b] + MISSING_SILENT_S < NOW;
		struct missing_judgement j = judge(&f, &l);
		bool is_loss = missing_is_lost(j.kind);
		enum missing_more more = MORE_NOT;
		if (is_silent && !f.is_refused && !f.is_whole)
			more = MORE_UNKNOWN;
		else if (j.kind == MISSING_ON_ITS_WAY || j.kind == MISSING_UNSENT)
			more = MORE_MAY_COME;
		else if (is_loss && until[u] > NOW)
			more = rates[r] > 0 ? MORE_COMES : waits[w] > 0 ? MORE_MAY_COME : MORE_NOT;
		count++;
		kinds += j.kind != expected(&f, is_sending || is_silent);
		mores += j.more != more;
		early += is_loss && (passed[p] == 0 || passed[p] + 3 > NOW);
		unnamed += !is_loss && passed[p] != 0 && passed[p] + 3 <= NOW && !f.is_whole && !f.is_refused;
		bounds += (j.by != 0) != (j.more == MORE_COMES) || j.is_late != (j.by != 0 && j.by < NOW);
	}
	is_number(kinds, 0, "in %u combinations the kind is what was expected", count);
	is_number(mores, 0, "and so is whether more comes");
	is_number(early, 0, "nothing is called lost before a pass has ended and the grace is over");
	is_number(unnamed, 0, "from then on all that is not here is");
	is_number(bounds, 0, "a time is given exactly where more comes");
}

static void by_when(void)
{
	struct missing_link l = heard;
	is_number((int64_t)judge(&lost, &l).by, NOW - 50 + 606, "an idle link brings it within ten minutes and two rounds of the loss");
	l.heal_round = UINT64_C(900000000);
	is_number((int64_t)judge(&lost, &l).by, NOW - 50 + 2400, "however long one of them takes");
	l.waiting = 40000000;
	is_number((int64_t)judge(&lost, &l).by, NOW - 50 + 2440, "what waits goes first");
	l.busy_s = NOW - 10;
	is_number((int64_t)judge(&lost, &l).by, NOW - 10 + 2440, "and so does what came between");
	l.heard_since_s = NOW - 4;
	is_number((int64_t)judge(&lost, &l).by, NOW - 4 + 2440, "a sender that was silent is counted from when it is heard again");
	l.waiting = UINT64_MAX;
	l.heal_rate = 1;
	l.heal_round = UINT64_MAX;
	is_number((int64_t)(judge(&lost, &l).by >> 1), INT64_MAX, "nonsense in a heartbeat gives no early time");
	struct missing_facts old = lost;
	old.passed_s = NOW - 607;
	ok(judge(&old, &heard).is_late && !judge(&lost, &heard).is_late, "a time that has passed is said to have");
}

static void clocks(void)
{
	struct missing_facts f = lost;
	struct missing_link l = heard;
	f.passed_s = NOW + 100;
	is_number(judge(&f, &l).kind, MISSING_ON_ITS_WAY, "a clock that was set back makes nothing lost");
	l.heartbeat_s = NOW + 100;
	ok(!missing_is_silent(&l, NOW), "and no sender silent");
}

static void names(void)
{
	char all[256] = "";
	for (int kind = 0; kind < MISSING_KIND_COUNT; kind++) {
		strcat(all, missing_name((enum missing_kind)kind));
		strcat(all, missing_is_wrong((enum missing_kind)kind) ? "! " : " ");
	}
	is_text(all, "on-its-way unsent! waits! whole! tail! part! refused! repeated ", "kinds have names");
	is_text(missing_more_name(MORE_COMES), "comes", "and so has what is coming");
}

int main(void)
{
	all_combinations();
	by_when();
	clocks();
	names();
	return done_testing();
}
