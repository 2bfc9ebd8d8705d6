/* What weir-link tells the daemons: LAYERS.md 3. */
#include "common/linkstate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/verdict.h"
#include "tests/lib/tap.h"

/* As in LAYERS.md 3, with every kind of line. */
static const char example[] = "weir-link 1\n"
			      "side sender\n"
			      "interface enp1s0\n"
			      "at 7231543\n"
			      "loaded 7230017\n"
			      "frames nic 0\n"
			      "frames nft 2\n"
			      "layer nic holds\n"
			      "layer role holds\n"
			      "layer arp missing\n"
			      "found ARP is on at enp1s0\n"
			      "mend ip link set dev enp1s0 arp off\n"
			      "layer multicast holds\n"
			      "layer ipv6 holds\n"
			      "layer neighbour holds\n"
			      "layer route holds\n"
			      "layer forwarding holds\n"
			      "layer bridge holds\n"
			      "layer lldp holds\n"
			      "layer pause holds\n"
			      "layer nft holds\n"
			      "layer xdp absent\n"
			      "end\n";
enum { EXAMPLE_BYTES = sizeof(example) - 1 };

static int decode(struct linkstate *out, const char *text)
{
	return linkstate_decode(out, (const uint8_t *)text, strlen(text));
}

static void test_example(void)
{
	struct linkstate state;
	char text[LINKSTATE_BYTES_MAX + 1];
	is_number(decode(&state, example), VERDICT_OK, "the example is read");
	ok(state.side == CONFIG_SENDER && strcmp(state.interface, "enp1s0") == 0 && state.at_ms == 7231543 &&
		   state.loaded_ms == 7230017,
	   "its head is what it says");
	ok(state.frames.is_counted[FRAMES_NIC] && state.frames.count[FRAMES_NIC] == 0 &&
		   state.frames.count[FRAMES_NFT] == 2 && !state.frames.is_counted[FRAMES_XDP],
	   "so are its counters");
	ok(state.layers[LAYER_NIC].state == LAYER_HOLDS && state.layers[LAYER_ARP].state == LAYER_MISSING &&
		   state.layers[LAYER_XDP].state == LAYER_ABSENT,
	   "and its layers");
	is_text(state.layers[LAYER_ARP].found, "ARP is on at enp1s0", "with what was found");
	is_text(state.layers[LAYER_ARP].mend, "ip link set dev enp1s0 arp off", "and what mends it");
	is_number(linkstate_encode(text, sizeof(text), &state), EXAMPLE_BYTES, "it is written as it was read");
	is_text(text, example, "to the byte");
	for (size_t size = 1; size <= EXAMPLE_BYTES; size++)
		if (linkstate_encode(text, size, &state) != -ENOSPC)
			ok(false, "%zu bytes are too few", size);
	is_number(linkstate_encode(text, EXAMPLE_BYTES + 1, &state), EXAMPLE_BYTES, "and needs no more room than it has");
}

static void test_longest(void)
{
	struct linkstate state = {.side = CONFIG_SENDER, .at_ms = INT64_MAX, .loaded_ms = INT64_MAX}, back;
	char text[LINKSTATE_BYTES_MAX + 1];
	memset(state.interface, 'i', sizeof(state.interface) - 1);
	for (int i = 0; i < FRAMES_SOURCES; i++)
		state.frames = (struct frames){{true, true, true}, {INT64_MAX, INT64_MAX, INT64_MAX}};
	for (int i = 0; i < LAYER_COUNT; i++) {
		state.layers[i].state = LAYER_MISSING;
		memset(state.layers[i].found, 'f', LAYER_TEXT_BYTES - 1);
		memset(state.layers[i].mend, 'm', LAYER_TEXT_BYTES - 1);
	}
	long len = linkstate_encode(text, sizeof(text), &state);
	ok(len > 0, "the longest that there can be has room: %ld bytes", len);
	is_number(decode(&back, text), VERDICT_OK, "and is read");
	ok(memcmp(&back, &state, sizeof(back)) == 0, "as it was written");
	state.side = CONFIG_RECEIVER;
	linkstate_encode(text, sizeof(text), &state);
	ok(strstr(text, "layer xdp") == NULL && strstr(text, "layer route") == NULL && decode(&back, text) == VERDICT_OK,
	   "a receiver's has its own layers");
}

