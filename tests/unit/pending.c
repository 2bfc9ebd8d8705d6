#include "receiver/pending.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/tap.h"

enum { SIZE = 131072 };

struct seen {
	uint32_t first, next; /* numbers, ascending */
	unsigned int count, wrong;
	uint32_t modulo; /* takes the numbers that it divides; 0: none */
};

static size_t fill(uint8_t *out, uint32_t number)
{
	size_t len = 4 + number * 7919 % 9000;
	memset(out, (int)(number & 0xff), len);
	memcpy(out, &number, 4);
	return len;
}

static bool look(void *context, const uint8_t *datagram, size_t len)
{
	struct seen *seen = context;
	static uint8_t wanted[16384];
	uint32_t number;
	memcpy(&number, datagram, 4);
	if (seen->count == 0)
		seen->first = number;
	else
		seen->wrong += number < seen->next;
	seen->wrong += fill(wanted, number) != len || memcmp(wanted, datagram, len) != 0;
	seen->next = number + 1;
	seen->count++;
	return seen->modulo != 0 && number % seen->modulo == 0;
}

int main(void)
{
	static uint8_t datagram[65536];
	struct pending *pending = pending_new(SIZE);
	struct seen seen = {0};
	unsigned int dropped = 0;
	pending_replay(pending, look, &seen);
	is_number(seen.count, 0, "an empty buffer replays nothing");
	for (uint32_t i = 0; i < 5000; i++)
		dropped += pending_add(pending, datagram, fill(datagram, i));
	pending_replay(pending, look, &seen);
	is_number(seen.wrong, 0, "datagrams come out whole and in order");
	ok(seen.next == 5000 && seen.count < 100, "the newest are there, the oldest are not");
	is_number(seen.count, (int64_t)pending_count(pending), "as many as are counted");
	is_number(dropped, 5000 - seen.count, "each one that was driven out was told");
	is_number(5000 - seen.first, seen.count, "none is missing between");

	unsigned int before = seen.count;
	seen = (struct seen){.modulo = 3};
	pending_replay(pending, look, &seen);
	is_number(seen.count, before, "what nobody took waits");
	seen = (struct seen){0};
	pending_replay(pending, look, &seen);
	ok(seen.count < before && seen.count >= before / 2 && seen.wrong == 0, "what was taken is gone");
	seen = (struct seen){.modulo = 1};
	pending_replay(pending, look, &seen);
	is_number((int64_t)pending_count(pending), 0, "when all is taken it is empty");
	is_number(pending_add(pending, datagram, 65535), 0, "it takes the largest datagram");
	is_number(pending_add(pending, datagram, 65535), 1, "a second one drives out the first");
	is_number(pending_add(pending, datagram, 0), 0, "and an empty one nothing");
	pending_free(pending);
	pending_free(NULL);
	return done_testing();
}
