/* What check says of the layers of the link, for each layer that is missing. */
#include <fcntl.h>

#include "common/io.h"
#include "common/linkwatch.h"
#include "tests/lib/checks.h"

static struct config config = {.side = CONFIG_SENDER, .interface = "weir0"};

static struct linkstate good(void)
{
	struct linkstate state = {.side = config.side, .interface = "weir0", .at_ms = linkwatch_now_ms(), .loaded_ms = 5};
	state.frames = (struct frames){{true, true, true}, {0, 0, 0}};
	return state;
}

static void put(const struct linkstate *state)
{
	char text[LINKSTATE_BYTES_MAX + 1];
	long len = linkstate_encode(text, sizeof(text), state);
	int dir = io_open_dir(AT_FDCWD, test_dir());
	is_number(len < 0 ? len : io_write_file(dir, LINKSTATE_FILE, text, (size_t)len, 0644), 0, "a state is written");
	io_close(dir);
}

/* As they stand in the table, so that each is named. */
static const char *const missing[LAYER_COUNT] = {
	[LAYER_NIC] = "red layer-nic: gone; type: mend it",
	[LAYER_ROLE] = "red layer-role: gone; type: mend it",
	[LAYER_ARP] = "red layer-arp: gone; type: mend it",
	[LAYER_MULTICAST] = "red layer-multicast: gone; type: mend it",
	[LAYER_IPV6] = "red layer-ipv6: gone; type: mend it",
	[LAYER_NEIGHBOUR] = "red layer-neighbour: gone; type: mend it",
	[LAYER_ROUTE] = "red layer-route: gone; type: mend it",
	[LAYER_FORWARDING] = "red layer-forwarding: gone; type: mend it",
	[LAYER_BRIDGE] = "red layer-bridge: gone; type: mend it",
	[LAYER_LLDP] = "red layer-lldp: gone; type: mend it",
	[LAYER_PAUSE] = "red layer-pause: gone; type: ethtool -A weir0 autoneg off rx off tx off",
	[LAYER_NFT] = "red layer-nft: gone; type: mend it",
	[LAYER_XDP] = "red layer-xdp: gone; type: mend it",
};

static void test_layers(void)
{
	for (int i = 0; i < LAYER_COUNT; i++) {
		struct linkstate state = good();
		char green[64];
		snprintf(green, sizeof(green), "green layer-%s: ", layer_name((enum layer)i));
		put(&state);
		finds(check_link, &config, green, "a layer that holds is green");
		snprintf(state.layers[i].found, LAYER_TEXT_BYTES, "gone");
		snprintf(state.layers[i].mend, LAYER_TEXT_BYTES, "mend it");
		state.layers[i].state = LAYER_MISSING;
		put(&state);
		is_text(found(check_link, &config, finding_name((enum finding_id)(FINDING_LAYER + i))), missing[i],
			"one that is missing is red, with what mends it");
	}
}

static void test_absent(void)
{
	struct linkstate state = good();
	state.layers[LAYER_LLDP].state = LAYER_ABSENT;
	put(&state);
	finds(check_link, &config, "red layer-lldp: it is named as absent to weir-link, and not here", "one that only weir-link does without is red");
	config.absent = 1U << LAYER_LLDP;
	finds(check_link, &config, "amber layer-lldp: absent by the configuration", "one that the configuration names is amber");
	finds(check_link, &config, "green layer-arp: ", "and the others are as they were");
	config.absent = 0;
}

static void test_frames(void)
{
	struct linkstate state = good();
	put(&state);
	finds(check_link, &config, "green wrong-way: 0 frames", "no frame went the wrong way");
	state.frames.count[FRAMES_XDP] = 2;
	state.frames.count[FRAMES_NIC] = 1;
	put(&state);
	finds(check_link, &config, "amber wrong-way: 2 frames went the wrong way at weir0", "those that did are told of, by whoever saw most");
	state.frames.is_counted[FRAMES_XDP] = false;
	put(&state);
	finds(check_link, &config, "amber wrong-way: 1 frame went", "and by none that does not count");
}

static void test_watch(void)
{
	struct linkstate state = good();
	put(&state);
	finds(check_link, &config, "green link-watch: weir-link watches weir0", "a watch that looks is green");
	state.at_ms -= LINKSTATE_FRESH_MS + 1;
	put(&state);
	finds(check_link, &config, "red link-watch: weir-link does not watch the link", "one that stands still is red");
	is_text(found(check_link, &config, "layer-arp"), "", "and nothing is said of layers that it saw once");
	state = good();
	snprintf(state.interface, sizeof(state.interface), "other");
	put(&state);
	finds(check_link, &config, "red link-watch: weir-link watches interface other", "so is that of another interface");
	unlink(test_path(LINKSTATE_FILE));
	finds(check_link, &config, "red link-watch: weir-link does not run", "and none");
	config.is_unwatched = true;
	finds(check_link, &config, "amber link-watch: absent = all", "a configuration without any layer is amber");
	config.is_unwatched = false;
}

int main(void)
{
	snprintf(config.runtime, sizeof(config.runtime), "%s", test_dir());
	test_layers();
	test_absent();
	test_frames();
	test_watch();
	config.side = CONFIG_RECEIVER;
	struct linkstate state = good();
	put(&state);
	is_text(found(check_link, &config, "layer-xdp"), "", "what is no layer of a receiver is not looked at there");
	finds(check_link, &config, "green layer-nft: ", "but the others are");
	return done_testing();
}