static void test_mutations(void)
{
	struct linkstate state, before;
	char text[EXAMPLE_BYTES + 8];
	size_t bad = 0, changed = 0;
	memset(&before, 0x5a, sizeof(before));
	for (size_t len = 0; len < EXAMPLE_BYTES; len++) {
		state = before;
		bad += linkstate_decode(&state, (const uint8_t *)example, len) != VERDICT_TRUNCATED ||
		       memcmp(&state, &before, sizeof(state)) != 0;
	}
	is_number((int64_t)bad, 0, "cut off anywhere it is refused as truncated, and nothing is written");
	/* a flipped bit may make another good file; it never makes one that says less than it should */
	for (size_t i = 0; i < 8 * EXAMPLE_BYTES; i++) {
		memcpy(text, example, EXAMPLE_BYTES + 1);
		text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
		if (linkstate_decode(&state, (const uint8_t *)text, EXAMPLE_BYTES) == VERDICT_OK)
			changed += state.layers[LAYER_ARP].state == LAYER_HOLDS || state.layers[LAYER_XDP].state == LAYER_HOLDS;
	}
	is_number((int64_t)changed, 0, "no flipped bit makes a layer hold");
}

/* The example with one piece put in place of another. */
static int with(const char *from, const char *to)
{
	struct linkstate state;
	static char text[2 * LINKSTATE_BYTES_MAX];
	const char *at = strstr(example, from);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - example), example, to, at + strlen(from));
	return decode(&state, text);
}

