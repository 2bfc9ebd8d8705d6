#include "receiver/sequence.h"

#include "tests/lib/tap.h"

static uint64_t number(uint64_t life, uint64_t low)
{
	return life << 32 | low;
}

int main(void)
{
	struct sequence s = {0};
	is_number((int64_t)sequence_lost(&s), 0, "before the first datagram nothing is lost");
	sequence_follow(&s, number(5, 1000));
	is_number((int64_t)sequence_lost(&s), 0, "what was sent before it does not count");
	sequence_follow(&s, number(5, 1003));
	is_number((int64_t)sequence_lost(&s), 2, "a gap is a loss");
	sequence_follow(&s, number(5, 1001));
	is_number((int64_t)sequence_lost(&s), 1, "until what lacked comes late");
	sequence_follow(&s, number(4, 9000));
	is_number((int64_t)sequence_lost(&s), 1, "an earlier life of the transmitter counts for nothing");
	sequence_follow(&s, number(6, 70));
	is_number((int64_t)sequence_lost(&s), 1, "a new life begins a new count and keeps the old");
	sequence_follow(&s, number(6, 80));
	is_number((int64_t)sequence_lost(&s), 10, "and adds to it");
	sequence_follow(&s, number(6, 69));
	is_number((int64_t)sequence_lost(&s), 10, "one from before the first was only late");
	for (int i = 0; i < 20; i++)
		sequence_follow(&s, number(6, 80));
	is_number((int64_t)sequence_lost(&s), 1, "duplicates hide losses, and never count below nothing");
	sequence_follow(&s, number(7, 0));
	sequence_follow(&s, number(7, 0xffffffff));
	is_number((int64_t)sequence_lost(&s), 1 + INT64_C(0xfffffffe), "the whole range is counted");
	return done_testing();
}
