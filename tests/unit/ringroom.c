#include "receiver/ringroom.h"

#include <errno.h>
#include <string.h>

#include "common/datagram.h"
#include "receiver/ring.h"
#include "tests/lib/tap.h"

/* Whatever comes at a rate, datagram by datagram, for so long: does a real ring hold it? */
static void test_holds(uint64_t rate, uint32_t mtu, uint64_t stall_ms, uint32_t symbols)
{
	struct ring *ring = NULL;
	uint64_t bytes = ringroom_bytes(rate, mtu, stall_ms), sent = 0, dropped = 0;
	uint64_t due = rate / 8 * stall_ms / 1000;
	size_t len = datagram_len(symbols);
	is_number(ring_open(&ring, test_dir(), bytes), 0, "a ring for %llu ms at %llu Mbit/s is made",
		  (unsigned long long)stall_ms, (unsigned long long)(rate / 1000000));
	while (sent < due + due / 20) { /* 5 % more than the rate */
		sent += len + IP_UDP_BYTES;
		if (ring_reserve(ring) == NULL)
			dropped++;
		else
			ring_publish(ring, (uint32_t)len, (uint32_t)len);
	}
	is_number((int64_t)dropped, 0, "it holds all of it in datagrams of %zu bytes, each in a record of its own", len);
	uint64_t more = 0;
	while (ring_reserve(ring) != NULL) {
		ring_publish(ring, (uint32_t)len, (uint32_t)len);
		more += len;
	}
	ok(more <= due / 16 + 5 * RING_RECORD_MAX, "and not much more: %llu bytes", (unsigned long long)more);
	uint64_t ms = ringroom_ms(bytes, rate, mtu);
	ok(ms + 2 >= stall_ms && ms <= stall_ms + 1, "asked the other way round, it holds for %llu ms",
	   (unsigned long long)ms);
	ring_close(ring);
}

static void test_room(void)
{
	const uint64_t gib = UINT64_C(1) << 30;
	struct ringroom room = {.file_system = 2 * gib, .memory = 4 * gib};
	is_number(ringroom_judge(&room, gib), 0, "a ring of 1 GiB fits");
	is_number(ringroom_judge(&room, 2 * gib + 1), -ENOSPC, "one that is larger than the file system does not");
	room.file_system = 8 * gib;
	is_number(ringroom_judge(&room, 4 * gib - RINGROOM_SPARE), 0, "one that leaves others their share does");
	is_number(ringroom_judge(&room, 4 * gib - RINGROOM_SPARE + 1), -ENOMEM, "one that does not, does not");
	room.memory = 1;
	is_number(ringroom_judge(&room, 1), -ENOMEM, "and nothing does where no memory is left");
	struct ring *ring = NULL;
	is_number(ring_open(&ring, test_dir(), UINT64_C(1) << 50), -ENOSPC, "such a ring is not made");
	ok(ring == NULL, "and not there");
	struct config config = {.ring_bytes = UINT64_C(1) << 50, .mtu = 1500};
	char text[RINGROOM_TEXT_BYTES];
	strcpy(config.runtime, test_dir());
	ringroom_explain(text, &config, -ENOSPC);
	ok(strstr(text, "it takes ") == text && strstr(text, "lower 'ring_mib'") != NULL, "what to change is said: %s",
	   text);
	config.ride_out_stall_ms = 60000;
	ringroom_explain(text, &config, -ENOMEM);
	ok(strstr(text, "lower 'rate' or 'ride_out_stall_ms', or add memory") != NULL, "also of the memory: %s", text);
	ringroom_explain(text, &config, -EACCES);
	is_text(text, "Permission denied", "and any other result in its own words");
}

static void test_size(void)
{
	struct config config = {.ring_bytes = 16 << 20, .mtu = 1500};
	is_number((int64_t)ringroom_size(&config), 16 << 20, "without a stall the ring is as large as it is said to be");
	config.ride_out_stall_ms = 2000;
	config.rate_bits_per_s = 1000000;
	is_number((int64_t)ringroom_size(&config), 16 << 20, "a stall at a small rate takes the least");
	config.rate_bits_per_s = 2000000000;
	is_number((int64_t)(ringroom_size(&config) >> 20), 519, "two seconds at 2 Gbit/s take 519 MiB");
	ok(ringroom_ms(1 << 30, 0, 1500) == UINT64_MAX, "without a rate a ring holds for ever");
}

int main(void)
{
	test_holds(400000000, 1500, 500, 11);
	test_holds(400000000, 9000, 500, 69);
	test_holds(400000000, 1500, 500, 10);
	test_holds(40000000, 9000, 2000, 69);
	test_room();
	test_size();
	return done_testing();
}