static void test_hostile(void)
{
	static const struct {
		const char *from, *to, *what;
		int verdict;
	} cases[] = {
		{"weir-link 1", "weir-link 2", "another version", VERDICT_UNKNOWN_VERSION},
		{"weir-link 1", "", "an empty first line", VERDICT_BAD_PROTOCOL},
		{"weir-link 1\n", "", "no first line", VERDICT_UNKNOWN_VERSION},
		{"weir-link 1\n", "weir-link 1\n\n", "an empty line", VERDICT_BAD_PROTOCOL},
		{"weir-link 1\n", "weir-link 1\r\n", "a carriage return", VERDICT_BAD_PROTOCOL},
		{"side sender", "side Sender", "another side", VERDICT_BAD_PROTOCOL},
		{"side sender", "side receiver", "the layers of the other side", VERDICT_BAD_PROTOCOL},
		{"side sender", "side", "no side", VERDICT_BAD_PROTOCOL},
		{"side sender", "side ", "an empty side", VERDICT_BAD_PROTOCOL},
		{"enp1s0\nat", "enp1s0enp1s0enp1s0\nat", "a name that is too long", VERDICT_BAD_PROTOCOL},
		{"enp1s0\nat", "enp\x1b[2J\nat", "an escape", VERDICT_BAD_PROTOCOL},
		{"enp1s0\nat", "enp\xff\nat", "what is not UTF-8", VERDICT_BAD_PROTOCOL},
		{"at 7231543", "at -1", "a negative time", VERDICT_BAD_PROTOCOL},
		{"at 7231543", "at 9223372036854775808", "a time beyond 2^63 - 1", VERDICT_BAD_PROTOCOL},
		{"at 7231543", "at 99999999999999999999999999", "a time without end", VERDICT_BAD_PROTOCOL},
		{"at 7231543", "at 7231543 ", "a blank behind", VERDICT_BAD_PROTOCOL},
		{"at 7231543", "at 0x10", "hexadecimal", VERDICT_BAD_PROTOCOL},
		{"at 7231543\n", "", "no time", VERDICT_BAD_PROTOCOL},
		{"loaded 7230017\n", "", "no time of loading", VERDICT_BAD_PROTOCOL},
		{"frames nic 0\nframes nft 2", "frames nft 2\nframes nic 0", "another order", VERDICT_BAD_PROTOCOL},
		{"frames nic 0\n", "frames nic 0\nframes nic 0\n", "a counter twice", VERDICT_BAD_PROTOCOL},
		{"frames nic 0", "frames nic", "a counter without a number", VERDICT_BAD_PROTOCOL},
		{"frames nic 0", "frames x 0", "another counter", VERDICT_BAD_PROTOCOL},
		{"layer nic holds\n", "", "a layer that is left out", VERDICT_BAD_PROTOCOL},
		{"layer xdp absent\n", "", "the last layer left out", VERDICT_BAD_PROTOCOL},
		{"layer nic holds\n", "layer nic holds\nlayer nic holds\n", "a layer twice", VERDICT_BAD_PROTOCOL},
		{"layer nic holds", "layer nic fine", "another state", VERDICT_BAD_PROTOCOL},
		{"layer nic holds", "layer nic missing", "a missing one without what was found", VERDICT_BAD_PROTOCOL},
		{"layer arp missing", "layer arp holds", "a layer that holds, with what was found", VERDICT_BAD_PROTOCOL},
		{"mend ip link set dev enp1s0 arp off\n", "", "no command", VERDICT_BAD_PROTOCOL},
		{"found ARP is on at enp1s0\n", "found \n", "an empty text", VERDICT_BAD_PROTOCOL},
		{"end\n", "end\nx", "something behind", VERDICT_TRAILING_BYTES},
		{"end\n", "end\nend\n", "another end", VERDICT_TRAILING_BYTES},
		{"end\n", "end", "a last line without its end", VERDICT_TRUNCATED},
		{"end\n", "", "no end", VERDICT_TRUNCATED},
		{"end\n", "ende\n", "another word for it", VERDICT_BAD_PROTOCOL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_text(verdict_name(with(cases[i].from, cases[i].to)), verdict_name(cases[i].verdict), "%s is refused",
			cases[i].what);
	is_number(with("frames nic 0\nframes nft 2\n", ""), VERDICT_OK, "without counters it is good");
	char longest[LAYER_TEXT_BYTES + 8] = "found ", more[sizeof(longest) + 1];
	memset(longest + 6, 'x', LAYER_TEXT_BYTES - 1);
	snprintf(more, sizeof(more), "%sx", longest);
	is_number(with("found ARP is on at enp1s0", longest), VERDICT_OK, "a text of 200 bytes is read");
	is_number(with("found ARP is on at enp1s0", more), VERDICT_BAD_PROTOCOL, "one of 201 is refused");
	static char whole[LINKSTATE_BYTES_MAX + 2];
	struct linkstate state;
	memset(whole, 'x', sizeof(whole));
	is_number(linkstate_decode(&state, (const uint8_t *)whole, LINKSTATE_BYTES_MAX + 1), VERDICT_BAD_PROTOCOL,
		  "more than 16 KiB is refused");
	memset(whole, 0, sizeof(whole));
	is_number(linkstate_decode(&state, (const uint8_t *)whole, 1024), VERDICT_TRUNCATED, "so are zeros");
}

static void test_meaning(void)
{
	struct linkstate state;
	struct config config = {.side = CONFIG_SENDER, .interface = "enp1s0"};
	decode(&state, example);
	ok(linkstate_is_fresh(&state, 7231543) && linkstate_is_fresh(&state, 7231543 + 5000), "for five seconds it is fresh");
	ok(!linkstate_is_fresh(&state, 7231543 + 5001), "and then stale");
	ok(!linkstate_is_fresh(&state, 7231542), "one from after now is, too");
	is_number(linkstate_first_missing(&state, &config), LAYER_ARP, "a layer is missing");
	config.absent = 1U << LAYER_ARP;
	is_number(linkstate_first_missing(&state, &config), LAYER_XDP,
		  "also one that weir-link leaves out, and the daemon's configuration does not");
	config.absent |= 1U << LAYER_XDP;
	is_number(linkstate_first_missing(&state, &config), -ENOENT, "with both named as absent none is");
	state.layers[LAYER_ROLE].state = LAYER_MISSING;
	config.absent = UINT32_MAX << LAYER_ARP;
	is_number(linkstate_first_missing(&state, &config), LAYER_ROLE, "a wrong role can never be");
}

int main(void)
{
	test_example();
	test_longest();
	test_mutations();
	test_hostile();
	test_meaning();
	return done_testing();
}
